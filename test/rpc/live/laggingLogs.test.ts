import { expect, test } from 'vitest'
import type { ProxyCall } from '../../support/rpcProxy.ts'
import { keys, refusingHashes, sizeOf, withoutLogs, withoutLogsOf } from './support/events.ts'
import { collect } from './support/liveWorld.ts'
import { follow, live, oracle, transfer, useWorld, world } from './support/logWorld.ts'

// Behind one URL there are nodes that are not equally far, and say nothing of it when they are asked for a range.
useWorld()

const until = { timeout: 20_000, interval: 10 }
const never = () => new AbortController().signal

const asksRange = (calls: readonly ProxyCall[]) =>
  calls.some((call) => call.method === 'eth_getLogs' && sizeOf(call) > 1)
/** By hash, or as a range of one block. */
const asksOne = (calls: readonly ProxyCall[]) =>
  calls.some((call) => call.method === 'eth_getLogs' && sizeOf(call) === 1)
const asksByHash = (calls: readonly ProxyCall[]) =>
  calls.some(({ method, params }) => method === 'eth_getLogs' && 'blockHash' in (params[0] as object))

test('B6: a node that does not have a block yet is asked for it again, and never for a range', async () => {
  const { live: chainLive } = live({ polling: true })
  const from = (await world.height()) + 1n
  const { events } = follow(chainLive, from)
  await expect.poll(() => chainLive.block('latest', never()), until).toBeDefined()
  let refusals = 0
  let lagging = true
  world.http.setFault((calls) => {
    if (!lagging || !calls.some(({ method }) => method === 'eth_getLogs')) return undefined
    if (!asksByHash(calls)) {
      return { kind: 'rewrite', text: (answer) => withoutLogsOf(from, answer) }
    }
    refusals += 1
    return { kind: 'rewrite', text: refusingHashes(-32_000, 'unknown block') }
  })
  await transfer(2)
  await world.mine()
  await expect.poll(() => refusals, until).toBeGreaterThan(2)
  lagging = false
  await transfer(1)
  await world.mine()
  await expect.poll(() => events().length, until).toBe(3)
  expect(keys(events())).toEqual(await oracle(from))
})

test('an endpoint that does not know how to be asked by hash is asked for ranges', async () => {
  const { live: chainLive } = live({ polling: true })
  const from = (await world.height()) + 1n
  const { events } = follow(chainLive, from)
  await expect.poll(() => chainLive.block('latest', never()), until).toBeDefined()
  world.http.setFault((calls) =>
    asksByHash(calls)
      ? { kind: 'rewrite', text: refusingHashes(-32_602, 'unknown field blockHash') }
      : undefined,
  )
  for (let block = 0; block < 3; block++) {
    await transfer(1)
    await world.mine()
  }
  await expect.poll(() => events().length, until).toBe(3)
  expect(keys(events())).toEqual(await oracle(from))
})

/** Follows events, and heads so far behind that nothing links the newest block to what was known. */
async function afterAGap(eachOfTheNewest: (block: bigint) => Promise<void>) {
  const { live: chainLive } = live({ polling: true })
  const heads = collect(chainLive.heads(never()))
  await expect.poll(() => heads.items.length, until).toBeGreaterThan(0)
  const from = (await world.height()) + 1n
  world.http.setFault(() => ({ kind: 'status', code: 503 }))
  await transfer(2)
  await world.mine(300)
  for (let block = 0; block < 4; block++) {
    await transfer(1)
    await world.mine()
    await eachOfTheNewest(await world.height())
  }
  return { from, events: follow(chainLive, from).events }
}

test('B6: after a gap the newest blocks are read by hash as well', async () => {
  const newest: bigint[] = []
  const { from, events } = await afterAGap(async (block) => void newest.push(block))
  // The node that ranges go to is two blocks behind; the others are not.
  world.http.setFault((calls) =>
    asksRange(calls) || (asksOne(calls) && !asksByHash(calls))
      ? {
          kind: 'rewrite',
          text: (answer) => newest.slice(-3).reduce((told, block) => withoutLogsOf(block, told), answer),
        }
      : undefined,
  )
  await expect.poll(() => keys(events()).at(-1), until).toBe((await oracle(from)).at(-1))
  expect(keys(events())).toEqual(await oracle(from))
  expect(events()).toHaveLength(6)
})

test('F9: a range of another branch below the newest blocks is found out by what is above it', async () => {
  const { from, events } = await afterAGap(async () => undefined)
  let lies = 0
  world.http.setFault((calls) =>
    asksRange(calls) && lies++ === 0 ? { kind: 'rewrite', text: withoutLogs } : undefined,
  )
  await expect.poll(() => events().length, until).toBe(6)
  expect(lies).toBeGreaterThan(1)
  expect(keys(events())).toEqual(await oracle(from))
})
