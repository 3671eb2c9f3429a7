import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { sandboxA } from '../../src/chains/data/sandboxA.ts'
import { unattended } from '../../src/primitives/abort.ts'
import { silentMetrics } from '../../src/primitives/metrics.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { lruNodeCache } from '../../src/rpc/cache/lruNodeCache.ts'
import { type ChainAccess, openChainAccess } from '../../src/rpc/chainAccess.ts'
import { startWorld, type World } from '../support/engine.ts'
import { type RpcProxy, startRpcProxy } from '../support/rpcProxy.ts'

// Answers of more bytes than we take: what spaces there are after a JSON text, changes nothing else.

const CALL = [
  'eth_call',
  [{ to: '0x0000000000000000000000000000000000000004', data: '0x01' }, 'latest'],
] as const
const MORE_THAN_WE_TAKE = 66 * 1024 * 1024

let world: World
let standby: RpcProxy
let access: ChainAccess

beforeAll(async () => {
  world = await startWorld()
  standby = await startRpcProxy(world.a.proxy.url)
})

afterEach(async () => {
  world.a.proxy.reset()
  standby.reset()
  await access.close()
})

afterAll(async () => {
  await standby.close()
  await world.stop()
})

function open(proxies: readonly RpcProxy[]): void {
  const endpoints = proxies.map(({ url }, priority) => ({ url: new Secret(url), priority }))
  const options = { timeoutMs: 20_000, cache: lruNodeCache(10), metrics: silentMetrics }
  access = openChainAccess(sandboxA, endpoints, options)
}

const generous = (proxy: RpcProxy) =>
  proxy.setFault((calls) =>
    calls.some(({ method }) => method === 'eth_call')
      ? { kind: 'rewrite', text: (answer) => answer.padEnd(MORE_THAN_WE_TAKE) }
      : undefined,
  )

test('B3: an answer of more than 64 MiB is an error of its own, counts against nobody, and fails no neighbour', async () => {
  open([world.a.proxy, standby])
  generous(world.a.proxy)
  const signal = unattended()
  const [huge, small, other] = await Promise.allSettled([
    access.client.call(...CALL, signal),
    access.client.call('eth_chainId', [], signal),
    access.client.call('eth_getBalance', ['0x00000000000000000000000000000000005403e0', 'latest'], signal),
  ])
  expect(huge).toMatchObject({
    status: 'rejected',
    reason: {
      code: 'answer_too_large',
      kind: 'provider',
      retry: 'no',
      context: { method: 'eth_call', most: '64 MiB' },
      fix: expect.stringContaining('Ask for less'),
    },
  })
  expect(small).toEqual({ status: 'fulfilled', value: '0x7a69' })
  expect(other).toEqual({ status: 'fulfilled', value: '0x0' })
  for (let again = 0; again < 3; again++) {
    await expect(access.client.call(...CALL, signal)).rejects.toMatchObject({ code: 'answer_too_large' })
  }
  expect(access.report()).toMatchObject([
    { state: 'healthy', errorRate: 0 },
    { state: 'healthy', errorRate: 0 },
  ])
}, 120_000)

test('B2: one endpoint that never stops talking does not keep the answer of another from us', async () => {
  open([standby, world.a.proxy])
  generous(standby)
  expect(await access.client.call(...CALL, unattended())).toBe('0x01')
}, 60_000)
