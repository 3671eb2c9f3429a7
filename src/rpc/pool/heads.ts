import type { RpcOutcome, RpcRequest } from '../transport.ts'

/** The newest block that a batch of answers shows, whatever it was asked for. */
export function newestBlockIn(
  requests: readonly RpcRequest[],
  outcomes: readonly RpcOutcome[],
): bigint | undefined {
  for (const [index, { method, params }] of requests.entries()) {
    const outcome = outcomes[index]
    if (!outcome?.ok) continue
    const head =
      method === 'eth_blockNumber'
        ? outcome.result
        : method === 'eth_getBlockByNumber' && params[0] === 'latest'
          ? numberOf(outcome.result)
          : undefined
    if (typeof head === 'string' && /^0x[0-9a-f]{1,16}$/i.test(head)) return BigInt(head)
  }
  return undefined
}

/** When the newest block was made that a batch of answers shows, in milliseconds, as its endpoint says. */
export function newestTimeIn(
  requests: readonly RpcRequest[],
  outcomes: readonly RpcOutcome[],
): number | undefined {
  for (const [index, { method, params }] of requests.entries()) {
    const outcome = outcomes[index]
    if (!outcome?.ok || method !== 'eth_getBlockByNumber' || params[0] !== 'latest') continue
    const { timestamp } = (outcome.result ?? {}) as { readonly timestamp?: unknown }
    if (typeof timestamp === 'string' && /^0x[0-9a-f]{1,12}$/i.test(timestamp))
      return Number(timestamp) * 1000
  }
  return undefined
}

function numberOf(block: unknown): unknown {
  return typeof block === 'object' && block !== null && 'number' in block ? block.number : undefined
}
