import type { LogFields } from '../primitives/logger.ts'
import { hostOf } from '../primitives/secret.ts'

const URL_TEXT = /\b(?:https?|wss?|redis(?:s|\+sentinel)?|postgres|postgresql):\/\/[^\s"'<>)]+/gi
const MAX_STACK = 4_000

/** Log fields of an unexpected error. URLs shrink to their hosts, because keys live in the rest (T14). */
export function failureFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: redact(String(error)) }
  return {
    error: redact(`${error.name}: ${error.message}`),
    ...(error.stack && { stack: redact(error.stack) }),
    ...(error.cause instanceof Error && { cause: redact(`${error.cause.name}: ${error.cause.message}`) }),
  }
}

function redact(text: string): string {
  return text.slice(0, MAX_STACK).replace(URL_TEXT, (url) => hostOf(url))
}
