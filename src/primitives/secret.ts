import { inspect } from 'node:util'
import { namesSentinels, sentinelUrl } from './sentinelUrl.ts'

const REDACTED = '[secret]'
const NO_URL = '[not a url]'

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

  /** Whether it is this value, without showing it. */
  equals(value: string): boolean {
    return this.#value === value
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

/** Host and port of a URL, without path, query or credentials: API keys live in those (T14). Of Sentinels, all. */
export function hostOf(url: string): string {
  if (!namesSentinels(url)) return URL.canParse(url) ? new URL(url).host : NO_URL
  const hosts = sentinelUrl(url)?.sentinels.map(({ host, port }) => `${bracketed(host)}:${port}`)
  return hosts?.join(',') ?? NO_URL
}

const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host)
