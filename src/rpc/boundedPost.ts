import { Agent, errors, request } from 'undici'
import type { Secret } from '../primitives/secret.ts'

export interface PostOptions {
  readonly url: Secret
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Larger answers are not read to their end. */
  readonly maxBytes: number
  /** PEM: what we show, with its key, and whom we believe; absent: nothing, and whom the system believes. */
  readonly tls?: { readonly cert?: string; readonly key?: string; readonly ca?: string }
}

export interface PostAnswer {
  readonly status: number
  readonly text: string
}

/** The service cannot be reached or does not answer as it should. Its message is in our words, without the URL. */
export class PostFailed extends Error {}

/**
 * One POST to a service that the operator has named, over a connection of its own. Redirects are not followed (T13).
 * Throws `PostFailed`, also when the signal ends it.
 */
export async function boundedPost(
  { url, headers, body, maxBytes, tls }: PostOptions,
  signal: AbortSignal,
): Promise<PostAnswer> {
  const dispatcher = new Agent({ connections: 1, maxResponseSize: maxBytes, ...(tls && { connect: tls }) })
  try {
    const answer = await request(url.reveal(), { method: 'POST', headers, body, signal, dispatcher })
    return { status: answer.statusCode, text: await answer.body.text() }
  } catch (error) {
    throw new PostFailed(reasonOf(error))
  } finally {
    await dispatcher.destroy()
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.ResponseExceededMaxSizeError) return 'its answer is too large'
  const { name, code } = error as { readonly name?: string; readonly code?: unknown }
  if (name === 'TimeoutError' || name === 'AbortError') return 'it did not answer in time'
  return typeof code === 'string' ? `it cannot be reached (${code})` : 'it cannot be reached'
}
