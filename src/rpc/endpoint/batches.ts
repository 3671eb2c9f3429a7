import { monotonicClock } from '../../primitives/clock.ts'
import type { RpcOutcome, RpcRequest, RpcTransport } from '../transport.ts'
import { isRefusalOfBatch } from './answers.ts'

/** An endpoint that took no batches is offered one again after this long: one odd answer must not cost it for ever. */
const OFFERED_AGAIN_MS = 600_000

/**
 * Sends the calls of a batch one by one to an endpoint that takes no batches. Stands before the rate limit, so that
 * each of them has a place there: resent past it, they would be twice what the provider allows.
 */
export function splittingRefusedBatches(inner: RpcTransport, clock = monotonicClock): RpcTransport {
  let refusedUntil = Number.NEGATIVE_INFINITY

  const oneByOne = async (
    requests: readonly RpcRequest[],
    signal: AbortSignal,
  ): Promise<readonly RpcOutcome[]> =>
    (await Promise.all(requests.map((request) => inner.send([request], signal)))).flat()

  return {
    host: inner.host,
    async send(requests, signal) {
      if (requests.length === 1) return inner.send(requests, signal)
      if (clock.now() < refusedUntil) return oneByOne(requests, signal)
      const outcomes = await inner.send(requests, signal)
      if (!isRefusalOfBatch(outcomes)) return outcomes
      const answers = await oneByOne(requests, signal)
      // Where each call alone is refused as well, it was not for being together.
      if (answers.some(({ ok }) => ok)) refusedUntil = clock.now() + OFFERED_AGAIN_MS
      return answers
    },
    close: () => inner.close(),
  }
}
