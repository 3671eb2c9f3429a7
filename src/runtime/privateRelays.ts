import type { ChainRegistry } from '../chains/registry.ts'
import type { PrivateRelay } from '../chains/routes.ts'
import type { PrivateRelayConfig } from '../config/types.ts'
import { flashbotsRelay } from '../evm/relay/flashbotsRelay.ts'
import { relayIdentity } from '../wallets/relayIdentity.ts'

/** So that a relay that hangs while it simulates leaves time to pass on what it did simulate. */
const MOST_QUESTION_MS = 4_000

/** The private relays that are configured, by CAIP-2 id. Only the broadcaster may have them (R7). */
export function privateRelays(
  config: PrivateRelayConfig | undefined,
  registry: ChainRegistry,
  rpcTimeoutMs: number,
): ReadonlyMap<string, PrivateRelay> {
  if (!config) return new Map()
  const identity = relayIdentity(config.authKey)
  const timeoutMs = Math.min(rpcTimeoutMs, MOST_QUESTION_MS)
  return new Map(
    config.urls.map(({ chain, url }) => {
      return [chain, flashbotsRelay(registry.resolve(chain), { url, identity, timeoutMs })]
    }),
  )
}
