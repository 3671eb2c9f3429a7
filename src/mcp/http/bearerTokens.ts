import { BursarError } from '../../errors/bursarError.ts'
import { matchesHash, parseToken } from '../../primitives/bearerToken.ts'
import type { Logger } from '../../primitives/logger.ts'
import { type Identity, isScope } from '../../primitives/scopes.ts'
import type { TokenRow } from '../../store/schema.ts'
import type { TokenStore } from '../../store/tokens.ts'
import { failureFields } from '../failureFields.ts'
import { NO_TOKEN } from './refusal.ts'

/** Who sent a request. */
export interface Bearer extends Identity {
  /** Names the token without being a secret. */
  readonly tokenId: string
}

const SCHEME = /^bearer +(\S+)$/i

/** Knows the holders of tokens. Each request asks the journal anew, so that what is revoked is refused at once. */
export class BearerTokens {
  readonly #tokens: TokenStore
  readonly #audience: string
  readonly #logger: Logger

  constructor(tokens: TokenStore, audience: string, logger: Logger) {
    this.#tokens = tokens
    this.#audience = audience
    this.#logger = logger
  }

  /**
   * Who holds the token of an Authorization header. Throws `unauthenticated`; what exactly is wrong with a token is told
   * to those alone who hold its secret.
   */
  async verify(authorization: string | undefined): Promise<Bearer> {
    if (authorization === undefined) throw refused(NO_TOKEN)
    const presented = parseToken(SCHEME.exec(authorization.trim())?.[1] ?? '')
    if (!presented) throw refused('what it carries is not a token of Bursar')
    const row = await this.#tokens.find(presented.id)
    const isRight = matchesHash(presented.secret, row?.hash)
    if (!row || !isRight) throw refused('its token is not known here')
    const reason = this.#whyNot(row)
    if (reason !== undefined) throw refused(reason)
    this.#tokens.noteUse(row).catch((error: unknown) => {
      this.#logger.warn('the use of a token was not noted', failureFields(error))
    })
    return {
      tokenId: row.id,
      principal: row.principal,
      scopes: new Set(row.scopes.split(',').filter(isScope)),
    }
  }

  /** Whether a token that was good still is. */
  async isGood(tokenId: string): Promise<boolean> {
    const row = await this.#tokens.find(tokenId)
    return row !== undefined && this.#whyNot(row) === undefined
  }

  /** How many tokens a client could come with. */
  async count(): Promise<number> {
    return (await this.#tokens.list()).filter((row) => this.#whyNot(row) === undefined).length
  }

  #whyNot(row: TokenRow): string | undefined {
    const ended = this.#tokens.whyEnded(row)
    if (ended !== undefined) return `its token is ${ended}`
    return row.audience === this.#audience ? undefined : 'its token was made for another server'
  }
}

function refused(reason: string): BursarError<'unauthenticated'> {
  return new BursarError('unauthenticated', { reason })
}
