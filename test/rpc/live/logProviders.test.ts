import { expect, test } from 'vitest'
import { doubledLogs, keys, refusingLogs, sizeOf, withoutLogs, withoutLogsOf } from './support/events.ts'
import { collect } from './support/liveWorld.ts'
import { follow, live, oracle, transfer, useWorld, world } from './support/logWorld.ts'

useWorld()

const until = { timeout: 20_000, interval: 10 }

test('reads a long way back in ranges, halving them until the provider takes them', async () => {
  const from = 1n
  await transfer(3)
  await world.mine(300)
  await transfer(3)
  await world.mine(100)
  const asked: number[] = []
  world.http.setFault((calls) => {
    const sizes = calls.filter(({ method }) => method === 'eth_getLogs').map(sizeOf)
    asked.push(...sizes)
    const isTooLarge = sizes.some((size) => size > 100)
    return isTooLarge ? { kind: 'rewrite', text: refusingLogs } : undefined
  })
  const { live: chainLive } = live({ polling: true })
  const { events } = follow(chainLive, from)
  const expected = await oracle(from)
  await expect.poll(() => events().length, until).toBe(expected.length)
  expect(keys(events())).toEqual(expected)
  expect(Math.max(...asked)).toBeGreaterThan(100)
  // It learns: no more than a few refusals.
  expect(asked.filter((size) => size > 100).length).toBeLessThan(8)
})

/** A chain that is followed, and knows this many of its newest blocks by hash. */
async function following(blocks: number) {
  const opened = live({ polling: true })
  const heads = collect(opened.live.heads(new AbortController().signal))
  await expect.poll(() => heads.items.length, until).toBeGreaterThan(0)
  const start = await world.height()
  await transfer(4)
  await world.mine(blocks)
  await expect.poll(() => heads.items.length, until).toBeGreaterThan(blocks)
  return { ...opened, from: start + 1n }
}

test('an endpoint that is behind, or on another branch, is not believed', async () => {
  const { live: chainLive, metrics, from } = await following(30)
  // Its blocks are others, and it has no events of ours: as load balancers answer at times.
  let lies = 0
  world.http.setFault((calls) => {
    if (!calls.some((call) => call.method === 'eth_getLogs' && sizeOf(call) > 1) || lies >= 3)
      return undefined
    lies++
    return { kind: 'rewrite', text: withoutLogs }
  })
  const { events, items } = follow(chainLive, from)
  await expect.poll(() => events().length, until).toBe(4)
  expect(lies).toBe(3)
  expect(keys(events())).toEqual(await oracle(from))
  expect(items.every(({ kind }) => kind === 'logs')).toBe(true)
  expect(metrics.total('rpc_log_failures', { code: 'provider_garbage' })).toBe(3)
})

test('B6: a range is not asked of the newest blocks: who answers it may have others than who tells its ends', async () => {
  const from = (await world.height()) + 1n
  for (let block = 0; block < 6; block++) {
    await transfer(1)
    await world.mine()
  }
  const newest = await world.height()
  // A node behind the balancer that is one block behind, and says nothing.
  world.http.setFault((calls) =>
    calls.some((call) => call.method === 'eth_getLogs' && sizeOf(call) > 1)
      ? { kind: 'rewrite', text: (answer) => withoutLogsOf(newest, answer) }
      : undefined,
  )
  const { live: chainLive } = live({ polling: true })
  const { events } = follow(chainLive, from)
  await expect.poll(() => events().length, until).toBeGreaterThanOrEqual(5)
  world.http.setFault(undefined)
  await transfer(1)
  await world.mine()
  const expected = await oracle(from)
  await expect.poll(() => keys(events()).at(-1), until).toBe(expected.at(-1))
  expect(keys(events())).toEqual(expected)
})

test('T12: an event that was not asked for, or of another block, is not passed on', async () => {
  const from = (await world.height()) + 1n
  const { live: chainLive } = live({ polling: true })
  const { events } = follow(chainLive, from)
  const other = '0x225fef2b544debca5d2833cda879e16ca1458163'
  let lies = 0
  world.http.setFault((calls) => {
    if (!calls.some(({ method }) => method === 'eth_getLogs') || lies >= 2) return undefined
    const [what, instead] =
      lies++ === 0
        ? [/"address":"0x[0-9a-f]{40}"/gi, `"address":"${other}"`]
        : [/"blockHash":"0x../g, '"blockHash":"0xff']
    return { kind: 'rewrite', text: (answer) => answer.replaceAll(what, instead) }
  })
  await transfer(2)
  await world.mine()
  await expect.poll(() => events().length, until).toBe(2)
  expect(lies).toBe(2)
  expect(keys(events())).toEqual(await oracle(from))
})

test('what endpoints refuse for good is told to the reader', async () => {
  const { live: chainLive } = live({ polling: true, maxSpan: 1 })
  world.http.setFault((calls) =>
    calls.some(({ method }) => method === 'eth_getLogs')
      ? { kind: 'rewrite', text: refusingLogs }
      : undefined,
  )
  const { ended } = follow(chainLive, await world.height())
  await expect(ended).rejects.toMatchObject({ code: 'rpc_refused', context: { method: 'eth_getLogs' } })
})

test('a provider that fails is waited for, however long', async () => {
  const from = (await world.height()) + 1n
  const { live: chainLive, metrics } = live({ polling: true })
  const { events } = follow(chainLive, from)
  await expect.poll(() => chainLive.block('latest', new AbortController().signal), until).toBeDefined()
  world.http.setFault((calls) =>
    calls.some(({ method }) => method === 'eth_getLogs') ? { kind: 'status', code: 503 } : undefined,
  )
  await transfer(3)
  await world.mine(5)
  await expect.poll(() => metrics.total('rpc_log_failures'), until).toBeGreaterThan(15)
  world.http.setFault(undefined)
  await expect.poll(() => events().length, until).toBe(3)
})

test('an event that an endpoint tells twice, or in another order, is told once and in order', async () => {
  const { live: chainLive } = live({ polling: true })
  const from = (await world.height()) + 1n
  const { events } = follow(chainLive, from)
  await expect.poll(() => chainLive.block('latest', new AbortController().signal), until).toBeDefined()
  world.http.setFault((calls) =>
    calls.some(({ method }) => method === 'eth_getLogs') ? { kind: 'rewrite', text: doubledLogs } : undefined,
  )
  await transfer(5)
  await world.mine()
  await expect.poll(() => events().length, until).toBe(5)
  expect(keys(events())).toEqual(await oracle(from))
})
