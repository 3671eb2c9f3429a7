import type { FlashbotsBundleProvider } from '@flashbots/ethers-provider-bundle'
import type { Secret } from '../../primitives/secret.ts'
import { untrusted } from '../../primitives/untrusted.ts'
import { boundedPost, type PostAnswer, PostFailed } from '../../rpc/boundedPost.ts'
import { wordsWithout } from '../../rpc/endpoint/ownSecrets.ts'

/** What a relay does not do or say. `reason` is in our words; `evidence` has what it said, capped, for the log. */
export class RelayAway extends Error {
  readonly evidence: string

  constructor(reason: string, evidence = reason) {
    super(reason)
    this.evidence = evidence
  }
}

/** More than any answer about a hundred transactions. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
/** Said by what stands before a relay, whatever the body is. */
const GATEWAY_STATUSES: ReadonlySet<number> = new Set([401, 403, 407, 408, 429, 502, 503, 504])

type FetchRequest = Exclude<ConstructorParameters<typeof FlashbotsBundleProvider>[2], string>

/** What the Flashbots client sends by, and what came back last, of which the client does not tell everything. */
export interface RelayWire {
  readonly request: FetchRequest
  result: unknown
}

/**
 * The part of ethers' FetchRequest that the Flashbots client uses, over a transport with bounds: the one of ethers waits
 * for five minutes, tries again by itself when it is throttled, and puts the URL into its errors (T14).
 */
export function relayWire(url: Secret, signal: AbortSignal): RelayWire {
  // Cloned once when the client is made, and for each request.
  const request = () => {
    const headers: Record<string, string> = { accept: 'application/json' }
    return {
      clone: request,
      body: '',
      setHeader(name: string, value: string) {
        headers[name.toLowerCase()] = value
      },
      async send() {
        const bodyJson = await exchange(url, headers, this.body, signal)
        wire.result = bodyJson.result
        return { assertOk() {}, bodyJson }
      },
    }
  }
  const wire: RelayWire = { request: request() as unknown as FetchRequest, result: undefined }
  return wire
}

interface Answer {
  readonly result?: unknown
  readonly error?: unknown
}

/** A JSON-RPC answer; throws `RelayAway` when there is none. */
async function exchange(
  url: Secret,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<Answer> {
  const { status, text } = await post(url, headers, body, signal)
  const refuses = status >= 400 && !GATEWAY_STATUSES.has(status) && /^\s*\{/.test(text)
  // What stands before a relay likes to quote the path (T14).
  const evidence = `status ${status}: ${untrusted(wordsWithout(url)(text)).untrusted}`
  if (status !== 200 && !refuses) throw new RelayAway(`it answered with status ${status}`, evidence)
  const answer = parsed(text)
  if (answer === undefined) throw new RelayAway('its answer cannot be read', evidence)
  return answer
}

async function post(
  url: Secret,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<PostAnswer> {
  try {
    return await boundedPost({ url, headers, body, maxBytes: MAX_ANSWER_BYTES }, signal)
  } catch (error) {
    throw error instanceof PostFailed ? new RelayAway(error.message) : error
  }
}

/** Undefined for what is neither a result nor a refusal. */
function parsed(text: string): Answer | undefined {
  try {
    const answer = JSON.parse(text) as Answer | null
    return (answer?.result ?? answer?.error ?? undefined) === undefined ? undefined : (answer as Answer)
  } catch {
    return undefined
  }
}
