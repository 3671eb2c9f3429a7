import type { FindingCode } from '../primitives/findings.ts'
import type { Secret } from '../primitives/secret.ts'

/** What configuration needs to know of a chain; the registry's chains have this shape. */
export interface ChainForConfig {
  /** CAIP-2 id. */
  readonly id: string
  readonly family: 'evm' | 'solana'
  readonly name: string
  readonly aliases: readonly string[]
  readonly network: 'mainnet' | 'testnet' | 'sandbox'
  /** Prefix of the chain's environment variables, such as `BASE_SEPOLIA`. */
  readonly env: string
  /** Its keys are the contracts that an operator may move to another address. */
  readonly contracts: Readonly<Record<string, string>>
}

export type Provider = 'own' | 'alchemy' | 'infura' | 'quicknode' | 'public'

export interface EndpointConfig {
  /** Secret, because providers put API keys into paths and queries (T14). */
  readonly url: Secret
  /** The same provider's WebSocket, which tells of new blocks as they come. */
  readonly socket?: Secret
  /** Host and port: all of the URL that may be shown. */
  readonly host: string
  readonly provider: Provider
  /** Lower is tried first: own 0, alchemy 1, infura 2, quicknode 3, public 4. */
  readonly priority: number
  /** Calls a second that may be sent to it; absent: as many as there are. */
  readonly rateLimit?: number
}

export interface RedisConfig {
  /** Secret, because it may carry a password. */
  readonly url: Secret
  /** Host and port: all of the URL that may be shown. */
  readonly host: string
  readonly password?: Secret
  readonly db?: number
  /** What happens to nonces while Redis is away: the journal gives them out, or nobody does. */
  readonly nonceFallback: 'journal' | 'refuse'
}

export interface ChainConfig {
  /** CAIP-2 id. */
  readonly chainId: string
  /** At least one, by priority. */
  readonly endpoints: readonly EndpointConfig[]
  readonly confirmations?: number
  readonly contracts: Readonly<Record<string, string>>
}

export interface WalletConfig {
  readonly name: string
  /** 0x and 64 lower-case hex digits. */
  readonly privateKey: Secret
}

export interface PerTransactionCap {
  /** `*` for every chain, or a CAIP-2 id. */
  readonly chain: string
  /** `native`, a registry symbol, or a token address. */
  readonly asset: string
  /** Decimal text in whole units. */
  readonly max: string
}

export interface FeeCap {
  /** `*` for every other chain, or a CAIP-2 id. */
  readonly chain: string
  /** Decimal text in whole native units. */
  readonly max: string
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** In whole native units. */
export interface BalanceFloor {
  /** `*` or a CAIP-2 id. */
  readonly chain: string
  readonly min: string
}

export interface TenderlyConfig {
  readonly accessToken: Secret
  readonly account: string
  readonly project: string
  readonly apiUrl: string
  /** Who is asked first, on chains that are no sandbox; `local` alone: it is not asked. */
  readonly order: 'tenderly,local' | 'local,tenderly' | 'local'
}

export interface Config {
  /** Absolute path of the folder that holds the journal. */
  readonly home: string
  /** Only chains with at least one endpoint. */
  readonly chains: readonly ChainConfig[]
  readonly wallets: readonly WalletConfig[]
  readonly policy: {
    /** Decimal text in gwei; nothing is ever signed above it (D4). */
    readonly maxGasPriceGwei: string
    readonly perTransaction: readonly PerTransactionCap[]
    readonly feePerTransaction: readonly FeeCap[]
    /** Decimal text: how much worse a transaction may do than what was shown. */
    readonly maxSlippagePercent: string
    /** Critical findings with which transactions may pass. */
    readonly findingsAllowed: readonly FindingCode[]
  }
  readonly intentTtlSeconds: number
  /** Blocks after which what was sent and not included is sped up, within the caps; absent: never. */
  readonly speedUpAfterBlocks?: bigint
  readonly rpcTimeoutMs: number
  /** Where processes meet; absent: each stands alone. */
  readonly redis?: RedisConfig
  readonly simulationRequired: boolean
  /** The least that wallets should have for gas; empty: nobody watches. */
  readonly minNativeBalance: readonly BalanceFloor[]
  /** Who simulates besides the endpoints, and whether it is asked before them; absent: nobody. */
  readonly tenderly?: TenderlyConfig
  readonly logLevel: LogLevel
  readonly sandbox: {
    /** True when no chain is configured: Bursar then brings its own two. */
    readonly embedded: boolean
    /** Absolute path where sandbox state survives restarts; absent means it does not. */
    readonly stateDir?: string
  }
  /** What looks wrong without being certainly so, for the log and doctor; holds no secret. */
  readonly warnings: readonly string[]
}
