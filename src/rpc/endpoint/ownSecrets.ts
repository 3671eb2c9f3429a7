import type { Secret } from '../../primitives/secret.ts'
import type { RpcErrorBody, RpcOutcome } from '../transport.ts'

/** Shorter parts of a URL are versions and names; API keys are longer. */
const LEAST_LENGTH = 8
/** Shorter credentials are in every other word. */
const LEAST_CREDENTIAL = 4
const REDACTED = '[secret]'

/**
 * Takes the secrets of an endpoint's URL out of its refusals: providers quote the key or the path that they were
 * called with ("project KEY is suspended"), and refusals are shown and recorded (T14).
 */
export function withoutSecretsOf(url: Secret): (outcome: RpcOutcome) => RpcOutcome {
  const hidden = wordsWithout(url)
  // Data of a revert decides, and cannot be a quotation; of other data nothing is needed.
  const hiddenIn = (data: unknown): unknown => {
    if (data === undefined || (typeof data === 'string' && /^0x[0-9a-f]*$/i.test(data))) return data
    const text = JSON.stringify(data)
    return hidden(text) === text ? data : REDACTED
  }
  const shown = ({ code, message, data }: RpcErrorBody): RpcErrorBody => ({
    ...{ code, message: hidden(message) },
    ...(data === undefined ? {} : { data: hiddenIn(data) }),
  })
  return (outcome) => (outcome.ok ? outcome : { ok: false, error: shown(outcome.error) })
}

/** Takes the secrets of a URL out of words of whoever was called by it; to be done before they are capped. */
export function wordsWithout(url: Secret): (text: string) => string {
  const secrets = secretsOf(new URL(url.reveal()))
  return (text) => secrets.reduce((shown, secret) => shown.split(secret).join(REDACTED), text)
}

function secretsOf({ username, password, pathname, searchParams }: URL): readonly string[] {
  const parts = [...pathname.split('/'), ...searchParams.values()].filter(
    ({ length }) => length >= LEAST_LENGTH,
  )
  const credentials = [username, password].filter(({ length }) => length >= LEAST_CREDENTIAL)
  const all = [...credentials, ...sentAs(username, password), ...parts]
  // The longest first: one may be a part of another.
  return [...new Set(all.flatMap((part) => [part, decoded(part)]))].sort((a, b) => b.length - a.length)
}

/** How credentials look in the header that they are sent in, which some servers quote (RFC 7617). */
function sentAs(username: string, password: string): readonly string[] {
  if (username === '' && password === '') return []
  const header = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')
  return [header.replace(/=+$/, '')]
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    // A stray per cent sign: then the text as it is.
    return part
  }
}
