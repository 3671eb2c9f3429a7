import { describe, expect, it } from 'vitest'
import { BursarError } from '../../../src/errors/bursarError.ts'
import { unattended } from '../../../src/primitives/abort.ts'
import { rateLimited } from '../../../src/rpc/endpoint/rateLimited.ts'
import type { AcquireOptions, RateLimiter } from '../../../src/rpc/endpoint/rateLimiter.ts'
import { isThrottle } from '../../../src/rpc/endpoint/throttleSigns.ts'
import type { RpcErrorBody, RpcOutcome, RpcRequest, RpcTransport } from '../../../src/rpc/transport.ts'

const never = unattended()
const reads = (count: number): RpcRequest[] =>
  Array.from({ length: count }, (_, index) => ({ method: 'eth_getBalance', params: [index] }))
const echo = (requests: readonly RpcRequest[]): RpcOutcome[] =>
  requests.map(({ params }) => ({ ok: true, result: params[0] }))

type Send = (requests: readonly RpcRequest[], signal: AbortSignal) => Promise<readonly RpcOutcome[]>
const transport = (send: Send): RpcTransport => ({
  host: 'rpc.example',
  send,
  close: () => Promise.resolve(),
})

/** Grants what it is told to, in turn, and remembers what it heard. */
function scripted(...grants: readonly number[]) {
  const left = [...grants]
  const asked: [calls: number, options: AcquireOptions | undefined][] = []
  const refusals: (number | undefined)[] = []
  const limiter: RateLimiter = {
    acquire(calls, signal, options) {
      asked.push([calls, options])
      const granted = left.shift()
      if (granted !== undefined) return Promise.resolve(Math.min(granted, calls))
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
    throttled: (retryAfterMs) => void refusals.push(retryAfterMs),
    waitMs: () => 0,
    report: () => ({ limit: 1, current: 1, waiting: 0, heldUp: false }),
    close: () => Promise.resolve(),
  }
  return { limiter, asked, refusals }
}

describe('B4: a transport within its limit', () => {
  it('sends a batch in the parts that it is granted, and answers in the order of the requests', async () => {
    const { limiter, asked } = scripted(3, 1, 6)
    const parts: number[] = []
    const limited = rateLimited(
      transport(async (requests) => {
        parts.push(requests.length)
        // The first part is answered last.
        await new Promise((resolve) => setTimeout(resolve, 30 / parts.length))
        return echo(requests)
      }),
      limiter,
    )
    const outcomes = await limited.send(reads(10), never)
    expect(parts).toEqual([3, 1, 6])
    expect(outcomes).toEqual(reads(10).map(({ params }) => ({ ok: true, result: params[0] })))
    expect(asked.map(([calls, options]) => [calls, options?.askedAt !== undefined])).toEqual([
      [10, false],
      [7, true],
      [6, true],
    ])
  })

  it('a part that fails ends the others, and the wait for the rest', async () => {
    const { limiter } = scripted(1, 1)
    const failure = new BursarError('provider_unreachable', { host: 'rpc.example', reason: 'reset' })
    const aborted: unknown[] = []
    let sent = 0
    const limited = rateLimited(
      transport((_, signal) => {
        if (++sent === 2) return Promise.reject(failure)
        return new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            aborted.push(signal.reason)
            reject(signal.reason)
          }),
        )
      }),
      limiter,
    )
    await expect(limited.send(reads(3), never)).rejects.toBe(failure)
    expect(sent).toBe(2)
    expect(aborted).toEqual([failure])
  })

  it('an abort reaches the wait and the parts that are under way', async () => {
    const { limiter } = scripted(1)
    const controller = new AbortController()
    const limited = rateLimited(
      transport((_, signal) => {
        queueMicrotask(() => controller.abort(new Error('the caller left')))
        return new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        )
      }),
      limiter,
    )
    await expect(limited.send(reads(2), controller.signal)).rejects.toThrow('the caller left')
  })

  it('asks for signed payments as urgent, and for reads as ordinary', async () => {
    const { limiter, asked } = scripted(1, 1)
    const limited = rateLimited(
      transport((requests) => Promise.resolve(echo(requests))),
      limiter,
    )
    await limited.send([{ method: 'eth_sendRawTransaction', params: ['0x'] }], never)
    await limited.send(reads(1), never)
    expect(asked.map(([, options]) => options?.urgent)).toEqual([true, false])
  })
})

