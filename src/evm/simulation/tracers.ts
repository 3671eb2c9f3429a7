import { type Clock, monotonicClock } from '../../primitives/clock.ts'
import { type ChainClient, isMissing } from '../../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'

/** What an endpoint does not offer it may offer after an upgrade: so long it is not asked again. */
const LASTING_MS = 600_000

/** The endpoints that can trace. Few do, so each is asked once and what it said is remembered. */
export class Tracers {
  readonly #endpoints: () => readonly ChainClient[]
  readonly #clock: Clock
  readonly #without = new Map<ChainClient, number>()

  /** `endpoints`: those that answer now, the best first. */
  constructor(endpoints: () => readonly ChainClient[], clock: Clock = monotonicClock) {
    this.#endpoints = endpoints
    this.#clock = clock
  }

  /** The answers of the first endpoint that traces, with its host; undefined when none does. */
  async trace(
    requests: readonly RpcRequest[],
    signal: AbortSignal,
  ): Promise<{ readonly host: string; readonly results: readonly unknown[] } | undefined> {
    for (const client of this.#endpoints()) {
      if ((this.#without.get(client) ?? 0) > this.#clock.now()) continue
      const outcomes = await client.batch(requests, signal).catch(() => undefined)
      signal.throwIfAborted()
      if (!outcomes) continue
      const results = resultsOf(outcomes)
      if (results) return { host: client.host, results }
      if (outcomes.some((outcome) => !outcome.ok && isMissing(outcome.error)))
        this.#without.set(client, this.#clock.now() + LASTING_MS)
    }
    return undefined
  }
}

function resultsOf(outcomes: readonly RpcOutcome[]): readonly unknown[] | undefined {
  return outcomes.every(({ ok }) => ok)
    ? outcomes.map((outcome) => (outcome.ok ? outcome.result : undefined))
    : undefined
}
