import { nativeAsset } from '../../chains/amounts.ts'
import type { Chain } from '../../chains/types.ts'
import type { BursarError } from '../../errors/bursarError.ts'
import { checksum, parseAddress } from '../../evm/address.ts'
import type { RuledAsset, Scope } from './rules.ts'

/** What the names of a policy file mean. What means nothing is told as a problem of the rule that says it. */
export class RuleNames {
  readonly #chains: readonly Chain[]
  readonly #problems: string[]

  constructor(chains: readonly Chain[], problems: string[]) {
    this.#chains = chains
    this.#problems = problems
  }

  problem(ruleId: string, what: string): void {
    this.#problems.push(`rule "${ruleId}": ${what}`)
  }

  /** CAIP-2 ids. */
  chainIds(ruleId: string, names: readonly string[]): ReadonlySet<string> {
    return new Set(
      names.flatMap((name) => {
        const wanted = name.toLowerCase()
        const chain = this.#chains.find(({ id, aliases }) => id === name || aliases.includes(wanted))
        if (chain) return [chain.id]
        this.problem(ruleId, `"${name}" is no chain that Bursar knows`)
        return []
      }),
    )
  }

  /**
   * A symbol of the registry means that asset on every chain of the scope, counted together; `native` and an address
   * mean another asset on each chain.
   */
  assets({ id, chains: wanted }: Scope, name: string): readonly ReadonlyMap<string, RuledAsset>[] {
    const chains = this.#chains.filter((chain) => wanted?.has(chain.id) ?? true)
    if (name.toLowerCase() === 'native') return chains.map((chain) => new Map([nativeOf(chain)]))
    const evm = chains.filter(({ family }) => family === 'evm')
    if (name.startsWith('0x')) {
      const address = this.address(id, name, 'asset')
      return evm.map((chain) => new Map([tokenOf(chain, address)]))
    }
    const symbol = name.toUpperCase()
    const natives = chains.filter(({ native }) => native.symbol.toUpperCase() === symbol).map(nativeOf)
    const tokens = evm.flatMap((chain) => {
      const listed = chain.tokens.filter((token) => token.symbol.toUpperCase() === symbol)
      return listed.map(({ address }) => tokenOf(chain, address))
    })
    if (natives.length + tokens.length > 0) return [new Map([...natives, ...tokens])]
    this.problem(
      id,
      `"${name}" is neither "native", nor an address, nor an asset that the registry lists there`,
    )
    return []
  }

  /** Canonical; the text itself where it is none. */
  address(ruleId: string, text: string, field: string): string {
    // Other families spell theirs without 0x; the check of this one is its capitals (R13).
    if (BASE58.test(text)) return text
    try {
      return parseAddress(text, field)
    } catch (error) {
      this.problem(ruleId, (error as BursarError).message)
      return text
    }
  }

  /** In lower case, as they are compared. */
  addresses(ruleId: string, texts: readonly string[], field: string): ReadonlySet<string> {
    return new Set(texts.map((text) => this.address(ruleId, text, field).toLowerCase()))
  }
}

const BASE58 = /^[1-9A-HJ-NP-Za-km-z]{32,44}$/

function nativeOf(chain: Chain): readonly [string, RuledAsset] {
  const { id, decimals } = nativeAsset(chain)
  return [id, { chain, id, decimals }]
}

function tokenOf(chain: Chain, address: string): readonly [string, RuledAsset] {
  const listed = chain.tokens.find((token) => token.address.toLowerCase() === address.toLowerCase())
  const id = `${chain.id}/erc20:${checksum(address)}`
  return [id, { chain, id, decimals: listed?.decimals }]
}
