import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LogFields, Logger } from '../../src/primitives/logger.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { type RedisConnection, redisConnection } from '../../src/redis/connection.ts'
import { RedisScript } from '../../src/redis/script.ts'
import { type RedisServer, startRedisServer } from '../support/redisServer.ts'

const PASSWORD = 'CANARY-password'
const echo = new RedisScript('return {KEYS[1], ARGV[1]}')
const increment = new RedisScript("return redis.call('INCR', KEYS[1])")

let server: RedisServer
let connections: RedisConnection[]
let log: string[]
beforeEach(async () => {
  server = await startRedisServer({ password: PASSWORD })
  connections = []
  log = []
})
afterEach(async () => {
  await Promise.all(connections.map((connection) => connection.close()))
  await server.stop()
})

const say = (level: string) => (message: string, fields?: LogFields) =>
  void log.push(`${level} ${message} ${inspect(fields)}`)
const logger: Logger = {
  debug: say('debug'),
  info: say('info'),
  warn: say('warn'),
  error: say('error'),
}

function connect(settings: { url?: string; password?: string; db?: number } = {}): RedisConnection {
  const { url = server.url, password = PASSWORD, db } = settings
  const connection = redisConnection(
    { url: new Secret(url), password: new Secret(password), ...(db !== undefined && { db }) },
    { logger },
  )
  connections.push(connection)
  return connection
}

/** Runs until it works; a failure must come at once each time. */
async function eventually(run: () => Promise<unknown>): Promise<void> {
  const until = Date.now() + 10_000
  for (;;) {
    const began = performance.now()
    try {
      await run()
      return
    } catch (error) {
      expect(performance.now() - began).toBeLessThan(2_000)
      if (Date.now() > until) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('the connection to Redis', () => {
  it('opens with the first command, with the password and the database that are configured', async () => {
    const connection = connect({ db: 5 })
    expect(log).toEqual([])
    expect(await connection.run(increment, ['counter'], [])).toBe(1)
    const client = server.client()
    await client.select(5)
    expect(await client.get('counter')).toBe('1')
    expect(await client.client('LIST')).toContain('name=bursar')
  })

  it('sends a script once, and again to a Redis that has forgotten it', async () => {
    const connection = connect()
    expect(await connection.run(echo, ['a'], ['b'])).toEqual(['a', 'b'])
    await server.client().script('FLUSH')
    expect(await connection.run(echo, ['a'], [7])).toEqual(['a', '7'])
    expect(String(await server.client().info('commandstats'))).toMatch(/cmdstat_eval:calls=2,/)
  })

  it('F13: fails at once while Redis is down, and is back by itself', async () => {
    const connection = connect()
    await connection.run(echo, ['a'], ['b'])
    await server.kill()
    await expect(connection.run(echo, ['a'], ['b'])).rejects.toThrow()
    const began = performance.now()
    for (let call = 0; call < 20; call++) {
      await expect(connection.run(echo, ['a'], ['b'])).rejects.toThrow()
    }
    expect(performance.now() - began).toBeLessThan(500)
    await server.restart()
    await eventually(() => connection.run(echo, ['a'], ['b']))
    expect(log.map((line) => line.split(' {')[0])).toEqual([
      'info redis is connected',
      'warn redis is not reachable; trying again',
      'info redis is connected',
    ])
  })

  it('F13: a command fails within half a second while Redis hangs, and later ones work again', async () => {
    const connection = connect()
    await connection.run(echo, ['a'], ['b'])
    server.freeze()
    const began = performance.now()
    await expect(connection.run(echo, ['a'], ['b'])).rejects.toThrow(/timed out/)
    expect(performance.now() - began).toBeLessThan(1_500)
    // Then it is given up: the name may stand for another server by now.
    await expect.poll(() => log.at(-1), { timeout: 5_000 }).toContain("reason: 'no answer in time'")
    server.thaw()
    await eventually(() => connection.run(echo, ['a'], ['b']))
  })

  it('a Redis that is not there, or refuses the password, fails commands and nothing else', async () => {
    await expect(connect({ password: 'wrong' }).run(echo, ['a'], ['b'])).rejects.toThrow()
    await server.kill()
    await expect(connect().run(echo, ['a'], ['b'])).rejects.toThrow()
  })

  it('T14: logs the host, and neither password nor the rest of the URL', async () => {
    const { port } = server
    const connection = connect({ url: `redis://CANARY-user:CANARY-inline@127.0.0.1:${port}/0` })
    await connection.run(echo, ['a'], ['b']).catch((error: unknown) => log.push(inspect(error)))
    await server.kill()
    await connection.run(echo, ['a'], ['b']).catch((error: unknown) => log.push(inspect(error)))
    await expect.poll(() => log.join('\n')).toContain('redis is not reachable')
    expect(log.join('\n')).toContain(`127.0.0.1:${port}`)
    expect(log.join('\n')).not.toContain('CANARY')
    expect(inspect(connection, { depth: 9 })).not.toContain('CANARY')
  })

  it('F15: says when no Sentinel names a primary, and shows no password', async () => {
    const url = `redis+sentinel://:CANARY@127.0.0.1:1,127.0.0.1:${server.port}/main?sentinelPassword=CANARY`
    const connection = connect({ url })
    await expect(connection.ping()).rejects.toThrow(/^no Sentinel names a primary$/)
    expect(connection.host).toBe(`127.0.0.1:1,127.0.0.1:${server.port}`)
    expect(inspect(connection, { depth: 9 })).not.toContain('CANARY')
  })

  it('says how long a round trip takes, and why there is none', async () => {
    expect(await connect().ping()).toBeLessThan(400)
    await expect(connect({ password: 'wrong' }).ping()).rejects.toThrow(/^WRONGPASS$/)
    const hanging = connect()
    await hanging.ping()
    server.freeze()
    await expect(hanging.ping()).rejects.toThrow(/^no answer in time$/)
    await server.kill()
    await expect(connect().ping()).rejects.toThrow(/^ECONNREFUSED$/)
  })

  it('ends when it is closed: no reconnect, no command', async () => {
    const connection = connect()
    await connection.run(echo, ['a'], ['b'])
    await connection.close()
    await expect(connection.run(echo, ['a'], ['b'])).rejects.toThrow('closed')
    await expect.poll(() => server.client().client('LIST')).not.toContain('name=bursar')
  })
})
