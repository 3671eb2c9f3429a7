import type { Chain } from '../chains/types.ts'
import type { Secret } from '../primitives/secret.ts'
import { type ChainClient, chainClient } from './chainClient.ts'
import { coalesced } from './coalesce.ts'
import { type ChainIdentity, readsOnly, verifiedChain } from './guards.ts'
import { httpTransport } from './endpoint/httpTransport.ts'
import type { RpcTransport } from './transport.ts'

export interface ChainAccess {
  /** Reads and simulations, for everyone. */
  readonly client: ChainClient
  /** The way for signed bytes. The composition root hands it to the broadcaster and to nobody else (R7). */
  readonly sends: RpcTransport
  /** One client per endpoint, in order of priority, to look at each by itself. */
  readonly endpoints: readonly ChainClient[]
  close(): Promise<void>
}

export interface EndpointOptions {
  readonly url: Secret
  readonly priority: number
}

/** Opens the way to one chain over its endpoints; the one of the best priority serves. */
export function openChainAccess(
  chain: Chain,
  endpoints: readonly EndpointOptions[],
  timeoutMs: number,
): ChainAccess {
  const identity = identityOf(chain)
  const verified = [...endpoints]
    .sort((a, b) => a.priority - b.priority)
    .map(({ url }) => verifiedChain(httpTransport({ url, timeoutMs }), identity, chain.id))
  const [primary] = verified
  if (primary === undefined) throw new TypeError(`${chain.id} has no endpoint`)
  return {
    client: chainClient(chain.id, readsOnly(coalesced(primary))),
    sends: primary,
    endpoints: verified.map((transport) => chainClient(chain.id, readsOnly(transport))),
    async close() {
      await Promise.all(verified.map((transport) => transport.close()))
    },
  }
}

function identityOf(chain: Chain): ChainIdentity {
  const reference = chain.id.slice(chain.id.indexOf(':') + 1)
  return { method: 'eth_chainId', expected: `0x${BigInt(reference).toString(16)}` }
}
