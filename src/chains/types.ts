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

/**
 * How a block prices the next one (EIP-1559), with the chain's own numbers. Blocks that use `target` of their gas limit
 * leave the base fee as it is.
 */
export interface BaseFeeRule {
  /** A share of the gas limit: numerator and denominator. */
  readonly target: readonly [number, number]
  /** A block without transactions lowers the base fee by one part in so many. */
  readonly denominator: number
  /** No base fee is below it; wei, decimal. */
  readonly least?: string
}

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
  /** Absent where only the node can tell the next base fee. OP-stack blocks carry numbers that go before these. */
  readonly baseFee?: BaseFeeRule
  /** The least tip that the nodes which build blocks take unless told otherwise; wei, decimal. */
  readonly minTip?: string
  /** Addresses of well-known contracts: `multicall3`, `ensRegistry`, and those of features to come. */
  readonly contracts: Readonly<Record<string, string>>
  readonly tokens: readonly KnownToken[]
  /** Public endpoints for the operator's information; none is used unless configured. */
  readonly publicRpcUrls: readonly string[]
  readonly explorerUrl?: string
}
