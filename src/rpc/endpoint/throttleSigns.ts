import { BursarError } from '../../errors/bursarError.ts'
import type { RpcErrorBody } from '../transport.ts'

const THROTTLE_TEXT =
  /rate.?limit|too many requests|request(s)? (rate|limit) |(compute units|requests?|throughput|capacity)\b.*\b(per second|exceeded)|exceeded.*\b(compute units|throughput|per second|quota)|credits.*exceeded|daily request count/i
/** Infura and others refuse queries that are too large with the code that stands for "limit exceeded" as well. */
const TOO_LARGE = /results|block range|range is too|logs matched|response size|too large/i
/** What a contract says when it reverts is chosen by a stranger (R9). */
const OF_THE_CHAIN = /revert|vm exception|vm execution/i
const REVERTED = 3
const LIMIT_EXCEEDED = -32005

/** Whether an error means "too many requests": by the codes and texts that providers use in 200 answers. */
export function isThrottle({ code, message }: RpcErrorBody): boolean {
  if (code === 429) return true
  // The codes of JSON-RPC itself are about the request: unknown method, wrong parameters.
  const standard = code >= -32700 && code <= -32600
  if (code === REVERTED || standard || OF_THE_CHAIN.test(message) || TOO_LARGE.test(message)) return false
  return code === LIMIT_EXCEEDED || THROTTLE_TEXT.test(message)
}

/** The refusal of a provider that thinks it was too much. */
export function throttled(refused: RpcErrorBody, host: string): BursarError {
  return new BursarError('provider_throttled', { host, retryAfterMs: retryAfter(refused) })
}

/** How long the provider asks to wait: Infura in data, others in the text. */
function retryAfter({ message, data }: RpcErrorBody): number | undefined {
  const rate = (data as { rate?: { backoff_seconds?: unknown } } | null | undefined)?.rate
  const seconds = Number(rate?.backoff_seconds)
  if (seconds > 0) return seconds * 1000
  const [, amount, unit] =
    /(?:try again|retry)\D{0,20}?(\d{1,6}(?:\.\d+)?) ?(ms|s\b|sec)/i.exec(message) ?? []
  const ms = Number(amount) * (unit === 'ms' ? 1 : 1000)
  return ms > 0 ? ms : undefined
}
