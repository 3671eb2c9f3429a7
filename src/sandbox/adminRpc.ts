import { BursarError } from '../errors/bursarError.ts'

export interface AdminCall {
  readonly method: string
  readonly params?: readonly unknown[]
}

/**
 * Answers of one batch to our own anvil, in the order asked; throws `sandbox_unavailable` at the first refusal.
 * The engine's RPC layer refuses admin and send methods on purpose (R7), so the sandbox has a line of its own.
 * anvil works on the calls of a batch at the same time: put calls that depend on each other into two batches.
 */
export async function adminBatch(
  url: string,
  calls: readonly AdminCall[],
  signal?: AbortSignal,
): Promise<readonly unknown[]> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const answers = await post(url, calls, signal ? AbortSignal.any([signal, timeout]) : timeout)
  const byId = new Map(answers.map((answer) => [answer.id, answer]))
  return calls.map((call, id) => {
    const answer = byId.get(id)
    if (!answer || answer.error) {
      throw new BursarError('sandbox_unavailable', {
        reason: `anvil refused ${call.method}: ${answer?.error?.message ?? 'no answer'}`,
      })
    }
    return answer.result
  })
}

/** The text that one call answers. */
export async function adminText(url: string, call: AdminCall, signal?: AbortSignal): Promise<string> {
  const [answer] = await adminBatch(url, [call], signal)
  return String(answer)
}

// Mining thousands of blocks in one call takes seconds.
const TIMEOUT_MS = 30_000

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

async function post(url: string, calls: readonly AdminCall[], signal: AbortSignal): Promise<Answer[]> {
  const body = calls.map((call, id) => ({
    jsonrpc: '2.0',
    id,
    method: call.method,
    params: call.params ?? [],
  }))
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    })
    return (await response.json()) as Answer[]
  } catch (cause) {
    throw new BursarError('sandbox_unavailable', { reason: `anvil at ${url} does not answer` }, { cause })
  }
}
