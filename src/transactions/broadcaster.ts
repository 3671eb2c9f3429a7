import type { ChainAdapter, SubmitResult } from '../chains/adapter.ts'
import { checkBinding, type SimulationReceipt } from '../chains/simulationReceipt.ts'
import { BursarError } from '../errors/bursarError.ts'

/** Hands raw bytes to a chain. Only the composition root makes one, and only for the broadcaster (R7). */
export type Submitter = (chain: string, raw: string, signal: AbortSignal) => Promise<SubmitResult>

/** Signed bytes as the journal holds them. */
export interface RecordedBytes {
  readonly raw: string
  readonly hash: string
  readonly account: string
  readonly receipt: SimulationReceipt
}

const SUBMIT_TIMEOUT_MS = 10_000

/** The one module that sends transactions (R7). What it sends is in the journal already (R2). */
export class Broadcaster {
  readonly #submit: Submitter

  constructor(submit: Submitter) {
    this.#submit = submit
  }

  /**
   * Sends recorded bytes, once or again. They are parsed again and must be exactly what their receipt is for, paid
   * by the account that the journal names (R1); else `receipt_refused`, and nothing is sent.
   */
  async broadcast(adapter: ChainAdapter, bytes: RecordedBytes): Promise<SubmitResult> {
    const parsed = await adapter.codec.parse(bytes.raw)
    checkBinding(bytes.receipt, parsed.payload)
    if (parsed.payload.from !== bytes.account || parsed.hash !== bytes.hash) {
      const reason = 'the recorded bytes are not those of this account and hash'
      throw new BursarError('receipt_refused', { reason }, { chain: adapter.chain.id })
    }
    return this.#submit(adapter.chain.id, bytes.raw, AbortSignal.timeout(SUBMIT_TIMEOUT_MS))
  }
}
