import type { Tool } from '../src/mcp/defineTool.ts'
import { getBalances } from './get-balances.ts'
import { getOperation } from './get-operation.ts'
import { getStatus } from './get-status.ts'
import { getWallets } from './get-wallets.ts'
import { listChains } from './list-chains.ts'
import { listOperations } from './list-operations.ts'
import { quoteGas } from './quote-gas.ts'
import { replaceTransaction } from './replace-transaction.ts'
import { sendTransaction } from './send-transaction.ts'
import { simulateTransaction } from './simulate-transaction.ts'

/** Every tool, in the order in which a model meets them: look, price, prepare, send, follow. */
export const tools: readonly Tool[] = [
  listChains,
  getWallets,
  getBalances,
  quoteGas,
  simulateTransaction,
  sendTransaction,
  getOperation,
  listOperations,
  replaceTransaction,
  getStatus,
]
