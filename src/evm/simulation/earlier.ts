import type { Earlier } from '../../chains/adapter.ts'
import { asEvmPayload, type EvmPayload } from '../evmPayload.ts'
import { deploymentRun } from '../userOperations/runs.ts'

/** A simulated block holds so much gas on every node; what waits and is older is left out. */
const EARLIER_GAS = 15_000_000n

/** What is in the state already must not happen again in a simulation on it. */
export function unminedOf(earlier: readonly Earlier[], minedCount: bigint): readonly Earlier[] {
  return earlier.filter(({ nonce }) => nonce === undefined || nonce >= minedCount)
}

/**
 * Plain transfers are left out: the funds that they take are held for them, and they change nothing else. What deploys
 * an account comes before the operation that carries it.
 */
export function payloadsOf(earlier: readonly Earlier[]): readonly EvmPayload[] {
  const calls = earlier.map(({ payload }) => asEvmPayload(payload)).filter(({ data }) => data !== '0x')
  let gas = 0n
  const newest = calls.reverse().filter(({ gasLimit }) => {
    gas += BigInt(gasLimit)
    return gas <= EARLIER_GAS
  })
  return newest.reverse().flatMap((payload) => [...deploymentRun(payload), payload])
}

/** The same, and what a payload itself needs to have happened. */
export function payloadsBefore(earlier: readonly Earlier[], payload: EvmPayload): readonly EvmPayload[] {
  return [...payloadsOf(earlier), ...deploymentRun(payload)]
}
