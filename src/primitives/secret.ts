import { inspect } from 'node:util'

const REDACTED = '[secret]'

/**
 * A value that must not be shown: it prints, serialises and interpolates as "[secret]".
 * Only the module that needs the value calls `reveal()`.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}

/** Host and port of a URL, without path, query or credentials: API keys live in those (T14). */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : '[not a url]'
}
