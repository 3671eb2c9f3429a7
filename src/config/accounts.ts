import type { Findings } from './findings.ts'
import { walletName } from './remoteWallets.ts'
import type { AccountConfig, WalletConfig } from './types.ts'
import { type Environment, given } from './values.ts'
import { accountPart } from './variables.ts'
import { isWalletName, nameProblem } from './wallets.ts'

/** EIP-1014 salts are 256 bits. */
const MOST_SALT = 2n ** 256n - 1n

/** The contract accounts of WALLET_<NAME>_OWNER, each with the salt of WALLET_<NAME>_SALT, or 0. */
export function readAccounts(
  env: Environment,
  wallets: readonly WalletConfig[],
  findings: Findings,
): readonly AccountConfig[] {
  const taken: Taken = {
    names: new Map(wallets.map(({ name }) => [name, 'a wallet with a key'])),
    places: new Map(),
  }
  return Object.keys(env)
    .sort()
    .flatMap((variable) => {
      const { part, what } = accountPart(variable) ?? {}
      if (part === undefined || given(env, variable) === undefined) return []
      if (what === 'OWNER') return readAccount(env, part, taken, findings) ?? []
      if (given(env, `WALLET_${part}_OWNER`) === undefined) {
        findings.problem(`${variable} needs WALLET_${part}_OWNER, the wallet whose key signs for the account`)
      }
      return []
    })
}

/** What variables before have used, and which of them. */
interface Taken {
  readonly names: Map<string, string>
  /** Owner and salt, of which there is one account. */
  readonly places: Map<string, string>
}

function readAccount(
  env: Environment,
  part: string,
  { names, places }: Taken,
  findings: Findings,
): AccountConfig | undefined {
  const variable = `WALLET_${part}_OWNER`
  const name = walletName(part)
  // It may be a keystore, which nobody has looked for yet.
  const asked = given(env, variable)?.toLowerCase() ?? ''
  const owner = isWalletName(asked) ? asked : undefined
  const salt = saltOf(given(env, `WALLET_${part}_SALT`) ?? '0')
  if (salt === undefined) findings.problem(`WALLET_${part}_SALT must be a whole number below 2^256`)
  if (owner === undefined) findings.problem(`${variable} must name the wallet whose key signs for it`)
  const place = `${owner} ${salt}`
  const wrong = nameProblem(name, names) ?? sameAccount(places.get(place))
  if (wrong !== undefined) findings.problem(`${variable} ${wrong}`)
  names.set(name, variable)
  if (owner === undefined || salt === undefined) return undefined
  places.set(place, variable)
  return { name, owner, salt }
}

const sameAccount = (other: string | undefined) =>
  other && `and ${other} are one account: give one of them a WALLET_<NAME>_SALT`

function saltOf(text: string): bigint | undefined {
  if (!/^[0-9]{1,78}$/.test(text)) return undefined
  const salt = BigInt(text)
  return salt <= MOST_SALT ? salt : undefined
}
