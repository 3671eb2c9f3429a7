import type { StatusAsk, StatusReading, TransactionStatus } from '../../chains/adapter.ts'
import type { OperationTrace } from '../../chains/nonceUses.ts'
import { unattended } from '../../primitives/abort.ts'
import { digestOf } from '../../primitives/json.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import { asHex, asObject, fromQuantity, toQuantity } from '../quantity.ts'
import { LATEST_BLOCK, parseHead } from '../reads/blocks.ts'
import { nativeMovesOf } from '../reads/nativeMoves.ts'
import { numberOf, SAFE_BLOCK, type Telling } from '../reads/status.ts'
import type { Question } from '../reads/witnesses.ts'
import { effectsOf } from '../simulation/effects.ts'
import type { CallFrame, RawLog } from '../simulation/execution.ts'
import { parseLogs } from '../simulation/logs.ts'
import { eventOf, includedBy, type OperationEvent, ownLogs } from './operationEvents.ts'
import { runIn } from './operationRun.ts'
import { nonceRequest, nonceTold } from './reads.ts'

/**
 * What the chain says of user operations of one nonce: none is looked for before the nonce is used, and none is pending,
 * because nodes know transactions only.
 */
export async function readOperationStatus(
  client: ChainClient,
  account: string,
  hashes: readonly string[],
  telling: Telling,
  { signal, safe = false, operation }: StatusAsk & { readonly operation: OperationTrace },
): Promise<StatusReading> {
  const count = nonceRequest(account as `0x${string}`, operation.entryPoint as `0x${string}`, 'latest')
  const asked = [LATEST_BLOCK, count, ...(safe ? [SAFE_BLOCK] : [])]
  const [block, nonce, safeBlock] = await client.batch(asked, signal)
  const head = parseHead(resultOf(block, LATEST_BLOCK.method, client), client.host)
  const minedCount = nonceTold(nonce, client)
  const safeHead = safe ? numberOf(client, safeBlock) : undefined
  const isUsed = minedCount > operation.nonce && hashes.length > 0
  const found = isUsed
    ? await inclusionOf(client, hashes, operation, head.number, telling, signal)
    : undefined
  return {
    head: head.ref,
    minedCount,
    ...(safeHead === undefined ? {} : { safe: safeHead }),
    transactions: hashes.map((hash) => (found?.hash === hash ? found : { hash, state: 'unseen' })),
  }
}

async function inclusionOf(
  client: ChainClient,
  hashes: readonly string[],
  operation: OperationTrace,
  head: bigint,
  { assets, tracers }: Telling,
  signal: AbortSignal,
): Promise<TransactionStatus | undefined> {
  const seen = await includedBy(client, operation, hashes, head, signal)
  if (!seen) return undefined
  const { hash, transactionHash } = seen
  const { host } = client
  const told = await client.call('eth_getTransactionReceipt', [transactionHash], signal)
  // The block left the chain in between.
  if (told === null || told === undefined) return undefined
  const receipt = asObject(told, 'the receipt', host)
  const logs = parseLogs(receipt['logs'] ?? [], host)
  const event = eventOf(logs, operation.entryPoint, hash)
  if (!event) return undefined
  const { success: succeeded, gasUsed, gasCost: feePaid } = event
  const own = ownLogs(logs, operation.entryPoint, hash)
  return {
    hash,
    state: 'included',
    included: {
      blockNumber: fromQuantity(receipt['blockNumber'], 'blockNumber', host).toString(),
      blockHash: asHex(receipt['blockHash'], 'blockHash', host),
      ...{ transactionHash, succeeded, gasUsed, feePaid },
      gasPrice: gasUsed === 0n ? 0n : feePaid / gasUsed,
      essence: essenceOf(receipt, event, own),
      async effects(ask) {
        const within = (whole: CallFrame) => runIn(whole, operation.entryPoint, hash)
        const native = ask.native ? await nativeMovesOf(tracers, transactionHash, within) : undefined
        const [effects = []] = await effectsOf([[...own, ...(native ?? [])]], assets, unattended())
        return { effects, withNative: native !== undefined }
      },
    },
  }
}

/** How an operation was included, as every endpoint must tell it before it is taken for final. */
export function operationFact(
  { hash, included }: Required<TransactionStatus>,
  transactionHash: string,
  entryPoint: string,
): Question {
  return {
    request: { method: 'eth_getTransactionReceipt', params: [transactionHash] },
    what: `the receipt of ${transactionHash}, which holds the user operation ${hash}`,
    judged: 'inclusion',
    claimed: included.essence,
    essence: (result) => {
      const receipt = asObject(result, 'the receipt', 'an endpoint')
      const logs = parseLogs(receipt['logs'] ?? [], 'an endpoint')
      return essenceOf(receipt, eventOf(logs, entryPoint, hash), ownLogs(logs, entryPoint, hash))
    },
  }
}

/** Caps are settled by all of it (R5). */
function essenceOf(
  { blockHash }: Record<string, unknown>,
  event: OperationEvent | undefined,
  own: readonly RawLog[],
): string {
  const { success, gasUsed, gasCost } = event ?? {}
  return [blockHash, success, gasUsed, gasCost, digestOf(JSON.stringify(own).toLowerCase())]
    .join(' ')
    .toLowerCase()
}

/**
 * Whether an endpoint says that the nonce of operations was used, at or before block `newest`, and by none of them.
 */
export async function saysOperationUsed(
  client: ChainClient,
  account: string,
  hashes: readonly string[],
  newest: bigint,
  operation: OperationTrace,
  signal: AbortSignal,
): Promise<boolean> {
  const { entryPoint, nonce } = operation
  const request = nonceRequest(account as `0x${string}`, entryPoint as `0x${string}`, toQuantity(newest))
  const [counted, block] = await client.batch([request, LATEST_BLOCK], signal)
  if (nonceTold(counted, client) <= nonce) return false
  const { number } = parseHead(resultOf(block, LATEST_BLOCK.method, client), client.host)
  return (await includedBy(client, operation, hashes, number, signal)) === undefined
}
