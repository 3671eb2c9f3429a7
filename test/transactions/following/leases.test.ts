import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { silentLogger } from '../../../src/primitives/logger.ts'
import type { Journal } from '../../../src/store/journal.ts'
import type { OperationStore } from '../../../src/store/operations.ts'
import { Leases } from '../../../src/transactions/following/leases.ts'

// When this process looks at what it follows. Time is the test's; what it holds is what the test says.
beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const OPERATION = { id: 'op_1', chain: 'eip155:1' }

/** A drive takes as long as the test says, and answers when to look again. */
function follow({ pauseMs, driveMs, pushed }: { pauseMs: number; driveMs: number; pushed: boolean }) {
  const moved = (): void => undefined
  const looking = (): void => undefined
  const world = { held: true, looks: 0, drives: 0, atOnce: 0, mostAtOnce: 0, moved, looking }
  const operations = {
    claim: async () => {
      world.looks += 1
      const found = world.held ? [OPERATION] : []
      world.looking()
      return found
    },
    release: async () => undefined,
  } as unknown as OperationStore
  const directory = {
    watch: async (_chain: string, tell: () => void) => {
      world.moved = tell
      return { pushed: () => pushed, stop: () => undefined }
    },
  }
  const journal = { after: () => '' } as unknown as Journal
  const leases = new Leases(journal, operations, directory, silentLogger)
  leases.start(async () => {
    world.drives += 1
    world.atOnce += 1
    world.mostAtOnce = Math.max(world.mostAtOnce, world.atOnce)
    await new Promise((resolve) => setTimeout(resolve, driveMs))
    world.atOnce -= 1
    return pauseMs
  })
  const end = () => leases.stop(async () => undefined)
  const stop = async () => {
    const stopped = end()
    // What is under way comes to its end.
    await vi.advanceTimersByTimeAsync(10_000)
    await stopped
  }
  return Object.assign(world, { stop, end, wake: () => leases.wake() })
}

it('C4: looks again as soon as it can when the chain moved while it was looking', async () => {
  const world = follow({ pauseMs: 60_000, driveMs: 1_000, pushed: false })
  await vi.advanceTimersByTimeAsync(500)
  world.moved()
  await vi.advanceTimersByTimeAsync(499)
  expect(world.drives).toBe(1)
  await vi.advanceTimersByTimeAsync(501)
  expect(world.drives).toBe(2)
  // Once: the second look has seen where the chain had moved to.
  await vi.advanceTimersByTimeAsync(10_000)
  expect(world.drives).toBe(2)
  await world.stop()
})

it('looks an eighth as often where each new head is told', async () => {
  const [told, untold] = [true, false].map((pushed) => follow({ pauseMs: 1_000, driveMs: 10, pushed }))
  await vi.advanceTimersByTimeAsync(7_900)
  expect([told?.drives, untold?.drives]).toEqual([1, 7])
  await vi.advanceTimersByTimeAsync(400)
  expect(told?.drives).toBe(2)
  await told?.stop()
  await untold?.stop()
})

it('looks every 15 seconds all the same: telling may fail', async () => {
  const world = follow({ pauseMs: 3_600_000, driveMs: 10, pushed: true })
  await vi.advanceTimersByTimeAsync(15_500)
  expect(world.drives).toBe(2)
  await world.stop()
})

it('F1: forgets what another process took, and looks at once when it has it back', async () => {
  const world = follow({ pauseMs: 60_000, driveMs: 10, pushed: false })
  await vi.advanceTimersByTimeAsync(1_000)
  world.held = false
  await vi.advanceTimersByTimeAsync(1_000)
  world.held = true
  expect(world.drives).toBe(1)
  // It looks for what others left every two seconds.
  await vi.advanceTimersByTimeAsync(2_250)
  expect(world.drives).toBe(2)
  await world.stop()
})

it('F16: what was lost and had back while it was driven is not driven twice at once', async () => {
  const world = follow({ pauseMs: 1_000, driveMs: 8_000, pushed: false })
  await vi.advanceTimersByTimeAsync(500)
  world.held = false
  await vi.advanceTimersByTimeAsync(1_000)
  world.held = true
  await vi.advanceTimersByTimeAsync(20_000)
  expect(world).toMatchObject({ drives: 3, mostAtOnce: 1 })
  await world.stop()
})

it('C4: what begins is looked at at once by whoever has nothing to do, and soon by whoever has', async () => {
  const world = follow({ pauseMs: 60_000, driveMs: 10, pushed: false })
  await vi.advanceTimersByTimeAsync(1_100)
  const { looks } = world
  for (let each = 0; each < 10; each++) world.wake()
  await vi.advanceTimersByTimeAsync(100)
  expect(world.looks).toBe(looks)
  await vi.advanceTimersByTimeAsync(100)
  expect(world.looks).toBe(looks + 1)
  world.held = false
  await vi.advanceTimersByTimeAsync(500)
  world.held = true
  world.wake()
  await vi.advanceTimersByTimeAsync(1)
  expect(world.drives).toBe(2)
  await world.stop()
})

it('C4: what begins just after it was looked for is looked at soon, by whoever had work until then', async () => {
  const world = follow({ pauseMs: 60_000, driveMs: 10, pushed: false })
  await vi.advanceTimersByTimeAsync(100)
  world.held = false
  world.looking = () => {
    world.held = true
    world.wake()
    world.looking = () => undefined
  }
  await vi.advanceTimersByTimeAsync(500)
  expect(world.drives).toBe(2)
  await world.stop()
})

it('C4: looks at once when the chain has moved, and not again for a moment however often it moves', async () => {
  const world = follow({ pauseMs: 60_000, driveMs: 0, pushed: true })
  await vi.advanceTimersByTimeAsync(1_100)
  for (let each = 0; each < 10; each++) {
    world.moved()
    await vi.advanceTimersByTimeAsync(1)
  }
  expect(world.drives).toBe(2)
  await world.stop()
})

it('F25: stops at once, also while it has nothing to do', async () => {
  const world = follow({ pauseMs: 0, driveMs: 0, pushed: false })
  world.held = false
  await vi.advanceTimersByTimeAsync(3_000)
  let ended = false
  void world.end().then(() => {
    ended = true
  })
  await vi.advanceTimersByTimeAsync(1)
  expect(ended).toBe(true)
})
