import type { Effect } from '../../chains/adapter.ts'
import type { Finding } from '../../primitives/findings.ts'
import type { ChainClient } from '../../rpc/chainClient.ts'
import type { EvmAssets } from '../assets.ts'
import type { EvmHead } from '../blocks.ts'
import type { DeclaredCall } from '../declaredCalls.ts'
import type { Execution, RawLog, StateChanges, Task } from '../simulation/execution.ts'
import type { MadeCall } from '../simulation/madeCalls.ts'
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
  /** What the payload's bytes ask for, itself first. */
  readonly declared: readonly DeclaredCall[]
  /** Who called whom, those around before those within. */
  readonly made?: readonly MadeCall[]
  readonly changes?: StateChanges
  /** The same payload in another block. */
  readonly elsewhere?: Execution
  /** For what a rule has to ask besides; questions of one turn share a round trip. */
  readonly client: ChainClient
  readonly assets: EvmAssets
}

/** One thing to look for. */
export type Rule = (
  evidence: Evidence,
  tracers: Tracers,
  signal: AbortSignal,
) => Promise<readonly Finding[]> | readonly Finding[]
