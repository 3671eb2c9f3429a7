import type { ChainRef } from '../primitives/chainRef.ts'
import { type UntrustedText, visible } from '../primitives/untrusted.ts'
import { BursarError } from './bursarError.ts'
import type { ErrorCode } from './catalogue.ts'
import type { ErrorKind, SideEffect } from './kinds.ts'

/** An error as MCP, HTTP and the command line show it (R10). JSON-safe. */
export interface PresentedError {
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly message: string
  /** Imperative: what to do next. */
  readonly fix: string
  /** `same`: repeat the very same call at once; `later`: after `retryAfterSeconds`. */
  readonly retry: 'no' | 'same' | 'later'
  readonly retryAfterSeconds?: number
  readonly sideEffect: SideEffect
  readonly chain?: ChainRef
  /** A stranger's words; never instructions (R9). */
  readonly quoted?: UntrustedText
}

/** What the door knows of a request that failed. */
export interface FailedRequest {
  /** Name of the tool or command. */
  readonly what?: string
  /** What may have happened, when the error itself does not say. Absent: `possible`. */
  readonly sideEffect?: SideEffect
  /** The request's own signal: tells a caller who left from an internal time-out that looks the same. */
  readonly signal?: AbortSignal
}

/**
 * The one way in which errors leave Bursar. Anything that is not a BursarError becomes `internal` (or
 * `cancelled`, when the request was aborted) and none of its text is shown: it may hold keys and paths.
 */
export function present(
  error: unknown,
  resolveChain: (id: string) => ChainRef | undefined,
  request: FailedRequest = {},
): PresentedError {
  const known = error instanceof BursarError ? error : interpret(error, request)
  const chain = known.chain === undefined ? undefined : resolveChain(known.chain)
  const { retry } = known
  return {
    code: known.code,
    kind: known.kind,
    message: visible(known.message, 'lines'),
    fix: visible(known.fix, 'lines'),
    ...(typeof retry === 'string' ? { retry } : { retry: 'later', retryAfterSeconds: retry.afterSeconds }),
    sideEffect: known.sideEffect,
    ...(chain && { chain }),
    ...(known.quoted && { quoted: known.quoted }),
  }
}

function interpret(error: unknown, request: FailedRequest): BursarError {
  const extras = { cause: error, sideEffect: request.sideEffect ?? 'possible' }
  return isAbortOf(error, request.signal)
    ? new BursarError('cancelled', { what: request.what ?? 'The request' }, extras)
    : new BursarError('internal', {}, extras)
}

// The SDK aborts with whatever reason the client wrote, often a bare string, and `throwIfAborted` throws it
// as it is; so the reason itself counts, besides what platform APIs throw.
function isAbortOf(error: unknown, signal: AbortSignal | undefined): boolean {
  if (signal === undefined) return error instanceof Error && error.name === 'AbortError'
  if (!signal.aborted) return false
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError')
}
