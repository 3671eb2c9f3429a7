import type { UntrustedText } from '../primitives/untrusted.ts'
import { type ErrorCode, type ErrorContext, errorCatalogue } from './catalogue.ts'
import type { ErrorKind, Retry, SideEffect } from './kinds.ts'

export interface ErrorExtras {
  /** CAIP-2 id of the chain that the error concerns. */
  readonly chain?: string
  readonly sideEffect?: SideEffect
  /** A stranger's words, such as a revert string. */
  readonly quoted?: UntrustedText
  /** Logged, never shown. */
  readonly cause?: unknown
}

/** The only error that Bursar throws on purpose (R10). Everything it says comes from the catalogue. */
export class BursarError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C
  readonly context: ErrorContext<C>
  readonly kind: ErrorKind
  readonly fix: string
  readonly retry: Retry
  readonly sideEffect: SideEffect
  readonly chain: string | undefined
  readonly quoted: UntrustedText | undefined

  constructor(code: C, context: ErrorContext<C>, extras: ErrorExtras = {}) {
    const spec = errorCatalogue[code]
    const words = spec.words(context as never)
    super(words.message, extras.cause === undefined ? undefined : { cause: extras.cause })
    this.name = 'BursarError'
    this.code = code
    this.context = context
    this.kind = spec.kind
    this.fix = words.fix
    this.retry = spec.retry
    this.sideEffect = extras.sideEffect ?? 'none'
    this.chain = extras.chain
    this.quoted = extras.quoted
  }

  /** The same error, for when money may have moved although the call could not say so. */
  afterTheFact(): BursarError {
    const { chain, quoted, cause } = this
    const extras = {
      sideEffect: 'possible' as const,
      cause,
      ...(chain && { chain }),
      ...(quoted && { quoted }),
    }
    return new BursarError<ErrorCode>(this.code, this.context, extras)
  }

  /** The same error, saying where in the arguments it is when it gives a reason. */
  at(place: string): BursarError {
    const { chain, sideEffect, quoted, cause } = this
    const context = this.context as object
    if (!('reason' in context)) return this
    const extras = { sideEffect, cause, ...(chain && { chain }), ...(quoted && { quoted }) }
    const located = { ...context, reason: `${String(context.reason)} (${place})` }
    return new BursarError<ErrorCode>(this.code, located as ErrorContext<ErrorCode>, extras)
  }

  /** The same error, naming the chain that it concerns; unchanged when it names one already. */
  concerning(chain: string): BursarError {
    if (this.chain !== undefined) return this
    const { sideEffect, quoted, cause } = this
    const extras = { chain, sideEffect, cause, ...(quoted && { quoted }) }
    const named = new BursarError<ErrorCode>(this.code, this.context, extras)
    if (this.stack !== undefined) named.stack = this.stack
    return named
  }
}

export function isBursarError<C extends ErrorCode>(error: unknown, code?: C): error is BursarError<C> {
  return error instanceof BursarError && (code === undefined || error.code === code)
}
