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

/** A wallet whose key is held by a signer that is reached over HTTP. */
export interface RemoteWalletConfig {
  readonly name: string
  /** EIP-55 or one case, as it was given. */
  readonly address: string
  /** Secret, because it may carry credentials (T15). */
  readonly url: Secret
  /** Host and port: all of the URL that may be shown. */
  readonly host: string
  /** Absolute paths of what it is identified with: a bearer token, a client certificate and its key. */
  readonly tokenFile?: string
  readonly certFile?: string
  readonly keyFile?: string
  /** Whom to believe that the signer is who it says; absent: whom the system believes. */
  readonly caFile?: string
}

/** A contract account (ERC-4337) of a wallet. */
export interface AccountConfig {
  readonly name: string
  /** Name of the wallet whose key signs for it. */
  readonly owner: string
  /** Tells accounts of one owner apart. */
  readonly salt: bigint
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

/** Where a service of one chain is. */
export interface ServiceUrl {
  /** CAIP-2 id. */
  readonly chain: string
  /** Secret, because it may carry a key (T14). */
  readonly url: Secret
  /** Host and port: all of the URL that may be shown. */
  readonly host: string
}

/** The way to block builders past the public pool. */
export interface PrivateRelayConfig {
  /** 0x and 64 lower-case hex digits; no wallet has it. */
  readonly authKey: Secret
  readonly urls: readonly ServiceUrl[]
}

export interface ApprovalConfig {
  /** How long an intent may wait for a person, and what was approved for its execution. */
  readonly ttlSeconds: number
  /** Ed25519 public keys, 64 lower-case hex digits each, that alone may approve; absent: the one of BURSAR_HOME. */
  readonly keys?: readonly string[]
}

/** How the server listens when it serves over HTTP. */
export interface HttpConfig {
  /** IP address, or `localhost`. */
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** Host names besides those of the loopback interface, without port. */
  readonly allowedHosts: readonly string[]
  /** Origins besides those of the loopback interface. */
  readonly allowedOrigins: readonly string[]
  /** What tokens must be made for. */
  readonly audience: string
  /** Requests a minute; absent: no limit. */
  readonly limits: { readonly perToken: number | undefined; readonly perAddress: number | undefined }
}

export interface Config {
  /** Absolute path of the folder that holds the journal. */
  readonly home: string
  /** Only chains with at least one endpoint. */
  readonly chains: readonly ChainConfig[]
  /** Keys of the environment: for development. */
  readonly wallets: readonly WalletConfig[]
  readonly remoteWallets: readonly RemoteWalletConfig[]
  /** CAIP-2 ids of the chains that a wallet may act on, by its name; one that is not there may act on all. */
  readonly walletChains: ReadonlyMap<string, readonly string[]>
  /** Absolute path; absent: passwords of keystores are in the keyring of the system. */
  readonly keystorePasswordFile?: string
  readonly accounts: readonly AccountConfig[]
  readonly policy: {
    /** Decimal text in gwei; nothing is ever signed above it (D4). */
    readonly maxGasPriceGwei: string
    readonly perTransaction: readonly PerTransactionCap[]
    readonly feePerTransaction: readonly FeeCap[]
    /** What leaves above one of these needs a person's approval; absent: nothing does. */
    readonly approvalAbove?: readonly PerTransactionCap[]
    /** Up to these a yes in the client is approval enough; absent: it never is. */
    readonly elicitUpTo?: readonly PerTransactionCap[]
    /** Decimal text: how much worse a transaction may do than what was shown. */
    readonly maxSlippagePercent: string
    /** Critical findings with which transactions may pass. */
    readonly findingsAllowed: readonly FindingCode[]
    /** Blocks after which what no block took privately may go to public endpoints as well; 0: never. */
    readonly privateFallbackBlocks: number
  }
  readonly intentTtlSeconds: number
  readonly approvals: ApprovalConfig
  /** Blocks after which what was sent and not included is sped up, within the caps; absent: never. */
  readonly speedUpAfterBlocks?: bigint
  readonly rpcTimeoutMs: number
  /** Where processes meet; absent: each stands alone. */
  readonly redis?: RedisConfig
  /** What the operator wishes. Nothing is signed that was not simulated, whatever it is (R1). */
  readonly simulationRequired: boolean
  /** The least that wallets should have for gas; empty: nobody watches. */
  readonly minNativeBalance: readonly BalanceFloor[]
  /** Who simulates besides the endpoints, and whether it is asked before them; absent: nobody. */
  readonly tenderly?: TenderlyConfig
  /** Absent: everything goes to public endpoints. */
  readonly privateRelay?: PrivateRelayConfig
  /** Absolute path of the operator's rules; absent: policy.json in `home`, when it is there. */
  readonly policyFile?: string
  /** Used by `serve --http` only. */
  readonly http: HttpConfig
  /** Who brings user operations, by chain; where there is none, the owners of the accounts do. */
  readonly bundlers: readonly ServiceUrl[]
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
