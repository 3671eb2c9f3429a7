import type { ChainAdapter, Payload } from '../../chains/adapter.ts'
import type { Bundlers } from '../../chains/bundler.ts'
import { routeAt, type SimulationReceipt } from '../../chains/simulationReceipt.ts'
import { isBursarError } from '../../errors/bursarError.ts'
import type { Flags } from '../../primitives/flags.ts'
import type { Logger } from '../../primitives/logger.ts'
import { unpadNumber } from '../../store/database/paddedNumber.ts'
import type { HaltStore } from '../../store/halts.ts'
import type { OperationRecord } from '../../store/operations.ts'
import type { AttemptRow, StepRow } from '../../store/schema.ts'
import type { StepStore } from '../../store/steps/steps.ts'
import type { Replacements } from './replacements.ts'

/** A block may pass without it for many reasons; before so many have, nothing is concluded. */
const PATIENCE_BLOCKS = 2n
/** What blocks could have taken for so long, and have not, is told. */
const TOLD_AFTER_BLOCKS = 20n
/** For so many a relay tries a private transaction by itself, at most. */
const TOLD_AFTER_BLOCKS_PRIVATELY = 25n
/** However long the network is busy: each raises the fees by a tenth at least. */
const MOST_ATTEMPTS = 12

const ADVICE = 'replace_transaction with kind speed_up offers more'
const OUTBID = `the next block takes more per gas than it offers; ${ADVICE}`
const PASSED_OVER = `no block has taken it for a while, although its fees fit; ${ADVICE}`
const PASSED_OVER_PRIVATELY =
  'no block has taken it by the private route for a while; replace_transaction with kind speed_up offers more, with kind cancel takes it back'
const NOT_BROUGHT =
  'no block has it yet, for too long: what brings it to the chain waits, or was not passed on; replace_transaction with kind speed_up offers more, with kind cancel takes it back'
const NOTES: ReadonlySet<string | null> = new Set([OUTBID, PASSED_OVER, PASSED_OVER_PRIVATELY])
/** Added to what speaks against sending it. */
const UNSENT = '; replace_transaction with kind cancel takes it back'

export interface StuckOptions {
  readonly replacements: Pick<Replacements, 'speedUp'>
  readonly steps: Pick<StepStore, 'waits' | 'waitsUnproven'>
  /** Blocks after which a transaction that waits is sped up; undefined: never. */
  readonly afterBlocks: bigint | undefined
  readonly halts: Pick<HaltStore, 'of'>
  /** Who brings user operations in place of their owners. */
  readonly bundlers: Bundlers
  readonly flags: Flags
  readonly logger: Logger
}

/** A transaction that the chain has not included. */
export interface Waiting {
  readonly record: OperationRecord
  readonly step: StepRow
  /** Its newest bytes. */
  readonly attempt: AttemptRow
  /** Number of the newest block. */
  readonly head: string
  /** The nonce that the chain takes next from the account. */
  readonly minedCount: bigint
}

/** Tells of transactions that wait for too long, and speeds them up where the operator wants it (C3, F11). */
export class StuckTransactions {
  readonly #options: StuckOptions

  constructor(options: StuckOptions) {
    this.#options = options
  }

  /** Returns whether other bytes stand at its nonce now, which are to be sent. */
  async look(adapter: ChainAdapter, waiting: Waiting, signal: AbortSignal): Promise<boolean> {
    const { afterBlocks, steps } = this.#options
    const { step, head, attempt, minedCount } = waiting
    const receipt = JSON.parse(attempt.receipt) as SimulationReceipt
    const waited = BigInt(head) - BigInt(receipt.block.number)
    const isPrivate = routeAt(receipt, BigInt(head)) === 'private'
    // What waits behind another one is kept by that one.
    const isNext = unpadNumber(attempt.nonce) <= minedCount
    if (adapter.codec.entryPoint(JSON.parse(step.payload) as Payload) !== undefined) {
      return this.#lookAtOperation(waiting, { isNext, waited }, signal)
    }
    if (waited < PATIENCE_BLOCKS || (!isNext && afterBlocks === undefined)) return false
    const isOutbid = await outbid(adapter, attempt, signal)
    const isDue = afterBlocks !== undefined && (isOutbid || waited >= afterBlocks)
    if (isDue && (await this.#speedUp(waiting, signal))) return true
    const note = isOutbid ? OUTBID : passedOver(waited, isPrivate)
    if (isPrivate && step.state === 'unknown') return this.#tellUnsent(step, note)
    // What was told of a reorganisation stays until there is something to tell.
    const isTold = note === null ? !NOTES.has(step.note) : step.note === note
    if (isNext && !isTold) await steps.waits(step.id, note)
    return false
  }

  /**
   * Where its owner brings a user operation, that is a transaction of its own, which is sped up where transactions are.
   * A bundler is offered more.
   */
  async #lookAtOperation(
    waiting: Waiting,
    { isNext, waited }: { readonly isNext: boolean; readonly waited: bigint },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { afterBlocks, bundlers, steps } = this.#options
    const { step } = waiting
    if (!isNext) return false
    const isDue = afterBlocks !== undefined && waited >= afterBlocks && bundlers(step.chain) !== undefined
    if (isDue && (await this.#speedUp(waiting, signal))) return true
    if (waited < TOLD_AFTER_BLOCKS) return false
    if (step.state === 'unknown') return this.#tellUnsent(step, step.note)
    if (step.note !== NOT_BROUGHT) await steps.waits(step.id, NOT_BROUGHT)
    return false
  }

  /** Nobody but the relay has it: what it says against sending it stays told, and who reads it is told what to do. */
  async #tellUnsent({ id, note: reason }: StepRow, note: string | null): Promise<false> {
    if (note === null || reason === null || reason.endsWith(UNSENT)) return false
    await this.#options.steps.waitsUnproven(id, `${reason}${UNSENT}`)
    return false
  }

  async #speedUp({ record, attempt }: Waiting, signal: AbortSignal): Promise<boolean> {
    const { replacements, flags, logger } = this.#options
    const operation = record.operation.id
    if (record.steps.flatMap((step) => step.attempts).length >= MOST_ATTEMPTS) return false
    if (await this.#options.halts.of(record.operation)) return false
    const subject = { ...record.operation, key: record.operation.idempotency_key }
    if ((await flags.decide('automatic-speed-up', subject)).variant === 'off') return false
    try {
      await replacements.speedUp(record, attempt, signal)
      logger.info('a transaction that waited was sped up', { operation, replaced: attempt.hash })
      return true
    } catch (error) {
      // A cap, or what the simulation says now: it goes on waiting, which loses nothing.
      if (!isBursarError(error)) throw error
      logger.warn('a transaction waits and cannot be sped up', { operation, cause: error.message })
      return false
    }
  }
}

function passedOver(waited: bigint, isPrivate: boolean): string | null {
  if (isPrivate) return waited >= TOLD_AFTER_BLOCKS_PRIVATELY ? PASSED_OVER_PRIVATELY : null
  return waited >= TOLD_AFTER_BLOCKS ? PASSED_OVER : null
}

/** Whether the next block would not take it. */
async function outbid(adapter: ChainAdapter, attempt: AttemptRow, signal: AbortSignal): Promise<boolean> {
  const { nextBaseFee } = await adapter.fees(signal)
  const { terms } = await adapter.codec.parse(attempt.raw)
  return nextBaseFee > BigInt(terms.maxFeePerGas)
}
