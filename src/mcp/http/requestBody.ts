import { BursarError } from '../../errors/bursarError.ts'

/** The largest transaction that nodes relay is 256 KB as hex, with room to spare; the same as over stdio. */
export const MAX_BODY_BYTES = 1_048_576
/** Tools take objects in lists in objects; nothing honest is near it. */
const MAX_DEPTH = 32
const MOST = '1 MiB'

/**
 * The JSON of a request, read once and never held beyond the limit (T34). Throws `request_invalid` and
 * `request_too_large`.
 */
export async function readBody(request: Request): Promise<unknown> {
  requireJson(request.headers)
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge()
  const text = await readText(request)
  requireShallow(text)
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('its body is not JSON')
  }
}

function requireJson(headers: Headers): void {
  const type = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') throw invalid('its content type is not application/json', 415)
  const encoding = headers.get('content-encoding')
  if (encoding !== null && encoding !== 'identity') throw invalid('its body is compressed', 415)
}

async function readText(request: Request): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  const reader = request.body?.getReader()
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
    if (done || value === undefined) break
    bytes += value.length
    if (bytes > MAX_BODY_BYTES) {
      await reader?.cancel()
      throw tooLarge()
    }
    parts.push(value)
  }
  return Buffer.concat(parts).toString()
}

const STEPS: Readonly<Record<string, number>> = { '{': 1, '[': 1, '}': -1, ']': -1 }

/** Looked at before it is parsed: what is nested deeper than anything honest may cost any later step its stack. */
function requireShallow(text: string): void {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '"') at = endOfString(text, at)
    else depth += STEPS[char] ?? 0
    if (depth > MAX_DEPTH) throw invalid(`its JSON is nested deeper than ${MAX_DEPTH} levels`)
  }
}

function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '"') return at
    if (char === '\\') at++
  }
  return text.length
}

function invalid(reason: string, status: 400 | 415 = 400): BursarError<'request_invalid'> {
  return new BursarError('request_invalid', { status, reason })
}

function tooLarge(): BursarError<'request_too_large'> {
  return new BursarError('request_too_large', { most: MOST })
}
