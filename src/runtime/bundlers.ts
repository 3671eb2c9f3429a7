import type { Bundlers } from '../chains/bundler.ts'
import type { ChainRegistry } from '../chains/registry.ts'
import type { ServiceUrl } from '../config/types.ts'
import { bundlerClient } from '../evm/userOperations/bundlerClient.ts'

/** So that one that hangs leaves time to say so within the time that a submission has. */
const MOST_QUESTION_MS = 4_000

/** The bundlers that are configured. */
export function bundlersOf(
  urls: readonly ServiceUrl[],
  registry: ChainRegistry,
  rpcTimeoutMs: number,
): Bundlers {
  const timeoutMs = Math.min(rpcTimeoutMs, MOST_QUESTION_MS)
  const known = new Map(
    urls.map(({ chain, url, host }) => {
      return [chain, bundlerClient(registry.resolve(chain), { url, host, timeoutMs })]
    }),
  )
  return (chain) => known.get(chain)
}
