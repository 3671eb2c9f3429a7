import { BursarError } from '../errors/bursarError.ts'
import { untrusted } from '../primitives/untrusted.ts'
import type { RpcErrorBody, RpcOutcome, RpcRequest, RpcTransport } from './transport.ts'

/** Read access to one chain, as the family adapters use it. */
export interface ChainClient {
  /** CAIP-2 id. */
  readonly chain: string
  readonly host: string
  /** The result of one call; throws `rpc_refused` or `rpc_method_missing` when the chain says no. */
  call(method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown>
  /** Several calls in one round trip; each outcome says for itself whether the chain said no. */
  batch(requests: readonly RpcRequest[], signal: AbortSignal): Promise<readonly RpcOutcome[]>
  /** The same as `call` in the shape of EIP-1193, which viem's `custom` transport takes. */
  request(call: { method: string; params?: unknown }): Promise<unknown>
}

/** Time allowed for a request that brings no signal of its own. */
const DEFAULT_DEADLINE_MS = 30_000

export function chainClient(chain: string, transport: RpcTransport): ChainClient {
  async function call(method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    const [outcome] = await transport.send([{ method, params }], signal)
    if (outcome?.ok) return outcome.result
    throw refusal(outcome?.error ?? { code: 0, message: 'no answer' }, method, chain, transport.host)
  }
  return {
    chain,
    host: transport.host,
    call,
    batch: (requests, signal) => transport.send(requests, signal),
    request: ({ method, params }) =>
      call(method, Array.isArray(params) ? params : [], AbortSignal.timeout(DEFAULT_DEADLINE_MS)),
  }
}

/** The result of an outcome, or its refusal thrown. */
export function resultOf(outcome: RpcOutcome | undefined, method: string, client: ChainClient): unknown {
  if (outcome?.ok) return outcome.result
  throw refusal(outcome?.error ?? { code: 0, message: 'no answer' }, method, client.chain, client.host)
}

const METHOD_MISSING = -32601
const REVERTED = 3

function refusal(error: RpcErrorBody, method: string, chain: string, host: string): BursarError {
  const quoted = error.message === '' ? {} : { quoted: untrusted(error.message) }
  if (isMissing(error)) return new BursarError('rpc_method_missing', { method, host }, { chain, ...quoted })
  return new BursarError('rpc_refused', { method, code: error.code }, { chain, ...quoted })
}

/** Whether a refusal says that the endpoint does not offer the method at all. */
export function isMissing({ code, message }: RpcErrorBody): boolean {
  // What a contract says when it reverts is chosen by a stranger (R9).
  if (code === REVERTED || /revert|vm exception|vm execution/i.test(message)) return false
  return (
    code === METHOD_MISSING ||
    /method .*(not found|not supported|does not exist|not available)/i.test(message)
  )
}
