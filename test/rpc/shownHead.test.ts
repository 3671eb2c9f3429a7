import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { sandboxA } from '../../src/chains/data/sandboxA.ts'
import { unattended } from '../../src/primitives/abort.ts'
import { silentMetrics } from '../../src/primitives/metrics.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { lruNodeCache } from '../../src/rpc/cache/lruNodeCache.ts'
import { type ChainAccess, openChainAccess } from '../../src/rpc/chainAccess.ts'
import { startWorld, type World } from '../support/engine.ts'

// Without a socket: what is shown follows the blocks that answers show in passing.

const ACCOUNT = '0x00000000000000000000000000000000005403e0'

let world: World
let access: ChainAccess
beforeAll(async () => {
  world = await startWorld()
})
afterEach(() => access.close())
afterAll(() => world.stop())

test('F19: a read that shows a new block drops the balances of the one before', async () => {
  const options = { timeoutMs: 5_000, cache: lruNodeCache(10), metrics: silentMetrics }
  access = openChainAccess(sandboxA, [{ url: new Secret(world.a.proxy.url), priority: 0 }], options)
  const head = () => access.client.call('eth_blockNumber', [], unattended())
  const shown = () => access.shown.call('eth_getBalance', [ACCOUNT, 'latest'], unattended())
  await head()
  expect(await shown()).toBe('0x0')
  await world.a.ask('anvil_setBalance', ACCOUNT, '0x7')
  await head()
  // Kept: the same block, and nobody said that it has moved.
  expect(await shown()).toBe('0x0')
  await world.a.mine()
  await head()
  expect(await shown()).toBe('0x7')
})

test('B5, F9: a chain that was taken back takes along what was shown, and what was to stay', async () => {
  const options = { timeoutMs: 5_000, cache: lruNodeCache(10), metrics: silentMetrics }
  access = openChainAccess(sandboxA, [{ url: new Secret(world.a.proxy.url), priority: 0 }], options)
  const balanceAt = (block: string) => access.shown.call('eth_getBalance', [ACCOUNT, block], unattended())
  await world.a.ask('anvil_mine', '0x14')
  await world.a.ask('anvil_setBalance', ACCOUNT, '0x8')
  await world.a.mine()
  const paidIn = String(await access.client.call('eth_blockNumber', [], unattended()))
  await world.a.ask('anvil_mine', '0x8')
  await access.client.call('eth_blockNumber', [], unattended())
  expect([await balanceAt(paidIn), await balanceAt('latest')]).toEqual(['0x8', '0x8'])
  await world.a.ask('anvil_rollback', 18)
  await access.client.call('eth_blockNumber', [], unattended())
  expect(await balanceAt('latest')).toBe('0x7')
  // The new branch is soon as long as the old one.
  await world.a.ask('anvil_mine', '0x12')
  await access.client.call('eth_blockNumber', [], unattended())
  expect([await balanceAt(paidIn), await balanceAt('latest')]).toEqual(['0x7', '0x7'])
})
