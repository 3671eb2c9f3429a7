import type { Secret } from '../primitives/secret.ts'

export interface RedisSettings {
  /** redis://, rediss:// (TLS) or redis+sentinel://; may carry a user name, a password and a database. */
  readonly url: Secret
  /** Win over what the URL carries. */
  readonly password?: Secret
  readonly db?: number
}
