import { afterAll, afterEach, beforeAll } from 'vitest'
import { systemClock } from '../../../../src/primitives/clock.ts'
import { silentLogger } from '../../../../src/primitives/logger.ts'
import { Secret } from '../../../../src/primitives/secret.ts'
import { type LiveChain, liveChain } from '../../../../src/rpc/live/liveChain.ts'
import type { LogStart } from '../../../../src/rpc/live/logStream.ts'
import type { LogCursor } from '../../../../src/rpc/live/logTrail.ts'
import { standing } from './events.ts'
import { chain, collect, countingMetrics, type LiveWorld, startLiveWorld, timing } from './liveWorld.ts'

const USDC = '0x9594a4C95A3acfb82307B158CD774a6740316BEd'
const TREASURY = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const AGENT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
export const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'
const filter = { address: USDC, topics: [TRANSFER] }

export let world: LiveWorld
const open: LiveChain[] = []
/** A world for the tests of one file. */
export function useWorld(): void {
  beforeAll(async () => {
    world = await startLiveWorld()
  })
  afterEach(async () => {
    world.ws.heal()
    world.ws.cutAfter(undefined)
    world.ws.mute(undefined)
    world.http.reset()
    await Promise.all(open.splice(0).map((live) => live.close()))
  })
  afterAll(() => world.stop())
}

interface Options {
  readonly polling?: boolean
  readonly sweepMs?: number
  readonly maxSpan?: number
  readonly lookMs?: number
}

export function live({
  polling = false,
  sweepMs = 3_600_000,
  maxSpan = 2_000,
  lookMs = 3_600_000,
}: Options = {}) {
  const metrics = countingMetrics()
  const opened = liveChain({
    chain,
    identity: { method: 'eth_chainId', expected: '0x7a69' },
    client: world.client,
    sockets: polling ? [] : [{ url: new Secret(world.ws.url) }],
    clock: systemClock,
    metrics,
    logger: silentLogger,
    socket: timing,
    heads: { pollMs: 20, lookMs },
    logs: { sweepMs, retry: { minMs: 5, maxMs: 40 }, maxSpan },
  })
  open.push(opened)
  return { metrics, live: opened }
}

/** Follows until the test ends it, keeping what a careful reader keeps: the events that stand, and the cursor. */
export function follow(of: LiveChain, start: LogStart) {
  const stop = new AbortController()
  const { items, ended } = collect(of.logs(filter, start, stop.signal))
  return {
    items,
    ended,
    stop,
    events: () => standing(items),
    cursor: () => JSON.parse(JSON.stringify(items.at(-1)?.cursor)) as LogCursor,
  }
}

let sent = 0
/** Sends that many transfers of 1, 2, 3 … base units, which wait until a block is mined. */
export async function transfer(count: number, first = sent + 1): Promise<void> {
  sent = first + count - 1
  for (let n = 0; n < count; n++) {
    const amount = (first + n).toString(16).padStart(64, '0')
    const data = `0xa9059cbb${AGENT.slice(2).toLowerCase().padStart(64, '0')}${amount}`
    await world.ask('eth_sendTransaction', { from: TREASURY, to: USDC, data, gas: '0x186a0' })
  }
}

/** What the node itself says, in its own order. */
export async function oracle(from: bigint): Promise<string[]> {
  const where = { fromBlock: `0x${from.toString(16)}`, toBlock: 'latest' }
  const logs = await world.ask<Record<string, string>[]>('eth_getLogs', { ...filter, ...where })
  return logs.map((log) => `${log['blockHash']} ${log['transactionHash']} ${Number(log['logIndex'])}`)
}
