import type { Urgency } from '../chains/adapter.ts'
import type { Amount } from '../primitives/amount.ts'
import type { Caller } from '../primitives/caller.ts'
import type { BlockRef, ChainRef } from '../primitives/chainRef.ts'
import type {
  IntentView,
  OperationFilter,
  OperationPage,
  OperationQuery,
  OperationView,
  PrepareRequest,
} from '../transactions/views.ts'

/** What the tools may ask of the engine. A tool names the services that it uses and receives only those. */
export interface Services {
  readonly chains: { list(caller: Caller): Promise<ChainList> }
  readonly wallets: { list(query: { chain?: string }, caller: Caller): Promise<WalletList> }
  readonly balances: { read(query: BalanceQuery, caller: Caller): Promise<BalanceSheet> }
  readonly gas: { quote(query: GasQuery, caller: Caller): Promise<GasQuote> }
  readonly intents: { prepare(request: PrepareRequest, caller: Caller): Promise<IntentView> }
  readonly operations: {
    execute(request: { intentId: string }, caller: Caller): Promise<OperationView>
    get(query: OperationQuery, caller: Caller): Promise<OperationView>
    list(filter: OperationFilter, caller: Caller): Promise<OperationPage>
  }
  readonly status: { read(caller: Caller): Promise<Status> }
}

export interface EndpointHealth {
  /** Host and port only: API keys live in paths and queries (T14). */
  readonly host: string
  readonly reachable: boolean
  readonly latencyMs?: number
  /** Why it is not usable, in our words. */
  readonly problem?: string
}

export interface ChainList {
  readonly chains: readonly {
    readonly chain: ChainRef
    readonly aliases: readonly string[]
    readonly network: 'mainnet' | 'testnet' | 'sandbox'
    readonly configured: boolean
    readonly confirmations: number
    readonly tokens: readonly { symbol: string; address: string; decimals: number }[]
    readonly head?: BlockRef
    readonly problem?: string
  }[]
}

export interface WalletList {
  readonly wallets: readonly {
    readonly name: string
    readonly address: string
    readonly kind: 'eoa'
    readonly chains: readonly string[]
  }[]
  /** The caps that policy applies to one transaction. */
  readonly limits: readonly string[]
}

export interface BalanceQuery {
  /** Absent: all configured chains. */
  readonly chains?: readonly string[]
  /** Wallet names or addresses. Absent: all managed wallets. */
  readonly accounts?: readonly string[]
  /** Absent: native and the registry's tokens. */
  readonly assets?: readonly string[]
}

export interface BalanceSheet {
  readonly chains: readonly {
    readonly chain: ChainRef
    readonly at: BlockRef
    readonly accounts: readonly {
      readonly account: string
      readonly wallet?: string
      readonly balances: readonly Amount[]
      /** Assets of the query that did not answer for this account. */
      readonly missing?: readonly string[]
    }[]
  }[]
  /** Chains that did not answer; the others are still right. */
  readonly failed: readonly {
    readonly chain: ChainRef
    readonly code: string
    readonly message: string
    readonly fix: string
  }[]
}

export interface GasQuery {
  readonly chain: string
  /** Gas units of a payload to price; 21000 (a plain transfer on EVM chains) when absent. */
  readonly gasLimit?: string
}

export interface GasQuote {
  readonly chain: ChainRef
  readonly at: BlockRef
  readonly baseFeeGwei: string
  readonly nextBaseFeeGwei: string
  readonly congestion: 'low' | 'medium' | 'high'
  readonly trend: 'falling' | 'flat' | 'rising'
  readonly gasLimit: string
  readonly tiers: Readonly<
    Record<
      Urgency,
      {
        readonly maxFeePerGasGwei: string
        readonly maxPriorityFeePerGasGwei: string
        /** At the next block's base fee. */
        readonly expected: Amount
        /** The most that could be paid. */
        readonly ceiling: Amount
      }
    >
  >
  readonly cap: { readonly maxGasPriceGwei: string; readonly verdict: 'below-cap' | 'above-cap' }
}

export interface Status {
  readonly version: string
  readonly uptimeSeconds: number
  readonly sandbox: boolean
  readonly chains: readonly {
    readonly chain: ChainRef
    readonly endpoints: readonly EndpointHealth[]
    readonly head?: BlockRef
  }[]
  readonly operations: Readonly<Record<'running' | 'committed' | 'failed' | 'stuck', number>>
  readonly journal: { readonly writable: boolean; readonly problem?: string }
  readonly warnings: readonly string[]
}
