import type { RpcOutcome, RpcRequest } from '../transport.ts'
import { AT_BLOCK } from './lifetimes.ts'

/** Methods whose answer says of which block it is, though the question does not. */
const SAYS_ITS_BLOCK: ReadonlySet<string> = new Set(['eth_getTransactionReceipt', 'eth_getTransactionByHash'])

/** Whether the answers could be about blocks that stay: asked before they are known, to look them up at all. */
export function mayBeFinal(requests: readonly RpcRequest[]): boolean {
  return requests.every(
    (request) => SAYS_ITS_BLOCK.has(request.method) || numberAskedFor(request) !== undefined,
  )
}

/** Whether all answers are about `final` or blocks below it. */
export function areFinal(
  requests: readonly RpcRequest[],
  outcomes: readonly RpcOutcome[],
  final: bigint,
): boolean {
  return requests.every((request, index) => {
    const number = numberAskedFor(request) ?? numberIn(outcomes[index])
    return number !== undefined && number <= final
  })
}

function numberAskedFor({ method, params }: RpcRequest): bigint | undefined {
  if (method === 'eth_getBlockByNumber') return blockNumber(params[0])
  return AT_BLOCK.test(method) ? blockNumber(params.at(-1)) : undefined
}

function numberIn(outcome: RpcOutcome | undefined): bigint | undefined {
  if (!outcome?.ok || typeof outcome.result !== 'object' || outcome.result === null) return undefined
  return 'blockNumber' in outcome.result ? blockNumber(outcome.result.blockNumber) : undefined
}

function blockNumber(value: unknown): bigint | undefined {
  return typeof value === 'string' && /^0x[0-9a-f]{1,16}$/i.test(value) ? BigInt(value) : undefined
}
