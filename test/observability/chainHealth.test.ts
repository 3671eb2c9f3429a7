import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRegistry } from '../../src/chains/registry.ts'
import { listChains } from '../../src/observability/chainList.ts'
import { unattended } from '../../src/primitives/abort.ts'
import { silentMetrics } from '../../src/primitives/metrics.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { lruNodeCache } from '../../src/rpc/cache/lruNodeCache.ts'
import type { EndpointOptions } from '../../src/rpc/chainAccess.ts'
import { OpenChains } from '../../src/runtime/chainDirectory.ts'
import { chain, type LiveWorld, startLiveWorld } from '../rpc/live/support/liveWorld.ts'
import { caller } from '../support/engine.ts'
import { type RpcProxy, startRpcProxy } from '../support/rpcProxy.ts'

const until = { timeout: 15_000, interval: 20 }
let world: LiveWorld
let other: RpcProxy
const open: OpenChains[] = []
beforeAll(async () => {
  world = await startLiveWorld()
  other = await startRpcProxy(world.anvilUrl)
})
afterAll(async () => {
  await Promise.all(open.map((chains) => chains.close()))
  await other.close()
  await world.stop()
})

/** list_chains over these endpoints, the first one preferred. */
function listing(...urls: string[]) {
  const endpoints: EndpointOptions[] = urls.map((url, priority) => ({ url: new Secret(url), priority }))
  const chains = new OpenChains(
    createRegistry([chain], []),
    [chain],
    async () => new Map([[chain.id, endpoints]]),
    { timeoutMs: 1_000, cache: lruNodeCache(10), metrics: silentMetrics },
  )
  open.push(chains)
  const access = async (id: string) => (await chains.open(id)).access
  return {
    list: async () => (await listChains(chains, access, caller())).chains[0],
    /** Looks at each endpoint by itself, as get_status does. */
    look: async () => {
      const { endpoints, report } = await access(chain.id)
      const looks = endpoints.map((each) => each.call('eth_blockNumber', [], unattended()))
      await Promise.allSettled(looks)
      return report().map(({ state }) => state)
    },
    forget: async () => (await access(chain.id)).headMoved(),
    /** A read past the cache, which endpoints are known by. */
    use: async () => (await access(chain.id)).client.call('eth_blockNumber', [], unattended()),
  }
}

test('list_chains counts the endpoints that are healthy now, and sees one that fails and comes back', async () => {
  const { list, use } = listing(other.url, world.http.url)
  const endpoints = async () => {
    await use()
    return (await list())?.endpoints
  }
  expect(await list()).toMatchObject({ endpoints: { healthy: 2, of: 2 }, live: 'idle' })
  other.setFault(() => ({ kind: 'reset' }))
  await expect.poll(endpoints, until).toEqual({ healthy: 1, of: 2 })
  expect(await list()).toMatchObject({ head: { number: expect.any(String) } })
  other.setFault(undefined)
  await expect.poll(endpoints, until).toEqual({ healthy: 2, of: 2 })
})

test('a chain of which no endpoint answers says so with its problem', async () => {
  const { list } = listing('http://127.0.0.1:9')
  await expect.poll(async () => (await list())?.endpoints, until).toEqual({ healthy: 0, of: 1 })
  expect(await list()).toMatchObject({ problem: expect.stringContaining('127.0.0.1:9') })
})

test('the count costs no request: the newest block is all that is asked for', async () => {
  const { list, forget } = listing(world.http.url)
  await list()
  await forget()
  world.http.reset()
  expect(await list()).toMatchObject({ endpoints: { healthy: 1, of: 1 } })
  expect(world.http.calls.map(({ method }) => method)).toEqual(['eth_getBlockByNumber'])
})

test('R13: a look at each endpoint by itself counts: one of another chain is not told as healthy', async () => {
  const { look } = listing(world.otherChainUrl, world.http.url)
  expect(await look()).toEqual(['wrong-chain', 'healthy'])
})
