import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { HeadWatch } from '../../../src/chains/directory.ts'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { HeadWatches } from '../../../src/transactions/following/headWatches.ts'
import { startEngine, startWorld, type World } from '../../support/engine.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

/** A directory whose watches begin when the test says so. */
function directory() {
  const begun = new Map<string, { moved: () => void; stop: ReturnType<typeof vi.fn>; ready: () => void }>()
  return {
    begun,
    watch: (chain: string, moved: () => void) =>
      new Promise<HeadWatch>((resolve) => {
        const stop = vi.fn()
        begun.set(chain, { moved, stop, ready: () => resolve({ pushed: () => true, stop }) })
      }),
  }
}

it('listens to the chains where something is under way, and to no other', async () => {
  const chains = directory()
  const moved = vi.fn()
  const watches = new HeadWatches(chains, moved, silentLogger)
  watches.keepTo(new Set(['a', 'b']))
  watches.keepTo(new Set(['a', 'b']))
  for (const { ready } of chains.begun.values()) ready()
  await vi.waitFor(() => expect(watches.pushed('b')).toBe(true))
  chains.begun.get('b')?.moved()
  expect(moved.mock.calls).toEqual([['b']])
  watches.keepTo(new Set(['a']))
  expect(chains.begun.get('b')?.stop).toHaveBeenCalledOnce()
  expect(chains.begun.get('a')?.stop).not.toHaveBeenCalled()
  expect(watches.pushed('b')).toBe(false)
})

it('does not go on with a watch that begins after it was no longer wanted, even when another one is', async () => {
  const chains = directory()
  const watches = new HeadWatches(chains, vi.fn(), silentLogger)
  watches.keepTo(new Set(['a']))
  const first = chains.begun.get('a')
  watches.keepTo(new Set())
  watches.keepTo(new Set(['a']))
  const second = chains.begun.get('a')
  second?.ready()
  first?.ready()
  await vi.waitFor(() => expect(first?.stop).toHaveBeenCalledOnce())
  expect(second?.stop).not.toHaveBeenCalled()
  expect(watches.pushed('a')).toBe(true)
})

it('F17: a chain that cannot be opened is tried again by the next look', async () => {
  const watch = vi.fn(() => Promise.reject(new Error('the sandbox is starting')))
  const watches = new HeadWatches({ watch }, vi.fn(), silentLogger, 50)
  watches.keepTo(new Set(['a']))
  await vi.waitFor(() => {
    watches.keepTo(new Set(['a']))
    expect(watch.mock.calls.length).toBeGreaterThan(1)
  })
})

it('C4: a block that is pushed has what is under way looked at, and so does a reorganisation', async () => {
  const engine = startEngine({ lanes: [world.a], sockets: true })
  const looks: string[] = []
  engine.leases.start(async (id) => {
    looks.push(id)
    // Longer than this test takes: whatever is looked at again was pushed.
    return 3_600_000
  })
  const { access } = await engine.chains.open('sandbox-a')
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: 'pushed' })
  const { operationId } = await engine.execute(intentId)
  await vi.waitFor(() => expect(access.live.following()).toBe('socket'), { timeout: 5_000 })
  const before = looks.length
  await world.a.mine()
  await vi.waitFor(() => expect(looks.length).toBeGreaterThan(before), { timeout: 5_000 })
  const mined = looks.length
  await world.a.ask('anvil_reorg', 1, [])
  await vi.waitFor(() => expect(looks.length).toBeGreaterThan(mined), { timeout: 5_000 })
  expect(new Set(looks)).toEqual(new Set([operationId]))
  await engine.leases.stop(async () => undefined)
  await engine.stop()
})
