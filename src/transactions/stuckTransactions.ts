import type { ChainAdapter } from '../chains/adapter.ts'
import type { SimulationReceipt } from '../chains/simulationReceipt.ts'
import { isBursarError } from '../errors/bursarError.ts'
import type { Logger } from '../primitives/logger.ts'
import type { OperationRecord } from '../store/operations.ts'
import type { AttemptRow } from '../store/schema.ts'
import type { Replacements } from './replacements.ts'

/** A block may pass without it for many reasons; before so many have, nothing is concluded. */
const PATIENCE_BLOCKS = 2n
/** However long the network is busy: each raises the fees by a tenth at least. */
const MOST_ATTEMPTS = 12

export interface StuckOptions {
  readonly replacements: Pick<Replacements, 'speedUp'>
  /** Blocks after which a transaction that waits is sped up; undefined: never. */
  readonly afterBlocks: bigint | undefined
  readonly logger: Logger
}

/** Speeds up transactions that wait for too long, within the caps, where the operator wants it (C3, F11). */
export class StuckTransactions {
  readonly #options: StuckOptions

  constructor(options: StuckOptions) {
    this.#options = options
  }

  /** Returns whether other bytes stand at its nonce now, which are to be sent. */
  async speedUp(
    adapter: ChainAdapter,
    record: OperationRecord,
    attempt: AttemptRow,
    head: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { replacements, logger } = this.#options
    if (!(await this.#isStuck(adapter, record, attempt, head, signal))) return false
    const operation = record.operation.id
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

  /** It was not included in so many blocks, or the next one would not take it. */
  async #isStuck(
    adapter: ChainAdapter,
    { steps }: OperationRecord,
    attempt: AttemptRow,
    head: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { afterBlocks } = this.#options
    if (afterBlocks === undefined) return false
    const { block } = JSON.parse(attempt.receipt) as SimulationReceipt
    const waited = BigInt(head) - BigInt(block.number)
    const attempts = steps.flatMap((step) => step.attempts).length
    if (waited < PATIENCE_BLOCKS || attempts >= MOST_ATTEMPTS) return false
    if (waited >= afterBlocks) return true
    const { nextBaseFee } = await adapter.fees(signal)
    const { terms } = await adapter.codec.parse(attempt.raw)
    return nextBaseFee > BigInt(terms.maxFeePerGas)
  }
}
