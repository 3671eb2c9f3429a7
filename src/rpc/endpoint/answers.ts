import { BursarError } from '../../errors/bursarError.ts'
import type { RpcErrorBody, RpcOutcome } from '../transport.ts'
import { isThrottle, throttled } from './throttleSigns.ts'

/** Parses the answer to one call. Throws `provider_garbage` on anything but JSON-RPC 2.0 with that id. */
export function parseAnswer(text: string, id: number, host: string): RpcOutcome {
  const answer = asAnswer(parseJson(text, host))
  if (!answer) throw garbage(host, 'not a JSON-RPC object')
  // A refusal of a request that could not be read carries id null.
  if (answer.id !== id && !(answer.id === null && answer.outcome.ok === false))
    throw garbage(host, 'wrong id')
  return answer.outcome
}

/** Invalid request, method not found: how endpoints say that they take calls only one by one. */
const TAKES_NO_BATCHES: ReadonlySet<number> = new Set([-32600, -32601])

/** Some take batches up to a size that they tell in words only, under codes of their own. */
const isAboutBatch = ({ code, message }: RpcErrorBody) =>
  TAKES_NO_BATCHES.has(code) || /\bbatch/i.test(message)

/** Whether what came back is one refusal for all of a batch, for being a batch. */
export function isRefusalOfBatch(outcomes: readonly RpcOutcome[]): boolean {
  const [first] = outcomes
  if (!first || first.ok || !isAboutBatch(first.error)) return false
  return outcomes.every((outcome) => outcome === first)
}

/**
 * Parses the answer to a batch into the order of `ids`; answers may come in any order. When the batch as such was
 * refused (some endpoints take calls only one by one), that one refusal is the outcome of each call.
 */
export function parseBatch(text: string, ids: readonly number[], host: string): readonly RpcOutcome[] {
  const parsed = parseJson(text, host)
  if (!Array.isArray(parsed)) {
    const refusal = (asAnswer(parsed) ?? asBareRefusal(parsed))?.outcome
    if (refusal?.ok === false) {
      if (isAboutBatch(refusal.error)) return ids.map(() => refusal)
      if (isThrottle(refusal.error)) throw throttled(refusal.error, host)
      const reason = `it refused the batch (code ${refusal.error.code})`
      throw new BursarError('provider_unreachable', { host, reason })
    }
    throw garbage(host, 'the answer to a batch is not a list')
  }
  const byId = new Map<unknown, RpcOutcome>()
  for (const entry of parsed) {
    const answer = asAnswer(entry)
    if (!answer) throw garbage(host, 'a batch entry is not a JSON-RPC object')
    byId.set(answer.id, answer.outcome)
  }
  return ids.map((id) => {
    const outcome = byId.get(id)
    if (!outcome) throw garbage(host, 'a batch entry is missing')
    return outcome
  })
}

function parseJson(text: string, host: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw garbage(host, text === '' ? 'empty body' : 'invalid JSON', cause)
  }
}

function asAnswer(value: unknown): { id: unknown; outcome: RpcOutcome } | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { id, result, error } = value as { id?: unknown; result?: unknown; error?: unknown }
  if (error !== undefined && error !== null) {
    const body = asErrorBody(error)
    return body && { id: id ?? null, outcome: { ok: false, error: body } }
  }
  return 'result' in value ? { id, outcome: { ok: true, result } } : undefined
}

/** The body of an error without the envelope, as gateways put it. */
function asBareRefusal(value: unknown): ReturnType<typeof asAnswer> {
  const error = asErrorBody(value)
  return error && { id: null, outcome: { ok: false, error } }
}

function asErrorBody(value: unknown): RpcErrorBody | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { code, message, data } = value as { code?: unknown; message?: unknown; data?: unknown }
  if (typeof code !== 'number') return undefined
  return {
    code,
    message: typeof message === 'string' ? message : '',
    ...(data === undefined ? {} : { data }),
  }
}

function garbage(host: string, reason: string, cause?: unknown): BursarError {
  return new BursarError('provider_garbage', { host, reason }, { cause })
}
