import type { Hex } from 'viem'
import type { FeeTerms } from '../../chains/adapter.ts'
import type { UntrustedText } from '../../primitives/untrusted.ts'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import { checksum } from '../address.ts'
import type { Revert } from '../calls/reverts.ts'
import type { EvmPayload } from '../evmPayload.ts'
import type { EvmHead } from '../reads/blocks.ts'
import type { BlockTag } from './snapshot.ts'

/** A payload as it would be signed, after others of its account. */
export interface Task {
  readonly payload: EvmPayload
  readonly terms: FeeTerms
  readonly at: BlockTag
  readonly before: readonly EvmPayload[]
}

/** What a payload did when it was tried, in the same words whoever tried it. */
export interface Execution {
  readonly ok: boolean
  readonly gasUsed: bigint
  /** Why it did not pass. */
  readonly revert?: Revert
  /** In order; moves of the native token are Transfer events of `NATIVE_TOKEN`. */
  readonly logs: readonly RawLog[]
  /** It tells whether it passes and what it takes, and not what happens inside contracts. */
  readonly reduced?: true
  /** Contracts that it reads or changes besides the one that it calls, where only an access list tells. */
  readonly touched?: readonly Hex[]
  /** Who called whom; absent when nobody told. */
  readonly frames?: CallFrame
  /** What it left changed; absent when nobody told. */
  readonly changes?: StateChanges
}

export interface RawLog {
  readonly address: Hex
  readonly topics: readonly Hex[]
  readonly data: Hex
}

export interface CallFrame {
  readonly type: CallType
  readonly from: Hex
  /** Absent for a creation that failed. */
  readonly to?: Hex
  /** In wei. */
  readonly value: bigint
  readonly input: Hex
  readonly output: Hex
  readonly gasUsed: bigint
  /** It was undone, with all that it called. */
  readonly failed: boolean
  /** In the order in which they were made. */
  readonly calls: readonly CallFrame[]
}

export type CallType =
  | 'CALL'
  | 'CALLCODE'
  | 'STATICCALL'
  | 'DELEGATECALL'
  | 'CREATE'
  | 'CREATE2'
  | 'SELFDESTRUCT'

/** Calls that hand over their value. */
export const MOVES_VALUE: ReadonlySet<CallType> = new Set(['CALL', 'CREATE', 'CREATE2', 'SELFDESTRUCT'])

/** By account: what is another than before, and what it was. */
export type StateChanges = ReadonlyMap<Hex, AccountChange>

export interface AccountChange {
  /** Slots by their 32-byte hex. */
  readonly storage: ReadonlyMap<Hex, { readonly before: Hex; readonly after: Hex }>
  /** Present when the code is another one. */
  readonly code?: { readonly before: Hex; readonly after: Hex }
}

/** One way to try payloads. */
export interface EvmSimulator {
  /** As receipts name it. */
  readonly name: string
  /** All that it asks is asked of the chain's own endpoints, along with the reads of the head. */
  readonly ridesAlong: boolean
  /** Calls that travel with the reads of the head, so that all are of one block. */
  requests(task: Task): readonly RpcRequest[]
  /**
   * What came of it; undefined when that is of another block than `head`. `outcomes` answer `requests`. Throws
   * `SimulatorAway` when it cannot tell.
   */
  read(
    task: Task,
    head: EvmHead,
    outcomes: readonly RpcOutcome[],
    signal: AbortSignal,
  ): Promise<Execution | undefined>
}

/** A simulator cannot tell: nothing is known of the payload, and the next one is asked. */
export class SimulatorAway extends Error {
  /** It will not be able to for long: what it needs is not offered. */
  readonly lasting: boolean
  /** What it said itself, apart from our words (R9). */
  readonly quoted: UntrustedText | undefined

  /** `reason` is shown to callers as our word. */
  constructor(reason: string, lasting = false, quoted?: UntrustedText) {
    super(reason)
    this.lasting = lasting
    this.quoted = quoted
  }
}

/** Where moves of the native token are told as Transfer events: the address that eth_simulateV1 uses. */
export const NATIVE_TOKEN = checksum('0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee')
