const SHAPE =
  /^redis(s?)\+sentinel:\/\/(?:([^@/]*)@)?([^@/?#]+)\/([\w.-]+)(?:\/(\d{1,4}))?(?:\?sentinelPassword=([^&#]+))?$/
const HOST = /^(\[[\da-fA-F:]+\]|[\w.-]+)(?::(\d{1,5}))?$/
const DEFAULT_PORT = 26_379

/** Whether a URL is meant to name Sentinels, well-formed or not. */
export const namesSentinels = (url: string) => /^rediss?\+sentinel:/.test(url)

/** Redis behind Sentinel: who knows the primary, under which name, and what the primary wants. */
export interface SentinelUrl {
  readonly sentinels: readonly { readonly host: string; readonly port: number }[]
  /** Whether Sentinels and servers are spoken to by TLS. */
  readonly tls: boolean
  /** Of the set of servers that Sentinel watches. */
  readonly name: string
  readonly username?: string
  readonly password?: string
  readonly db?: number
  /** Of the Sentinels themselves. */
  readonly sentinelPassword?: string
}

/**
 * Reads `redis+sentinel://user:password@host:26379,host:26379/name/db?sentinelPassword=...`, or rediss+sentinel:// for
 * TLS; undefined when it is anything else. User, passwords and database may be left out, and so may ports; passwords are percent-encoded.
 */
export function sentinelUrl(url: string): SentinelUrl | undefined {
  const [, s, credentials = '', list = '', name, db, sentinelPassword] = SHAPE.exec(url) ?? []
  const sentinels = list.split(',').map(sentinelOf)
  if (name === undefined || !sentinels.every((one) => one !== undefined)) return undefined
  try {
    const [username = '', password = ''] = credentials.split(/:(.*)/s).map(decodeURIComponent)
    return {
      sentinels,
      tls: s === 's',
      name,
      ...(username && { username }),
      ...(password && { password }),
      ...(db !== undefined && { db: Number(db) }),
      ...(sentinelPassword !== undefined && { sentinelPassword: decodeURIComponent(sentinelPassword) }),
    }
  } catch {
    return undefined
  }
}

function sentinelOf(text: string): SentinelUrl['sentinels'][number] | undefined {
  const [, host, port] = HOST.exec(text) ?? []
  const number = Number(port ?? DEFAULT_PORT)
  if (host === undefined || number < 1 || number > 65_535) return undefined
  return { host: host.replace(/^\[|\]$/g, ''), port: number }
}
