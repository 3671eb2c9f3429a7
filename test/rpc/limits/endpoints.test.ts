import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { allChains } from '../../../src/chains/allChains.ts'
import type { Chain } from '../../../src/chains/types.ts'
import { unattended } from '../../../src/primitives/abort.ts'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { silentMetrics } from '../../../src/primitives/metrics.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { lruNodeCache } from '../../../src/rpc/cache/lruNodeCache.ts'
import { type ChainAccess, openChainAccess } from '../../../src/rpc/chainAccess.ts'
import type { RateLimiter } from '../../../src/rpc/endpoint/rateLimiter.ts'
import { Member } from '../../../src/rpc/pool/member.ts'
import { type Sandbox, startSandbox } from '../../../src/sandbox/startSandbox.ts'
import { type FaultAction, type RpcProxy, startRpcProxy } from '../../support/rpcProxy.ts'
import { busiestSecond, type Departures, departuresTo } from './support/departures.ts'

const chain = allChains.find(({ id }) => id === 'eip155:31337') as Chain
const never = unattended()
const THROTTLED = { kind: 'status', code: 429, headers: { 'retry-after': '30' } } as const

let sandbox: Sandbox
let primary: RpcProxy
let standby: RpcProxy
const open: ChainAccess[] = []

beforeAll(async () => {
  sandbox = await startSandbox({ logger: silentLogger })
  const url = sandbox.chains[0]?.rpcUrl ?? ''
  primary = await startRpcProxy(url)
  standby = await startRpcProxy(url)
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((access) => access.close()))
  primary.reset()
  standby.reset()
})
afterAll(async () => {
  await Promise.all([primary, standby].map((proxy) => proxy.close()))
  await sandbox.stop()
})

/** Undefined stands for an endpoint without a limit. */
function access(...limits: readonly (number | undefined)[]): ChainAccess {
  const endpoints = limits.map((rateLimit, priority) => ({
    url: new Secret([primary, standby][priority]?.url ?? ''),
    priority,
    ...(rateLimit !== undefined && { rateLimit }),
  }))
  const options = { timeoutMs: 5_000, cache: lruNodeCache(100), metrics: silentMetrics }
  const opened = openChainAccess(chain, endpoints, options)
  open.push(opened)
  return opened
}

/** When each call reached an endpoint, chain id looks, probes and hedges included. */
function arrivals(proxy: RpcProxy, fault?: FaultAction): Departures {
  const times: Departures = []
  proxy.setFault((calls) => {
    for (const _ of calls) times.push(performance.now())
    return fault
  })
  return times
}

const silent = { host: 'rpc.example', send: () => Promise.resolve([]), close: () => Promise.resolve() }
const limiterThat = (heldUp: boolean): RateLimiter => ({
  acquire: (calls) => Promise.resolve(calls),
  throttled: () => undefined,
  waitMs: () => 0,
  report: () => ({ limit: 5, current: 5, waiting: 0, heldUp }),
  close: () => Promise.resolve(),
})

const read = ({ client }: ChainAccess) => client.call('eth_gasPrice', [], never)
const report = (from: ChainAccess) => from.report()[0]

