import type { LogFields } from '../primitives/logger.ts'
import { hostOf } from '../primitives/secret.ts'

const URL_TEXT = /\b(?:https?|wss?|redis(?:s|\+sentinel)?|postgres|postgresql):\/\/[^\s"'<>)]+/gi
/** A token that a client has put where it does not belong: what the protocol complains of is logged. */
const TOKEN_TEXT = /(bursar_[0-9a-f]{12}_)[A-Za-z0-9_-]{43}/gi
const MAX_STACK = 4_000

/** Log fields of an unexpected error. URLs shrink to their hosts, because keys live in the rest (T14); tokens to their ids. */
export function failureFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: redact(String(error)) }
  return {
    error: redact(`${error.name}: ${error.message}`),
    ...(error.stack && { stack: redact(error.stack) }),
    ...(error.cause instanceof Error && { cause: redact(`${error.cause.name}: ${error.cause.message}`) }),
  }
}

function redact(text: string): string {
  // Before it is cut: half a token is not known for one.
  return text
    .replace(URL_TEXT, (url) => hostOf(url))
    .replace(TOKEN_TEXT, '$1[secret]')
    .slice(0, MAX_STACK)
}
