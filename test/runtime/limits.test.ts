import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { unattended } from '../../src/primitives/abort.ts'
import { silentLogger } from '../../src/primitives/logger.ts'
import { createRuntime, type Runtime } from '../../src/runtime/runtime.ts'
import { temporaryHome } from '../support/bursarServer.ts'
import { caller, startWorld, type World } from '../support/engine.ts'
import { type RedisServer, startRedisServer } from '../support/redisServer.ts'

// The wiring from the environment to the wire: which endpoints are limited, and where the limits are shared.

let world: World
let server: RedisServer
let runtime: Runtime
let warnings: string[]
const { home, remove } = temporaryHome()

beforeAll(async () => {
  world = await startWorld()
})
beforeEach(async () => {
  server = await startRedisServer()
  warnings = []
  const env = {
    BURSAR_HOME: home,
    REDIS_URL: server.url,
    SANDBOX_A_RPC_URL: `${world.a.proxy.url}/own`,
    SANDBOX_B_RPC_ALCHEMY: `${world.b.proxy.url}/CANARY`,
  }
  const warn = (message: string) => void warnings.push(message)
  runtime = createRuntime(loadConfig(env, allChains), { ...silentLogger, warn }, 'test')
})
afterEach(async () => {
  await runtime.stop()
  await server.stop()
})
afterAll(async () => {
  await world.stop()
  remove()
})

const price = async (chain: string) => {
  const { access } = await runtime.chains.open(chain)
  return access.client.call('eth_gasPrice', [], unattended())
}
const keys = () => server.client().keys('*')
const connections = async () =>
  String(await server.client().client('LIST')).match(/name=bursar/g)?.length ?? 0

test('B4: an own node is not limited and asks Redis nothing; a provider is, through one connection', async () => {
  await price('sandbox-a')
  expect([await connections(), await keys()]).toEqual([0, []])
  await price('sandbox-b')
  expect(await connections()).toBe(1)
  expect((await keys()).toSorted()).toEqual([
    expect.stringMatching(/^bursar:limit:\{alchemy:[0-9a-f]{16}:eip155:31338\}:members$/),
    expect.stringMatching(/^bursar:limit:\{alchemy:[0-9a-f]{16}:eip155:31338\}:slices$/),
  ])
})

test('get_status shows the rate of each limited endpoint, and Redis', async () => {
  const status = await runtime.services.status.read(caller())
  expect(status.redis).toBe('up')
  expect(status.chains.map(({ endpoints }) => endpoints.map(({ rate }) => rate))).toEqual([[undefined], [25]])
  await server.kill()
  expect((await runtime.services.status.read(caller())).redis).toBe('down')
})

test('F13: reads go on within two seconds when Redis hangs, and a warning says so', async () => {
  await price('sandbox-b')
  server.freeze()
  const started = performance.now()
  await price('sandbox-b')
  expect(performance.now() - started).toBeLessThan(2_000)
  expect(warnings).toEqual(['rate limit is no longer shared: each process keeps to its share'])
})

test('stopping leaves the shared limit and closes the connection', async () => {
  await price('sandbox-b')
  await runtime.stop()
  await expect.poll(connections).toBe(0)
  expect((await keys()).filter((key) => key.endsWith(':members'))).toEqual([])
})
