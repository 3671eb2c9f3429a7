import type { ChainAdapter } from '../chains/adapter.ts'
import type { SimulationReceipt } from '../chains/simulationReceipt.ts'
import { isBursarError } from '../errors/bursarError.ts'
import type { Logger } from '../primitives/logger.ts'
import type { OperationRecord } from '../store/operations.ts'
import { unpadNumber } from '../store/paddedNumber.ts'
import type { AttemptRow, StepRow } from '../store/schema.ts'
import type { StepStore } from '../store/steps.ts'
import type { Replacements } from './replacements.ts'

/** A block may pass without it for many reasons; before so many have, nothing is concluded. */
const PATIENCE_BLOCKS = 2n
/** What blocks could have taken for so long, and have not, is told. */
const TOLD_AFTER_BLOCKS = 20n
/** However long the network is busy: each raises the fees by a tenth at least. */
const MOST_ATTEMPTS = 12

const ADVICE = 'replace_transaction with kind speed_up offers more'
const OUTBID = `the next block takes more per gas than it offers; ${ADVICE}`
const PASSED_OVER = `no block has taken it for a while, although its fees fit; ${ADVICE}`
const NOTES: ReadonlySet<string | null> = new Set([OUTBID, PASSED_OVER])

export interface StuckOptions {
  readonly replacements: Pick<Replacements, 'speedUp'>
  readonly steps: Pick<StepStore, 'waits'>
  /** Blocks after which a transaction that waits is sped up; undefined: never. */
  readonly afterBlocks: bigint | undefined
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
    const { block } = JSON.parse(attempt.receipt) as SimulationReceipt
    const waited = BigInt(head) - BigInt(block.number)
    // What waits behind another one is kept by that one.
    const isNext = unpadNumber(attempt.nonce) <= minedCount
    if (waited < PATIENCE_BLOCKS || (!isNext && afterBlocks === undefined)) return false
    const isOutbid = await outbid(adapter, attempt, signal)
    const isDue = afterBlocks !== undefined && (isOutbid || waited >= afterBlocks)
    if (isDue && (await this.#speedUp(waiting, signal))) return true
    const passedOver = waited >= TOLD_AFTER_BLOCKS ? PASSED_OVER : null
    const note = isOutbid ? OUTBID : passedOver
    // What was told of a reorganisation stays until there is something to tell.
    const isTold = note === null ? !NOTES.has(step.note) : step.note === note
    if (isNext && !isTold) await steps.waits(step.id, note)
    return false
  }

  async #speedUp({ record, attempt }: Waiting, signal: AbortSignal): Promise<boolean> {
    const { replacements, logger } = this.#options
    const operation = record.operation.id
    if (record.steps.flatMap((step) => step.attempts).length >= MOST_ATTEMPTS) return false
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

/** Whether the next block would not take it. */
async function outbid(adapter: ChainAdapter, attempt: AttemptRow, signal: AbortSignal): Promise<boolean> {
  const { nextBaseFee } = await adapter.fees(signal)
  const { terms } = await adapter.codec.parse(attempt.raw)
  return nextBaseFee > BigInt(terms.maxFeePerGas)
}
