import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { problemsOf } from './problems.ts'

const load = (env: Record<string, string | undefined>) => loadConfig(env, allChains)
const PROTOCOLS = 'redis://, rediss:// (TLS), redis+sentinel:// or rediss+sentinel:// (TLS)'
const ALL = {
  ETH_MAINNET_RPC_URL: 'https://own.example',
  ETH_MAINNET_RPC_ALCHEMY: 'https://alchemy.example',
  ETH_MAINNET_RPC_INFURA: 'https://infura.example',
  ETH_MAINNET_RPC_QUICKNODE: 'https://quicknode.example',
  ETH_MAINNET_RPC_PUBLIC: 'https://public.example',
}
const limitsOf = (env: Record<string, string>) =>
  load(env).chains.flatMap(({ endpoints }) =>
    endpoints.map(({ provider, rateLimit }) => [provider, rateLimit]),
  )

describe('rate limits (B4)', () => {
  it('are those of the providers, and none for an own node', () => {
    expect(limitsOf(ALL)).toEqual([
      ['own', undefined],
      ['alchemy', 25],
      ['infura', 10],
      ['quicknode', 15],
      ['public', 5],
    ])
  })

  it('are what the operator sets, by provider, and by chain for own nodes', () => {
    const set = {
      ...ALL,
      BASE_MAINNET_RPC_URL: 'https://base.example',
      RPC_RATE_LIMIT_ALCHEMY: '330',
      RPC_RATE_LIMIT_PUBLIC: 'None',
      ETH_MAINNET_RPC_RATE_LIMIT: '50',
    }
    expect(limitsOf(set)).toEqual([
      ['own', 50],
      ['alchemy', 330],
      ['infura', 10],
      ['quicknode', 15],
      ['public', undefined],
      ['own', undefined],
    ])
  })

  it.each(['0', '-1', '2.5', 'fast', '100001'])('%s is a problem, named once for all chains', (value) => {
    const env = { ...ALL, BASE_MAINNET_RPC_ALCHEMY: 'https://base.example', RPC_RATE_LIMIT_ALCHEMY: value }
    expect(problemsOf(() => load(env))).toEqual([
      'RPC_RATE_LIMIT_ALCHEMY must be a whole number from 1 to 100000',
    ])
    expect(problemsOf(() => load({ ...ALL, ETH_MAINNET_RPC_RATE_LIMIT: value }))).toEqual([
      'ETH_MAINNET_RPC_RATE_LIMIT must be a whole number from 1 to 100000',
    ])
  })

  it('a misspelt limit is a problem, because the default would quietly hold', () => {
    expect(problemsOf(() => load({ ...ALL, RPC_RATE_LIMIT_ALCHMY: '5' }))).toEqual([
      'RPC_RATE_LIMIT_ALCHMY is not a variable that Bursar reads; did you mean RPC_RATE_LIMIT_ALCHEMY?',
    ])
  })

  it('of a chain without endpoints does nothing, and says so', () => {
    expect(load({ BASE_MAINNET_RPC_RATE_LIMIT: '5' }).warnings).toEqual([
      'Base has settings but no endpoint, so they do nothing: set BASE_MAINNET_RPC_URL',
    ])
  })
})

