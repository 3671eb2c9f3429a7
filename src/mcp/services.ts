import type { AccountState } from '../balances/accountStates.ts'
import type { BalanceQuery, BalanceSheet } from '../balances/balanceSheets.ts'
import type { GasQuery, GasQuote } from '../gas/gasQuotes.ts'
import type { ChainList } from '../observability/chainList.ts'
import type { Status } from '../observability/statusReport.ts'
import type { Caller } from '../primitives/caller.ts'
import type {
  IntentView,
  OperationFilter,
  OperationPage,
  OperationQuery,
  OperationView,
  PrepareRequest,
  ReplacementView,
  ReplaceRequest,
} from '../transactions/views/views.ts'
import type { WalletList } from '../wallets/walletBook.ts'

/** Wallets, and how contract accounts among them stand on their chains. */
export interface WalletReport extends WalletList {
  readonly wallets: readonly (WalletList['wallets'][number] & {
    readonly accounts?: readonly AccountState[]
  })[]
}

/** What the tools may ask of the engine. A tool names the services that it uses and receives only those. */
export interface Services {
  readonly chains: { list(caller: Caller): Promise<ChainList> }
  readonly wallets: { list(query: { chain?: string }, caller: Caller): Promise<WalletReport> }
  readonly balances: { read(query: BalanceQuery, caller: Caller): Promise<BalanceSheet> }
  readonly gas: { quote(query: GasQuery, caller: Caller): Promise<GasQuote> }
  readonly intents: { prepare(request: PrepareRequest, caller: Caller): Promise<IntentView> }
  readonly replacements: { prepare(request: ReplaceRequest, caller: Caller): Promise<ReplacementView> }
  readonly operations: {
    execute(request: { intentId: string }, caller: Caller): Promise<OperationView>
    get(query: OperationQuery, caller: Caller): Promise<OperationView>
    list(filter: OperationFilter, caller: Caller): Promise<OperationPage>
  }
  readonly status: { read(caller: Caller): Promise<Status> }
}
