import type { ChainAdapter } from '../../chains/adapter.ts'
import type { PrivateRelay, RelayResult } from '../../chains/routes.ts'
import { checkBinding, routeAt, type SimulationReceipt } from '../../chains/simulationReceipt.ts'
import type { SubmitResult } from '../../chains/submitResult.ts'
import { BursarError } from '../../errors/bursarError.ts'

/** Hands raw bytes to a chain. Only the composition root makes one, and only for the broadcaster (R7). */
export type Submitter = (chain: string, raw: string, signal: AbortSignal) => Promise<SubmitResult>

/** The private relay of a chain, by CAIP-2 id; undefined where none is configured. */
export type Relays = (chain: string) => PrivateRelay | undefined

/** Signed bytes as the journal holds them. */
export interface RecordedBytes {
  readonly raw: string
  readonly hash: string
  readonly account: string
  readonly receipt: SimulationReceipt
}

/** What has to be known to send by a private relay. */
export interface Surroundings {
  /** Number of the newest block. */
  readonly head: bigint
  /** Bytes of the same account that must be mined before, in the order of their nonces. */
  readonly before: readonly RecordedBytes[]
}

/** What came of it, and which way it took. */
export type Broadcast =
  | (SubmitResult & { readonly by: 'public' })
  | (RelayResult & { readonly by: 'private' })

const SUBMIT_TIMEOUT_MS = 10_000

/** The one module that sends transactions (R7). What it sends is in the journal already (R2). */
export class Broadcaster {
  readonly #submit: Submitter
  readonly #relays: Relays

  constructor(submit: Submitter, relays: Relays) {
    this.#submit = submit
    this.#relays = relays
  }

  /**
   * Sends recorded bytes, once or again, by the route that their receipt allows. They are parsed again and must be
   * exactly what their receipt is for, paid by the account that the journal names (R1); else `receipt_refused`, and
   * nothing is sent. Where `around` is not known, nothing private goes to public endpoints.
   */
  async broadcast(adapter: ChainAdapter, bytes: RecordedBytes, around?: Surroundings): Promise<Broadcast> {
    await requireOwn(adapter, bytes, bytes.account)
    const signal = AbortSignal.timeout(SUBMIT_TIMEOUT_MS)
    if (routeAt(bytes.receipt, around?.head) === 'public') {
      return { ...(await this.#submit(adapter.chain.id, bytes.raw, signal)), by: 'public' }
    }
    const { head, before } = around ?? { head: 0n, before: [] }
    for (const each of before) await requireOwn(adapter, each, bytes.account)
    const relay = this.#relays(adapter.chain.id)
    if (!relay) return { by: 'private', outcome: 'withheld', again: head + 1n, ...NO_RELAY }
    const raws = [...before, bytes].map(({ raw }) => raw)
    return { ...(await relay.submit({ raws, head }, signal)), by: 'private' }
  }

  /** Asks the private relay of a chain to forget what was sent to it; whether it said that it does. */
  async withdraw(chain: string, hash: string): Promise<boolean> {
    return (await this.#relays(chain)?.cancel(hash, AbortSignal.timeout(SUBMIT_TIMEOUT_MS))) ?? false
  }
}

const NO_RELAY = {
  evidence: 'no private relay is configured',
  reason: 'no relay is configured any more: FLASHBOTS_AUTH_KEY or FLASHBOTS_RELAY_URL is missing',
} as const

async function requireOwn(
  { chain, codec }: ChainAdapter,
  { raw, hash, account, receipt }: RecordedBytes,
  payer: string,
): Promise<void> {
  const parsed = await codec.parse(raw)
  checkBinding(receipt, parsed.payload)
  if (parsed.payload.from === account && account === payer && parsed.hash === hash) return
  const reason = 'the recorded bytes are not those of this account and hash'
  throw new BursarError('receipt_refused', { reason }, { chain: chain.id })
}