describe('B4: the limit of an endpoint', () => {
  it('holds for whatever is sent to it in any second: reads, batches, hedges, probes, the look at its chain', async () => {
    const departures = [departuresTo(primary.url), departuresTo(standby.url)]
    const [first = [], second = []] = departures.map(({ times }) => times)
    const chainAccess = access(8, 4)
    const batch = Array.from({ length: 5 }, () => ({ method: 'eth_gasPrice', params: [] }))
    const answers: Promise<unknown>[] = []
    for (let tick = 0; tick < 50; tick++) {
      answers.push(tick % 10 === 0 ? chainAccess.client.batch(batch, never) : read(chainAccess))
      await delay(60)
    }
    await Promise.all(answers)
    for (const { stop } of departures) stop()
    expect(busiestSecond(first)).toBeLessThanOrEqual(8)
    expect(busiestSecond(second)).toBeLessThanOrEqual(4)
    // Both are used to the full, and nobody was given a rest for having been made to wait.
    expect(first.length).toBeGreaterThanOrEqual(24)
    expect(second.length).toBeGreaterThanOrEqual(8)
    expect(chainAccess.report().map(({ state, errorRate }) => [state, errorRate])).toEqual([
      ['healthy', 0],
      ['healthy', 0],
    ])
  })

  it('is no reason to wait while another endpoint has room, and no fault of the first', async () => {
    const first = arrivals(primary)
    const chainAccess = access(3, undefined)
    const started = performance.now()
    for (let call = 0; call < 20; call++) await read(chainAccess)
    // Six seconds if it waited.
    expect(performance.now() - started).toBeLessThan(4_000)
    expect(first.length).toBeLessThanOrEqual(3)
    expect(standby.count('eth_gasPrice')).toBeGreaterThanOrEqual(17)
    expect(report(chainAccess)).toMatchObject({ state: 'healthy', errorRate: 0, rate: 3 })
  })

  it('is waited for where there is no other endpoint, and after ten seconds of work no longer', async () => {
    const chainAccess = access(2)
    await read(chainAccess)
    const flood = Array.from({ length: 40 }, (_, index) =>
      chainAccess.endpoints[0]
        ?.call('eth_getBlockByNumber', [`0x${(index % 2).toString(16)}`, false], never)
        .then(
          () => 'answered',
          (error: unknown) => (error as { code: string }).code,
        ),
    )
    const soon = await Promise.race(flood.slice(30).map(async (each) => each))
    expect(soon).toBe('provider_throttled')
    expect(await flood[0]).toBe('answered')
  })

  it('is none where none is set: nothing waits, and nothing is reported', async () => {
    const chainAccess = access(undefined)
    const started = performance.now()
    for (let call = 0; call < 50; call++) await read(chainAccess)
    // Six seconds if it waited.
    expect(performance.now() - started).toBeLessThan(4_000)
    expect(report(chainAccess)).not.toHaveProperty('rate')
  })

  it('F17: a provider that says 429 is left alone for as long as it asks, and gets half from then on', async () => {
    const chainAccess = access(20, undefined)
    await read(chainAccess)
    const first = arrivals(primary, THROTTLED)
    for (let call = 0; call < 10; call++) await read(chainAccess)
    // The second one is a probe that had left before the first refusal came.
    expect(first.length).toBeLessThanOrEqual(2)
    expect(report(chainAccess)).toMatchObject({ state: 'healthy', errorRate: 0, rate: 10 })
  })

  it('F17: 503 with Retry-After is such a refusal too', async () => {
    const chainAccess = access(20, undefined)
    await read(chainAccess)
    arrivals(primary, { kind: 'status', code: 503, headers: { 'retry-after': '30' } })
    await read(chainAccess)
    expect(report(chainAccess)).toMatchObject({ state: 'healthy', rate: 10 })
  })

  it.each([
    [true, 'healthy'],
    [false, 'open'],
  ] as const)(
    'an endpoint that others overtake while its calls are held back (%s) is %s',
    async (heldUp, state) => {
      const member = new Member({ transport: silent, priority: 0, weight: 1, limiter: limiterThat(heldUp) })
      for (let time = 0; time < 5; time++) member.overtaken()
      // The breaker counts in the next turn.
      await delay(0)
      expect(member.report(undefined, 2n).state).toBe(state)
    },
  )
})

describe('B4: signed bytes and the limit', () => {
  const send = ({ sends }: ChainAccess) => sends.send('eth_sendRawTransaction', ['0x00'], () => false, never)

  it('go to the endpoints that take them at once, not to one that would hold up the payment', async () => {
    const chainAccess = access(20, undefined)
    await read(chainAccess)
    arrivals(primary, THROTTLED)
    await read(chainAccess)
    primary.reset()
    const started = performance.now()
    expect(await send(chainAccess)).toMatchObject([{ host: new URL(standby.url).host }])
    // Six seconds if it waited.
    expect(performance.now() - started).toBeLessThan(4_000)
    expect(primary.count('eth_sendRawTransaction')).toBe(0)
  })

  it('go before the reads that wait', async () => {
    const chainAccess = access(3)
    await read(chainAccess)
    primary.reset()
    const reads = Array.from({ length: 12 }, () => chainAccess.endpoints[0]?.call('eth_gasPrice', [], never))
    await send(chainAccess)
    expect(primary.count('eth_gasPrice')).toBeLessThanOrEqual(3)
    await Promise.all(reads)
  })
})

it('B4: whoever asks little does not wait for those who ask much: callers are joined up to the limit', async () => {
  const chainAccess = access(20)
  await chainAccess.client.call('eth_gasPrice', [], never)
  primary.reset()
  const answered: string[] = []
  const ask = async (who: string, calls: number) => {
    const requests = Array.from({ length: calls }, () => ({ method: 'eth_blockNumber', params: [] }))
    await chainAccess.client.batch(requests, never)
    answered.push(who)
  }
  await Promise.all([ask('little', 4), ask('much', 40), ask('little too', 4)])
  expect(answered.slice(0, 2)).toEqual(['little', 'little too'])
})
