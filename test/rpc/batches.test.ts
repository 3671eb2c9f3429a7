import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { unattended } from '../../src/primitives/abort.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { AdaptiveRate } from '../../src/rpc/endpoint/adaptiveRate.ts'
import { splittingRefusedBatches } from '../../src/rpc/endpoint/batches.ts'
import { bucketPlaces } from '../../src/rpc/endpoint/bucketLimiter.ts'
import { httpTransport } from '../../src/rpc/endpoint/httpTransport.ts'
import { QueuedLimiter } from '../../src/rpc/endpoint/queuedLimiter.ts'
import { rateLimited } from '../../src/rpc/endpoint/rateLimited.ts'
import type { RateLimiter } from '../../src/rpc/endpoint/rateLimiter.ts'
import { startWorld, type World } from '../support/engine.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(() => world.a.proxy.reset())

const never = unattended()
const at = (path: string) => httpTransport({ url: new Secret(world.a.proxy.url + path), timeoutMs: 2_000 })
const CHAIN_ID = { method: 'eth_chainId', params: [] }
const NUMBER = { method: 'eth_blockNumber', params: [] }

describe('batches', () => {
  it('are one round trip', async () => {
    const transport = at('')
    await transport.send([CHAIN_ID, NUMBER, CHAIN_ID], never)
    expect(world.a.proxy.roundTrips).toBe(1)
    await transport.close()
  })

  describe('F17: refused as such', () => {
    const NO_BATCHES = '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no batches"}}'
    const refusesBatches = (calls: readonly unknown[]) =>
      calls.length > 1 ? ({ kind: 'body', text: NO_BATCHES } as const) : undefined

    it('leave as single calls, each with its place at the rate limit; later ones without asking again', async () => {
      const granted: number[] = []
      const limiter = new QueuedLimiter(bucketPlaces(), new AdaptiveRate(1_000), { host: 'test' })
      const counting: RateLimiter = {
        acquire: async (calls, signal, options) => {
          const places = await limiter.acquire(calls, signal, options)
          granted.push(places)
          return places
        },
        throttled: (retryAfterMs) => limiter.throttled(retryAfterMs),
        waitMs: (calls) => limiter.waitMs(calls),
        report: () => limiter.report(),
        close: () => limiter.close(),
      }
      const transport = splittingRefusedBatches(rateLimited(at(''), counting))
      world.a.proxy.setFault(refusesBatches)
      expect(await transport.send([CHAIN_ID, CHAIN_ID], never)).toEqual([
        { ok: true, result: '0x7a69' },
        { ok: true, result: '0x7a69' },
      ])
      expect(world.a.proxy.roundTrips).toBe(3)
      expect(granted).toEqual([2, 1, 1])
      await transport.send([CHAIN_ID, CHAIN_ID], never)
      expect(world.a.proxy.roundTrips).toBe(5)
      expect(granted).toEqual([2, 1, 1, 1, 1])
      await transport.close()
    })

    it.each([
      '{"message":"Batch of more than 1 requests are not allowed on free tier","code":31}',
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"batch size too large"}}',
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"batch limit exceeded"}}',
    ])('F17: for their size, in words and codes of the provider: leave as single calls: %s', async (text) => {
      const transport = splittingRefusedBatches(at(''))
      world.a.proxy.setFault((calls) => (calls.length > 1 ? { kind: 'body', text } : undefined))
      expect(await transport.send([CHAIN_ID, CHAIN_ID], never)).toMatchObject([
        { ok: true, result: '0x7a69' },
        { ok: true, result: '0x7a69' },
      ])
      await transport.close()
    })

    it('are offered again after ten minutes', async () => {
      let now = 0
      const transport = splittingRefusedBatches(at(''), { now: () => now })
      world.a.proxy.setFault(refusesBatches)
      await transport.send([CHAIN_ID, CHAIN_ID], never)
      world.a.proxy.setFault(undefined)
      world.a.proxy.reset()
      now = 599_999
      await transport.send([CHAIN_ID, CHAIN_ID], never)
      expect(world.a.proxy.roundTrips).toBe(2)
      now = 600_000
      await transport.send([CHAIN_ID, CHAIN_ID], never)
      expect(world.a.proxy.roundTrips).toBe(3)
      await transport.close()
    })

    it('by an endpoint that refuses each call as well say nothing about batches', async () => {
      const transport = splittingRefusedBatches(at(''))
      world.a.proxy.setFault(() => ({ kind: 'body', text: NO_BATCHES }))
      expect(await transport.send([CHAIN_ID, CHAIN_ID], never)).toMatchObject([
        { ok: false, error: { code: -32600 } },
        { ok: false, error: { code: -32600 } },
      ])
      world.a.proxy.setFault(undefined)
      world.a.proxy.reset()
      await transport.send([CHAIN_ID, CHAIN_ID], never)
      expect(world.a.proxy.roundTrips).toBe(1)
      await transport.close()
    })
  })

  it('F17: refused once for another reason are sent together again', async () => {
    const transport = at('')
    const text = '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"overloaded"}}'
    world.a.proxy.setFault(() => ({ kind: 'body', text }))
    await expect(transport.send([CHAIN_ID, NUMBER], never)).rejects.toMatchObject({
      code: 'provider_unreachable',
    })
    world.a.proxy.setFault(undefined)
    await transport.send([CHAIN_ID, NUMBER], never)
    expect(world.a.proxy.roundTrips).toBe(2)
    await transport.close()
  })

  it('F17: refused as a whole for their rate say so: it is the limiter that must hear of it', async () => {
    const transport = at('')
    const text = '{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"rate exceeded, retry in 3s"}}'
    world.a.proxy.setFault(() => ({ kind: 'body', text }))
    await expect(transport.send([CHAIN_ID, NUMBER], never)).rejects.toMatchObject({
      code: 'provider_throttled',
      context: { retryAfterMs: 3_000 },
    })
    await transport.close()
  })

  it('F17: refused for their rate are no reason to send their calls one by one', async () => {
    const transport = at('')
    const body = '{"jsonrpc":"2.0","id":null,"error":{"code":429,"message":"slow down"}}'
    world.a.proxy.setFault(() => ({ kind: 'status', code: 429, body }))
    await expect(transport.send([CHAIN_ID, NUMBER], never)).rejects.toMatchObject({
      code: 'provider_throttled',
    })
    expect(world.a.proxy.roundTrips).toBe(1)
    world.a.proxy.setFault(undefined)
    await transport.send([CHAIN_ID, NUMBER], never)
    expect(world.a.proxy.roundTrips).toBe(2)
    await transport.close()
  })

  it('answered in another order are put right', async () => {
    const transport = at('')
    world.a.proxy.setFault(() => ({
      kind: 'rewrite',
      text: (answer) => JSON.stringify((JSON.parse(answer) as unknown[]).reverse()),
    }))
    const [chain, number] = await transport.send([CHAIN_ID, NUMBER], never)
    expect(chain).toEqual({ ok: true, result: '0x7a69' })
    expect(number).not.toEqual(chain)
    await transport.close()
  })

  it('F17: with an entry missing are garbage as a whole', async () => {
    const transport = at('')
    world.a.proxy.setFault(() => ({
      kind: 'rewrite',
      text: (answer) => JSON.stringify((JSON.parse(answer) as unknown[]).slice(1)),
    }))
    await expect(transport.send([CHAIN_ID, NUMBER], never)).rejects.toThrow('a batch entry is missing')
    await transport.close()
  })
})
