export type Family = 'evm' | 'solana'

/** CAIP-2 chain id, such as `eip155:8453` or `solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp`. */
export type ChainId = string

/** A token that the registry vouches for: its symbol is ours, not a stranger's. */
export interface KnownToken {
  readonly symbol: string
  readonly address: string
  readonly decimals: number
}

/** How a chain prices inclusion; adapters read it, nobody guesses from the id. */
export type FeeModel = 'eip1559' | 'legacy' | 'op-stack' | 'arbitrum' | 'solana'

export interface Chain {
  readonly id: ChainId
  readonly family: Family
  readonly name: string
  /** Lower-case names that agents may use instead of the id; the first one is the usual one. */
  readonly aliases: readonly [string, ...string[]]
  readonly network: 'mainnet' | 'testnet' | 'sandbox'
  readonly native: {
    readonly name: string
    readonly symbol: string
    readonly decimals: number
    readonly slip44: number
  }
  /** Prefix of this chain's environment variables, such as `BASE_SEPOLIA`. */
  readonly env: string
  /** Blocks (or slots) on top, the including one counted, after which an operation is final for Bursar. */
  readonly confirmations: number
  /** Usual time between blocks, in milliseconds. */
  readonly blockTimeMs: number
  readonly feeModel: FeeModel
  /** Addresses of well-known contracts: `multicall3`, and those of features to come. */
  readonly contracts: Readonly<Record<string, string>>
  readonly tokens: readonly KnownToken[]
  /** Public endpoints for the operator's information; none is used unless configured. */
  readonly publicRpcUrls: readonly string[]
  readonly explorerUrl?: string
}
