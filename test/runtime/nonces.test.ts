import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { silentLogger } from '../../src/primitives/logger.ts'
import { createRuntime, type Runtime } from '../../src/runtime/runtime.ts'
import { temporaryHome } from '../support/bursarServer.ts'
import { caller, readRows, startWorld, type World } from '../support/engine.ts'
import { type RedisServer, startRedisServer } from '../support/redisServer.ts'

// The wiring from the environment to the store of nonces.

let world: World
let server: RedisServer
let runtime: Runtime | undefined
let warnings: string[]
const { home, remove } = temporaryHome()

beforeAll(async () => {
  world = await startWorld()
})
beforeEach(async () => {
  server = await startRedisServer()
  world.a.proxy.reset()
  warnings = []
})
afterEach(async () => {
  await runtime?.stop()
  await server.stop()
})
afterAll(async () => {
  await world.stop()
  remove()
})

async function pay(idempotencyKey: string, env: Record<string, string> = {}) {
  const warn = (message: string) => void warnings.push(message)
  const all = { BURSAR_HOME: home, SANDBOX_A_RPC_URL: world.a.proxy.url, REDIS_URL: server.url, ...env }
  runtime = createRuntime(loadConfig(all, allChains), { ...silentLogger, warn }, 'test')
  const { intents, operations } = runtime.services
  const request = { chain: 'sandbox-a', wallet: 'agent', to: 'merchant', amount: '0.5', idempotencyKey }
  const { intentId } = await intents.prepare(request, caller())
  return operations.execute({ intentId }, caller())
}
const rows = (sql: string) => readRows(join(home, 'journal.db'), sql)

test('R4: with REDIS_URL nonces come from Redis, and the journal has them with the bytes', async () => {
  expect((await pay('through redis')).steps).toMatchObject([{ nonce: '0', state: 'sent' }])
  expect(await server.client().keys('*')).toEqual([
    expect.stringMatching(
      /^bursar:nonces:[0-9a-f]{16}:\{eip155:31337:0x70997970C51812dc3A010C7d01b50e0d17dc79C8\}$/,
    ),
  ])
  expect(rows("select * from audit where event = 'nonce.reserved'")).toEqual([])
})

test('F13: the journal gives nonces out while Redis is away, unless that is refused', async () => {
  await server.kill()
  expect((await pay('without redis')).steps).toMatchObject([{ nonce: '1', state: 'sent' }])
  expect(rows("select count(*) as n from audit where event = 'nonce.reserved'")).toEqual([{ n: 1 }])
  expect(warnings).toContain('redis does not serve nonces; the journal gives them out')
  await runtime?.stop()

  await expect(pay('refused', { NONCE_FALLBACK: 'refuse' })).rejects.toMatchObject({
    code: 'nonces_unavailable',
    context: { reason: 'ECONNREFUSED' },
    sideEffect: 'none',
  })
  expect(warnings).toContain('redis does not serve nonces; none are given out')
  expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(1)
})
