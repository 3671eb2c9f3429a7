import { BursarError } from '../errors/bursarError.ts'
import type { ChainClient } from '../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../rpc/transport.ts'

/** A fact as one endpoint tells it, and how its words are compared. */
export interface Question {
  /** Asked at a named block, so that honest endpoints cannot differ. */
  readonly request: RpcRequest
  /** What the fact is, for the error. */
  readonly what: string
  /** The part of an answer that must be the same everywhere. */
  readonly essence: (result: unknown) => string
}

/** More than this many agreeing adds cost and no trust. */
const ENOUGH = 2

/**
 * Facts that money depends on, from two endpoints where there are two (T12). Endpoints that fail, or that do not
 * have the block yet, are left out: one that works is enough. Those that answer must agree.
 */
export class Witnesses {
  readonly #healthy: () => readonly ChainClient[]

  constructor(healthy: () => readonly ChainClient[]) {
    this.#healthy = healthy
  }

  /** Throws `provider_disagreement` when two endpoints tell different things of the same block (F18). */
  async agree(questions: readonly Question[], signal: AbortSignal): Promise<void> {
    const clients = this.#healthy()
    if (clients.length < ENOUGH) return
    const testimonies = await Promise.all(
      clients.slice(0, ENOUGH + 1).map((client) => ask(client, questions, signal)),
    )
    for (const [index, { what }] of questions.entries()) {
      const told = testimonies.flatMap(({ host, essences }) => {
        const essence = essences[index]
        return essence === undefined ? [] : [{ host, essence }]
      })
      const [first, ...others] = told
      const liar = others.find(({ essence }) => essence !== first?.essence)
      if (!first || !liar) continue
      const context = { what, hosts: [first.host, liar.host] }
      throw new BursarError('provider_disagreement', context, { chain: clients[0]?.chain ?? '' })
    }
  }
}

interface Testimony {
  readonly host: string
  readonly essences: readonly (string | undefined)[]
}

async function ask(
  client: ChainClient,
  questions: readonly Question[],
  signal: AbortSignal,
): Promise<Testimony> {
  const { host } = client
  try {
    const outcomes = await client.batch(
      questions.map(({ request }) => request),
      signal,
    )
    return { host, essences: questions.map(({ essence }, index) => essenceOf(outcomes[index], essence)) }
  } catch {
    signal.throwIfAborted()
    return { host, essences: [] }
  }
}

function essenceOf(
  outcome: RpcOutcome | undefined,
  essence: (result: unknown) => string,
): string | undefined {
  // A refusal or a null says that the endpoint cannot tell, which is not a contradiction.
  if (!outcome?.ok || outcome.result === null || outcome.result === undefined) return undefined
  return essence(outcome.result)
}
