import { BursarError } from '../errors/bursarError.ts'
import { mintToken } from '../primitives/bearerToken.ts'
import { isScope, LOCAL_PRINCIPAL, SCOPES, type Scope } from '../primitives/scopes.ts'
import type { Journal } from '../store/journal.ts'
import type { TokenRow } from '../store/schema.ts'
import { TokenStore } from '../store/tokens.ts'
import { withOperatorJournal } from './operatorJournal.ts'
import { print } from './output.ts'

export interface TokenOptions {
  readonly scopes: string
  readonly principal?: string
  readonly expires?: string
  readonly audience?: string
}

const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/
const AUDIENCE = /^[\x21-\x7e]{1,128}$/
const LIFE = /^([1-9]\d{0,4})([mhd])$/
const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 }
/** For those who read the secret into a file or a variable: it is the only line on stdout. */
const KEEP = 'Keep it: it is not shown again. Clients send it as "Authorization: Bearer <token>".'

/** Throws `token_refused`. */
export function createToken(name: string, options: TokenOptions): Promise<void> {
  return withOperatorJournal(async (journal, config) => {
    const scopes = scopesOf(options.scopes)
    const principal = principalOf(name, options.principal)
    const audience = options.audience ?? config.http.audience
    if (!AUDIENCE.test(audience)) throw refused('an audience is 1 to 128 visible ASCII characters')
    const expires = expiryOf(options.expires, journal)
    const { text, id, hash } = mintToken()
    await new TokenStore(journal).create({
      ...{ id, name, hash, principal, audience },
      scopes: scopes.join(','),
      expires_at: expires,
    })
    const until = expires === null ? 'never expires' : `expires ${expires}`
    process.stderr.write(`Token ${name} (${id}) of ${principal}: ${scopes.join(', ')}; ${until}. ${KEEP}\n`)
    print(text)
  })
}

export function listTokens(): Promise<void> {
  return withOperatorJournal(async (journal) => {
    const store = new TokenStore(journal)
    const rows = await store.list()
    if (rows.length === 0) print('There are no tokens. "bursar token create NAME" makes one.')
    for (const row of rows) print(lineOf(row, store.whyEnded(row)))
  })
}

/** Throws `token_refused`. */
export function revokeToken(reference: string): Promise<void> {
  return withOperatorJournal(async (journal) => {
    const { name, id } = await new TokenStore(journal).revoke(reference)
    print(`Token ${name} (${id}) is revoked. Servers refuse it from now on.`)
  })
}

function lineOf(row: TokenRow, ended: string | undefined): string {
  const { id, name, principal, scopes, audience, expires_at: expires, last_used_at: used } = row
  const state = ended ?? 'good'
  const times = `expires ${expires ?? 'never'}, last used ${used ?? 'never'}`
  return `bursar_${id}_…  ${name}  ${state}  principal ${principal}  scopes ${scopes}  audience ${audience}  ${times}`
}

function scopesOf(text: string): readonly Scope[] {
  const given = text.split(',').map((scope) => scope.trim())
  const unknown = given.find((scope) => !isScope(scope))
  if (unknown !== undefined)
    throw refused(`"${unknown.slice(0, 40)}" is not a scope: they are ${SCOPES.join(', ')}`)
  return SCOPES.filter((scope) => given.includes(scope))
}

/**
 * Only names that no principal of Bursar's own has. `local` is whoever holds the pipe of a server over stdio: a token
 * reaches those payments when the operator names that principal, and never by what the token is called.
 */
function principalOf(name: string, principal: string | undefined): string {
  if (!NAME.test(name) || !NAME.test(principal ?? name)) {
    throw refused(
      'names and principals are 1 to 64 of a-z, 0-9, ".", "_" and "-", and begin and end with a letter or digit',
    )
  }
  if (principal === undefined && name === LOCAL_PRINCIPAL) {
    throw refused(
      `"${name}" is the principal of stdio; give --principal ${LOCAL_PRINCIPAL} if its payments are meant`,
    )
  }
  return principal ?? name
}

function expiryOf(text: string | undefined, journal: Journal): string | null {
  if (text === 'never') return null
  const [, count, unit] = LIFE.exec(text ?? '') ?? []
  if (count === undefined || unit === undefined)
    throw refused('--expires is a time such as 30m, 12h or 90d, or never')
  return journal.after(Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS])
}

function refused(reason: string): BursarError<'token_refused'> {
  return new BursarError('token_refused', { reason })
}
