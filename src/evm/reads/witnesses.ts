import { BursarError } from '../../errors/bursarError.ts'
import { pause, withDeadline } from '../../primitives/abort.ts'
import type { ChainClient } from '../../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import { LATEST_BLOCK } from './blocks.ts'

/** A fact that every honest endpoint tells in the same way, because it is of one block. */
export interface Question {
  readonly request: RpcRequest
  /** The same at the newest block, for an endpoint that does not have that block yet. */
  readonly newest?: RpcRequest
  /** What the fact is, for the error. */
  readonly what: string
  /** What relies on it: a payload that nobody signs unless all agree, or how one that was sent was included. */
  readonly judged: 'payload' | 'inclusion'
  /** What was told first, and is about to be relied upon. */
  readonly claimed: string
  /** The part of an answer that must be the same everywhere. */
  readonly essence: (result: unknown) => string
}

/** An endpoint was no witness: it failed or did not answer in time, or it has stopped following its chain. */
export type LeftOut = (host: string, why: 'silent' | 'stale') => void

/** Whether an endpoint is behind the chain and has long stopped following it. Asked right after its newest block was. */
export type HasStopped = (client: ChainClient) => boolean

/** More than this many agreeing adds cost and no trust. */
const ENOUGH = 2
/** One that is silent for so long is left out, as one that fails. */
const PATIENCE_MS = 2_000
/** How long an endpoint that is a little behind is waited for, in all about a second. */
const LOOKS = 5
const BETWEEN_LOOKS_MS = 250

/**
 * Facts that money depends on, from two endpoints where there are two (T12). Endpoints that fail are left out: one
 * that works is enough. Those that answer must agree. One that does not know the block is waited for, and is believed
 * when it tells the same of its own newest block; when it goes on not knowing, that is a disagreement as well: a block
 * that only one endpoint knows may be invented. One that has stopped following the chain is left out; where that cannot
 * be told, it counts.
 */
export class Witnesses {
  readonly #healthy: () => readonly ChainClient[]
  readonly #hasStopped: HasStopped
  readonly #leftOut: LeftOut

  /** `leftOut` is told of each that was asked and is no witness: what two agree on may be the word of one. */
  constructor(
    healthy: () => readonly ChainClient[],
    hasStopped: HasStopped = () => false,
    leftOut: LeftOut = () => undefined,
  ) {
    this.#healthy = healthy
    this.#hasStopped = hasStopped
    this.#leftOut = leftOut
  }

  /** Throws `provider_disagreement` when an endpoint contradicts what is claimed (F18). */
  async agree(questions: readonly Question[], signal: AbortSignal): Promise<void> {
    const clients = this.#healthy().slice(0, ENOUGH + 1)
    if (clients.length < ENOUGH) return
    await Promise.all(clients.map((client) => this.#requireAgreement(client, questions, signal)))
  }

  async #requireAgreement(
    client: ChainClient,
    questions: readonly Question[],
    signal: AbortSignal,
  ): Promise<void> {
    let open = questions
    for (let look = 1; open.length > 0; look++) {
      const told = await ask(client, open, (question) => question.request, signal)
      if (told === undefined) return this.#leftOut(client.host, 'silent')
      const unknown = open.filter((question, index) => !confirms(client, question, told[index]))
      open = await this.#stillOpen(client, unknown, signal)
      if (open.length > 0 && look === LOOKS) throw disagreement(client, open[0] as Question)
      if (open.length > 0) await pause(BETWEEN_LOOKS_MS, signal)
      signal.throwIfAborted()
    }
  }

  /** Those of the questions that the endpoint does not answer like this at its own newest block either. */
  async #stillOpen(
    client: ChainClient,
    unknown: readonly Question[],
    signal: AbortSignal,
  ): Promise<readonly Question[]> {
    const elsewhere = unknown.filter(({ newest }) => newest !== undefined)
    if (unknown.length === 0) return unknown
    const told = await ask(client, [HEAD, ...elsewhere], ({ request, newest }) => newest ?? request, signal)
    const why = told === undefined ? 'silent' : this.#hasStopped(client) ? 'stale' : undefined
    if (why !== undefined) this.#leftOut(client.host, why)
    if (told === undefined || why !== undefined) return []
    const settled = elsewhere.filter(({ essence, claimed }, index) => {
      // Its newest block may differ for good reasons: only a match tells something.
      return essenceOf(told[index + 1], essence) === claimed
    })
    return unknown.filter((question) => !settled.includes(question))
  }
}

/** The newest block of an endpoint, asked along with facts: what is known of it is as new as its answer. */
const HEAD: Question = {
  request: LATEST_BLOCK,
  what: 'its newest block',
  judged: 'payload',
  claimed: '',
  essence: String,
}

/** Whether the endpoint tells the same of that very block; false when it does not know. Throws when it contradicts. */
function confirms(client: ChainClient, question: Question, outcome: RpcOutcome | undefined): boolean {
  const essence = essenceOf(outcome, question.essence)
  if (essence === undefined) return false
  if (essence !== question.claimed) throw disagreement(client, question)
  return true
}

/** Undefined when the endpoint failed or was silent: it is no witness. */
async function ask(
  client: ChainClient,
  questions: readonly Question[],
  requestOf: (question: Question) => RpcRequest,
  signal: AbortSignal,
): Promise<readonly RpcOutcome[] | undefined> {
  try {
    return await withDeadline(PATIENCE_MS, signal, (limited) =>
      client.batch(questions.map(requestOf), limited),
    )
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

function essenceOf(
  outcome: RpcOutcome | undefined,
  essence: (result: unknown) => string,
): string | undefined {
  // A refusal or a null says that the endpoint cannot tell, which is not a contradiction by itself.
  if (!outcome?.ok || outcome.result === null || outcome.result === undefined) return undefined
  try {
    return essence(outcome.result)
  } catch {
    // Nor is an answer that is none.
    return undefined
  }
}

/** What was sent may be in the chain, whoever is right about it. */
export function disagreement(
  { host, chain }: ChainClient,
  { what, judged }: Pick<Question, 'what' | 'judged'>,
): BursarError {
  const sideEffect = judged === 'payload' ? 'none' : 'possible'
  return new BursarError('provider_disagreement', { what, host, judged }, { chain, sideEffect })
}
