import type { Hex } from 'viem'
import type { Effect } from '../../chains/adapter.ts'
import type { Finding } from '../../primitives/findings.ts'
import type { ChainClient } from '../../rpc/chainClient.ts'
import type { DeclaredCall } from '../calls/declaredCalls.ts'
import type { EvmAssets } from '../reads/assets.ts'
import type { EvmHead } from '../reads/blocks.ts'
import type { Execution, RawLog, StateChanges, Task } from '../simulation/execution.ts'
import type { MadeCall } from '../simulation/madeCalls.ts'
import type { StateOverrides } from '../simulation/traced.ts'
import type { Tracers } from '../simulation/tracers.ts'

/** What is known of an execution that passed. What is absent nobody could tell. */
export interface Evidence {
  readonly task: Task
  readonly head: EvmHead
  readonly effects: readonly Effect[]
  readonly logs: readonly RawLog[]
  /** Whether code of a stranger ran at all. */
  readonly runsCode: boolean
  readonly reduced?: true
  /** Contracts that it reads or changes besides the one that it calls, where only an access list tells. */
  readonly touched?: readonly Hex[]
  /** What the payload's bytes ask for, itself first. */
  readonly declared: readonly DeclaredCall[]
  /** Who called whom, those around before those within. */
  readonly made?: readonly MadeCall[]
  readonly changes?: StateChanges
  /** What the state was taken to be where it was traced: payments that wait come before. */
  readonly state?: StateOverrides
  /** The same payload in another block. */
  readonly elsewhere?: Execution
  /** How much worse a swap may let itself be done than it is now, in hundredths of a per cent. */
  readonly maxSlippage: bigint
  /** For what a rule has to ask besides; questions of one turn share a round trip. */
  readonly client: ChainClient
  readonly assets: EvmAssets
  /** Where batches are made on this chain; absent where the registry knows no such place. */
  readonly multicall3?: Hex
}

/** One thing to look for. */
export type Rule = (
  evidence: Evidence,
  tracers: Tracers,
  signal: AbortSignal,
) => Promise<readonly Finding[]> | readonly Finding[]
