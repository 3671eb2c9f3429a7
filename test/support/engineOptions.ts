import type { Chain } from '../../src/chains/types.ts'
import type { AccountConfig, WalletConfig } from '../../src/config/types.ts'
import type { Cap, FeeCap } from '../../src/policy/policy.ts'
import type { RuleBook } from '../../src/policy/rules/rules.ts'
import type { Clock } from '../../src/primitives/clock.ts'
import type { FindingCode } from '../../src/primitives/findings.ts'
import type { SimulationServices } from '../../src/runtime/chainDirectory.ts'
import type { WalletBook } from '../../src/wallets/walletBook.ts'
import type { TestClock } from './testClock.ts'

/** What an engine must know of a lane. */
export interface EngineLane {
  readonly id: string
  readonly rpcUrl: string
  readonly proxy: { readonly url: string }
  /** Further endpoints of the same chain, asked after that one. */
  readonly others?: readonly { readonly url: string }[]
}

export interface EngineOptions {
  readonly lanes: readonly EngineLane[]
  /** Facts that are to go for those of the registry. */
  readonly chains?: readonly Chain[]
  /** Wallets for chains that are no sandbox; those have their own. */
  readonly wallets?: readonly WalletConfig[]
  /** In place of those. */
  readonly book?: (clock: Clock) => WalletBook
  /** Contract accounts of those. */
  readonly accounts?: readonly AccountConfig[]
  /** Folder of the journal; engines that share one are several processes on one machine. */
  readonly home?: string
  readonly clock?: TestClock
  readonly caps?: readonly Cap[]
  readonly feeCaps?: readonly FeeCap[]
  /** What needs a person's approval, and up to where a yes in the client is enough. */
  readonly approvalAbove?: readonly Cap[]
  readonly elicitUpTo?: readonly Cap[]
  readonly approverKeys?: readonly string[]
  readonly maxGasPriceGwei?: string
  /** Who simulates besides the endpoints. */
  readonly services?: SimulationServices
  /** Critical findings that do not stop a payment. */
  readonly findingsAllowed?: readonly FindingCode[]
  /** Rules of a policy file. */
  readonly rules?: RuleBook
  /** Decimal text; 2.0 when it is left out. */
  readonly maxSlippagePercent?: string
  readonly rpcTimeoutMs?: number
  readonly ttlSeconds?: number
  /** Calls a second that each endpoint takes. */
  readonly rateLimit?: number
  /** What waits for so many blocks is sped up. */
  readonly speedUpAfterBlocks?: bigint
  /** Nonces by way of this Redis, as a process with REDIS_URL has them. */
  readonly redis?: { readonly url: string; readonly without?: 'journal' | 'refuse' }
  /** Blocks until something is final, on every chain; the registry's numbers when it is left out. */
  readonly confirmations?: number
  /** A private relay for the first lane, and after how many blocks what waits there may be public; never, unless told. */
  readonly relay?: { readonly url: string; readonly fallbackBlocks?: number }
  /** Who brings user operations of the first lane; their owners when absent. */
  readonly bundler?: { readonly url: string }
  /** How long an answer waits for what others broadcast: nobody else is there where nothing is ever sent. */
  readonly othersBroadcastMs?: number
  /** Heads are pushed: anvil serves sockets where it serves HTTP. */
  readonly sockets?: boolean
}
