import type { Hex } from 'viem'
import { privateKeyToAddress } from 'viem/accounts'
import type { Rehearsal } from '../../src/chains/adapter.ts'
import { base } from '../../src/chains/data/base.ts'
import { issueReceipt, type SigningOrder } from '../../src/chains/simulationReceipt.ts'
import { evmCodec } from '../../src/evm/codec.ts'
import type { EvmPayload } from '../../src/evm/evmPayload.ts'
import { MERCHANT, USDC } from '../support/engine.ts'

export const codec = evmCodec(base)

/** An order to sign a call on Base, with the receipt of a simulation that has passed at that time. */
export function orderFor(key: Hex, at: number, change: Partial<EvmPayload> = {}): SigningOrder {
  const payload: EvmPayload = {
    family: 'evm',
    chain: base.id,
    from: privateKeyToAddress(key),
    to: USDC,
    value: '5',
    data: `0xa9059cbb${'0'.repeat(24)}${MERCHANT.slice(2).toLowerCase()}${'0'.repeat(63)}1`,
    accessList: [],
    gasLimit: '60000',
    ...change,
  }
  const block = { number: '10', hash: `0x${'ab'.repeat(32)}` }
  const outcome = { ok: true, gasUsed: 50_000n, effects: [], findings: [] }
  const rehearsal = { block, outcome, simulator: { name: 'test', skipped: [] } } as unknown as Rehearsal
  const receipt = issueReceipt(base, payload, rehearsal, { policy: 'any', findings: [] }, at)
  const terms = { maxFeePerGas: '2000000000', maxPriorityFeePerGas: '1000000' }
  return { payload, nonce: 7n, terms, receipt, head: rehearsal.block }
}
