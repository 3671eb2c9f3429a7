import type { ErrorKind, Retry } from './kinds.ts'

interface Words {
  /** One sentence: what is wrong, with the values that matter. */
  readonly message: string
  /** Imperative: what to do next, naming the tool or the setting. */
  readonly fix: string
}

interface ErrorSpec<Context> {
  /** Stable number, in a range per layer; never reused. */
  readonly number: number
  readonly kind: ErrorKind
  readonly retry: Retry
  readonly words: (context: Context) => Words
}

export const spec = <Context>(
  number: number,
  kind: ErrorKind,
  retry: Retry,
  words: (context: Context) => Words,
): ErrorSpec<Context> => ({ number, kind, retry, words })

export const list = (values: readonly string[]): string => values.join(', ')