describe('B4: a refusal for the rate', () => {
  const refusal = (error: RpcErrorBody) => transport(() => Promise.resolve([{ ok: false, error }]))

  it.each<[string, RpcErrorBody, number | undefined]>([
    [
      'Infura',
      { code: -32005, message: 'project ID request rate exceeded', data: { rate: { backoff_seconds: 30 } } },
      30_000,
    ],
    [
      'Alchemy',
      { code: 429, message: 'Your app has exceeded its compute units per second capacity.' },
      undefined,
    ],
    [
      'QuickNode',
      {
        code: -32007,
        message: '15/second request limit reached - reduce calls per second or upgrade your account',
      },
      undefined,
    ],
    [
      'dRPC',
      { code: -32090, message: 'Too many requests, reason: call rate limit exhausted, retry in 10s' },
      10_000,
    ],
    ['a public node', { code: -32016, message: 'over rate limit' }, undefined],
    ['Ankr', { code: -32029, message: 'Too Many Requests. Please try again in 250 ms' }, 250],
  ])(
    '%s: is thrown as throttling, not handed on as the answer of the chain',
    async (_, error, retryAfterMs) => {
      const { limiter, refusals } = scripted(1)
      await expect(rateLimited(refusal(error), limiter).send(reads(1), never)).rejects.toMatchObject({
        code: 'provider_throttled',
        kind: 'provider',
        context: { host: 'rpc.example', retryAfterMs },
      })
      expect(refusals).toEqual([retryAfterMs])
      // Without a limiter it is the same failure, and nobody to tell.
      await expect(rateLimited(refusal(error)).send(reads(1), never)).rejects.toMatchObject({
        code: 'provider_throttled',
      })
    },
  )

  it.each<[string, RpcErrorBody]>([
    ['a revert', { code: 3, message: 'execution reverted: rate limit exceeded' }],
    ['a revert without its own code', { code: -32000, message: 'execution reverted: too many requests' }],
    ['a query that is too large', { code: -32005, message: 'query returned more than 10000 results' }],
    ['a block range', { code: -32005, message: 'block range is too wide' }],
    ['an unknown method', { code: -32601, message: 'the method eth_rateLimit does not exist' }],
    ['missing funds', { code: -32000, message: 'insufficient funds for gas * price + value' }],
  ])('%s is the answer of the chain, whatever its words (R9)', async (_, error) => {
    expect(isThrottle(error)).toBe(false)
    const { limiter, refusals } = scripted(1)
    const outcomes = await rateLimited(refusal(error), limiter).send(reads(1), never)
    expect(outcomes).toEqual([{ ok: false, error }])
    expect(refusals).toEqual([])
  })

  it('HTTP 429 with Retry-After reaches the limiter', async () => {
    const { limiter, refusals } = scripted(1)
    const throttled = new BursarError('provider_throttled', { host: 'rpc.example', retryAfterMs: 4_000 })
    const limited = rateLimited(
      transport(() => Promise.reject(throttled)),
      limiter,
    )
    await expect(limited.send(reads(1), never)).rejects.toBe(throttled)
    expect(refusals).toEqual([4_000])
  })

  it('one refused call of a batch fails the batch: the rest of its answers may be from before', async () => {
    const { limiter, refusals } = scripted(3)
    const limited = rateLimited(
      transport((requests) =>
        Promise.resolve(
          requests.map((_, index) =>
            index === 1 ? { ok: false, error: { code: 429, message: '' } } : { ok: true, result: 1 },
          ),
        ),
      ),
      limiter,
    )
    await expect(limited.send(reads(3), never)).rejects.toMatchObject({ code: 'provider_throttled' })
    expect(refusals).toEqual([undefined])
  })
})
