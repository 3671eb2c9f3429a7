import type { Asset, BalanceReading } from '../chains/adapter.ts'
import { amountOf } from '../chains/amounts.ts'
import type { ChainDirectory } from '../chains/directory.ts'
import { chainRef } from '../chains/registry.ts'
import type { Chain } from '../chains/types.ts'
import { BursarError, isBursarError } from '../errors/bursarError.ts'
import type { Amount } from '../primitives/amount.ts'
import type { Caller } from '../primitives/caller.ts'
import type { BlockRef, ChainRef } from '../primitives/chainRef.ts'

export interface BalanceQuery {
  /** Absent: all configured chains. */
  readonly chains?: readonly string[]
  /** Wallet names or addresses. Absent: all managed wallets. */
  readonly accounts?: readonly string[]
  /** Absent: native and the registry's tokens. */
  readonly assets?: readonly string[]
}

export interface AccountBalances {
  readonly account: string
  readonly wallet?: string
  readonly balances: readonly Amount[]
  /** Assets of the query that did not answer for this account. */
  readonly missing?: readonly string[]
}

export interface ChainBalances {
  readonly chain: ChainRef
  /** Every balance of this chain is true at this block (R12). */
  readonly at: BlockRef
  readonly accounts: readonly AccountBalances[]
}

export interface FailedChain {
  readonly chain: ChainRef
  readonly code: string
  readonly message: string
  readonly fix: string
}

export interface BalanceSheet {
  readonly chains: readonly ChainBalances[]
  /** Chains that did not answer; the others are still right. */
  readonly failed: readonly FailedChain[]
}

/** Managed wallets, as far as balances need them. */
export interface AccountNames {
  on(chain: Chain): readonly { readonly name: string; readonly address: string }[]
  addressOf(text: string, chain: Chain): string
  nameOf(address: string, chain: Chain): string | undefined
}

/** Balances of many accounts and assets on many chains, one round trip a chain. */
export class BalanceSheets {
  readonly #directory: ChainDirectory
  readonly #names: AccountNames

  constructor(directory: ChainDirectory, names: AccountNames) {
    this.#directory = directory
    this.#names = names
  }

  async read(query: BalanceQuery, caller: Caller): Promise<BalanceSheet> {
    const chains = query.chains
      ? unique(query.chains).map((chain) => this.#directory.resolve(chain))
      : this.#directory.configured()
    const sheets = await Promise.all(chains.map((chain) => this.#readChain(chain, query, caller.signal)))
    return {
      chains: sheets.flatMap((sheet) => ('at' in sheet ? [sheet] : [])),
      failed: sheets.flatMap((sheet) => ('at' in sheet ? [] : [sheet])),
    }
  }

  async #readChain(
    chain: Chain,
    query: BalanceQuery,
    signal: AbortSignal,
  ): Promise<ChainBalances | FailedChain> {
    try {
      const adapter = await this.#directory.adapter(chain.id)
      const accounts = query.accounts
        ? unique(query.accounts).map((text) =>
            adapter.address(this.#names.addressOf(text, chain), 'accounts'),
          )
        : this.#names.on(chain).map(({ address }) => address)
      const wanted = query.assets ?? ['native', ...chain.tokens.map(({ symbol }) => symbol)]
      const assets = await Promise.all(unique(wanted).map((asset) => adapter.asset(asset, signal)))
      const reading = await adapter.balances(accounts, assets, signal)
      const sheet = accounts.map((account, index) => this.#account(chain, account, assets, reading, index))
      return { chain: chainRef(chain), at: reading.block, accounts: sheet }
    } catch (error) {
      // What the caller got wrong concerns the whole question; what a provider got wrong concerns its chain.
      const callers =
        isBursarError(error) && (error.kind === 'input' || error.code === 'chain_not_configured')
      if (!isBursarError(error) || callers) throw error
      return { chain: chainRef(chain), code: error.code, message: error.message, fix: error.fix }
    }
  }

  #account(
    chain: Chain,
    account: string,
    assets: readonly Asset[],
    reading: BalanceReading,
    index: number,
  ): AccountBalances {
    const own = reading.balances.slice(index * assets.length, (index + 1) * assets.length)
    const missing = own.filter(({ raw }) => raw === undefined).map(({ asset }) => asset.id)
    const wallet = this.#names.nameOf(account, chain)
    return {
      account,
      ...(wallet === undefined ? {} : { wallet }),
      balances: own.flatMap(({ asset, raw }) => (raw === undefined ? [] : [amountOf(asset, raw)])),
      ...(missing.length === 0 ? {} : { missing }),
    }
  }
}

/** In first-seen order. Throws `input_invalid` on an empty list, which asks for nothing. */
function unique(texts: readonly string[]): readonly string[] {
  if (texts.length > 0) return [...new Set(texts)]
  const problems = ['a list is empty; leave it out to ask for everything']
  throw new BursarError('input_invalid', { tool: 'get_balances', problems })
}