describe('Redis', () => {
  it('is absent unless it is set', () => {
    expect(load(ALL).redis).toBeUndefined()
  })

  it('has a host that may be shown, and secrets that may not (T14)', () => {
    const env = {
      REDIS_URL: 'rediss://bursar:CANARY1@redis.example:6380/2',
      REDIS_PASSWORD: 'CANARY2',
      REDIS_DB: '3',
    }
    const { redis, warnings } = load(env)
    expect(redis).toMatchObject({ host: 'redis.example:6380', db: 3 })
    expect(redis?.url.reveal()).toBe(env.REDIS_URL)
    expect(redis?.password?.reveal()).toBe('CANARY2')
    expect(inspect(redis, { depth: 9 }) + JSON.stringify(redis)).not.toContain('CANARY')
    expect(warnings).toEqual([])
  })

  it.each([
    ['redis.example:6379', `REDIS_URL must start with ${PROTOCOLS}`],
    ['CANARY', 'REDIS_URL is not a URL; give one such as redis://host:6379 or rediss://host:6379'],
    ['http://CANARY.example', `REDIS_URL must start with ${PROTOCOLS}`],
    ['redis:///0', 'REDIS_URL names no host'],
    ['redis://r.example/CANARY', 'REDIS_URL may have a database number after the host, and nothing else'],
    ['redis+cluster://s.example/main', `REDIS_URL must start with ${PROTOCOLS}`],
    [
      'rediss+sentinel://u:CANARY@s.example',
      'REDIS_URL is not of the form redis+sentinel://user:password@host:26379,host:26379/name/0',
    ],
    ...[
      ...[
        's.example',
        '/main',
        's.example,/main',
        's.example:0/main',
        's.example:65536/main',
        's.example/main/x',
      ],
      ...['u:CANARY/x@s.example/main', 'u:CANARY%@s.example/main', 's.example/main?password=CANARY'],
    ].map((rest) => [
      `redis+sentinel://${rest}`,
      'REDIS_URL is not of the form redis+sentinel://user:password@host:26379,host:26379/name/0',
    ]),
  ])('%s is a problem', (url, problem) => {
    expect(problemsOf(() => load({ REDIS_URL: url }))).toEqual([problem])
  })

  it('is found by Sentinels, which may be shown, with secrets that may not (T14)', () => {
    const url =
      'redis+sentinel://bursar:CANARY1@10.0.0.1,[::1]:26380,c.internal/main/2?sentinelPassword=CANARY2'
    const { redis, warnings } = load({ REDIS_URL: url })
    expect(redis?.host).toBe('10.0.0.1:26379,[::1]:26380,c.internal:26379')
    expect(redis?.url.reveal()).toBe(url)
    expect(inspect(redis, { depth: 9 }) + JSON.stringify([redis, warnings])).not.toContain('CANARY')
    expect(warnings).toEqual([
      'REDIS_URL talks to 10.0.0.1:26379,[::1]:26380,c.internal:26379 without encryption: others can read and change what is shared',
    ])
    expect(load({ REDIS_URL: 'redis+sentinel://a,10.0.0.1/main' }).warnings).toEqual([])
    const secure = load({ REDIS_URL: url.replace('redis', 'rediss') })
    expect(secure.redis?.host).toBe(redis?.host)
    expect(inspect(secure.redis, { depth: 9 }) + JSON.stringify(secure)).not.toContain('CANARY')
    expect(secure.warnings).toEqual([])
  })

  it('is checked for its database', () => {
    expect(problemsOf(() => load({ REDIS_URL: 'redis://localhost', REDIS_DB: '-1' }))).toEqual([
      'REDIS_DB must be a whole number from 0 to 1023',
    ])
  })

  it('warns of an open line to another machine, and of settings that do nothing', () => {
    expect(load({ REDIS_URL: 'redis://redis.example' }).warnings).toEqual([
      'REDIS_URL talks to redis.example without encryption: others can read and change what is shared',
    ])
    expect(load({ REDIS_URL: 'redis://10.0.0.7:6379' }).warnings).toEqual([])
    expect(load({ REDIS_PASSWORD: 'x', REDIS_DB: '1', NONCE_FALLBACK: 'refuse' }).warnings).toEqual([
      'REDIS_PASSWORD does nothing without REDIS_URL',
      'REDIS_DB does nothing without REDIS_URL',
      'NONCE_FALLBACK does nothing without REDIS_URL',
    ])
    expect(load({ NONCE_FALLBACK: 'journal' }).warnings).toEqual([])
  })

  it('F13: leaves nonces to the journal while it is away, or to nobody; anything else is a problem', () => {
    const url = { REDIS_URL: 'redis://localhost' }
    expect(load(url).redis).toMatchObject({ nonceFallback: 'journal' })
    expect(load({ ...url, NONCE_FALLBACK: 'refuse' }).redis).toMatchObject({ nonceFallback: 'refuse' })
    const problem = ['NONCE_FALLBACK must be one of journal, refuse']
    expect(problemsOf(() => load({ ...url, NONCE_FALLBACK: 'redis' }))).toEqual(problem)
    expect(problemsOf(() => load({ NONCE_FALLBACK: 'no' }))).toEqual(problem)
  })
})
