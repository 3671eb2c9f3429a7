import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type BursarError, isBursarError } from '../../errors/bursarError.ts'
import type { ErrorCode } from '../../errors/catalogue.ts'
import { present } from '../../errors/presenter.ts'
import type { Logger } from '../../primitives/logger.ts'
import { failureFields } from '../failureFields.ts'

const STATUS: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  unauthenticated: 401,
  host_refused: 403,
  request_too_large: 413,
  too_many_requests: 429,
  internal: 500,
}
const OTHERWISE = 503
/** JSON-RPC's range for what a server defines itself. */
const SERVER_ERROR = -32_000

/**
 * The answer to a request that never reached the protocol: a status for programs, and the error as every door shows it,
 * in the envelope that MCP clients read (R10). Nothing ran, so no side effect is possible.
 */
export function refusal(error: unknown, c: Context, logger: Logger): Response {
  const presented = present(error, () => undefined, { sideEffect: 'none' })
  const status = statusOf(error, presented.code)
  const fields = { status, code: presented.code }
  if (isBursarError(error)) logger.info('request refused', fields)
  else logger.error('request failed', { ...fields, ...failureFields(error) })
  for (const [name, value] of Object.entries(headersOf(error, status))) c.header(name, value)
  const message = `${presented.message} ${presented.fix}`
  return c.json({ jsonrpc: '2.0', id: null, error: { code: SERVER_ERROR, message, data: presented } }, status)
}

function statusOf(error: unknown, code: ErrorCode): ContentfulStatusCode {
  return isBursarError(error, 'request_invalid') ? error.context.status : (STATUS[code] ?? OTHERWISE)
}

function headersOf(error: unknown, status: number): Readonly<Record<string, string>> {
  if (isBursarError(error, 'unauthenticated')) return { 'WWW-Authenticate': challengeOf(error) }
  if (isBursarError(error, 'too_many_requests')) return { 'Retry-After': String(error.context.afterSeconds) }
  if (isBursarError(error, 'server_busy')) return { 'Retry-After': '2' }
  if (status === 405) return { Allow: 'POST' }
  // What is still on its way is not read.
  return status === 413 ? { Connection: 'close' } : {}
}

/** By RFC 6750: no error code where no token was given. */
function challengeOf({ context }: BursarError<'unauthenticated'>): string {
  return context.reason === NO_TOKEN
    ? 'Bearer realm="bursar"'
    : 'Bearer realm="bursar", error="invalid_token"'
}

/** Why a request without any token is not answered. */
export const NO_TOKEN = 'it carries no bearer token'
