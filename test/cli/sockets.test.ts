import { mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { environmentOf, run, startBursar, temporaryHome } from '../support/bursarServer.ts'
import { startWorld, type World } from '../support/engine.ts'
import { startWsProxy, type WsProxy } from '../support/wsProxy.ts'

// Sockets of a real server: what they tell, what they must not say, and that they keep no process.

const KEY = 'canary-socket-key-91c2'
const until = { timeout: 10_000, interval: 20 }

let world: World
let ws: WsProxy
const { home, remove } = temporaryHome()
beforeAll(async () => {
  world = await startWorld()
  ws = await startWsProxy(world.a.rpcUrl)
})
afterEach(() => {
  ws.cut()
  ws.heal()
  ws.retarget(world.a.rpcUrl)
})
afterAll(async () => {
  await ws.close()
  await world.stop()
  remove()
})

const start = () =>
  startBursar({
    env: environmentOf(world, home, {
      SANDBOX_A_WS_URL: `${ws.url}/?key=${KEY}`,
      LOG_LEVEL: 'debug',
    }),
  })

const liveOf = async (server: Awaited<ReturnType<typeof start>>) =>
  (await server.answer('list_chains')).chains[0]?.live

test('B6, F19: what is shown is the newest block as soon as the socket tells of it', async () => {
  const server = await start()
  await expect.poll(() => liveOf(server), until).toBe('socket')
  const heightOf = async () => (await server.answer('list_chains')).chains[0]?.head?.number
  const before = Number(await heightOf())
  await world.a.mine(3)
  // In the cache the old one is good for twelve seconds.
  await expect.poll(heightOf, { timeout: 5_000, interval: 20 }).toBe(`${before + 3}`)
  const { chains } = await server.answer('get_status')
  expect(chains.map(({ live }) => live)).toEqual(['socket', 'idle'])
  await server.close()
})

test('get_status tells of a socket while heads are wanted: its host, whether it is connected, and why it was lost', async () => {
  const server = await start()
  const socketsOf = async () => (await server.answer('get_status')).chains.map(({ socket }) => socket)
  expect(await socketsOf()).toEqual([undefined, undefined])
  await expect.poll(() => liveOf(server), until).toBe('socket')
  const { host } = new URL(ws.url)
  expect(await socketsOf()).toEqual([{ host, connected: true, uptime: expect.any(Number) }, undefined])
  ws.refuse()
  ws.cut()
  await expect.poll(async () => (await socketsOf())[0]?.problem, until).toMatch(/could not be opened/)
  const [lost] = await socketsOf()
  expect(lost).toMatchObject({ host, connected: false })
  expect(lost?.uptime).toBeGreaterThan(0)
  expect(lost?.uptime).toBeLessThan(1)
  await server.close()
})

test('T14: the key of a socket is in no answer and in no log, whatever happens to it', async () => {
  const server = await start()
  await expect.poll(() => liveOf(server), until).toBe('socket')
  ws.retarget(world.b.rpcUrl)
  ws.cut()
  await expect.poll(() => server.stderr(), until).toContain('serves chain 31338')
  ws.refuse()
  ws.cut()
  await expect.poll(() => server.stderr(), until).toContain('could not be opened')
  const said = [await server.answer('get_status'), await server.answer('list_chains'), server.stderr()]
  expect(JSON.stringify(said)).not.toContain(KEY)
  await server.close()
})

test.each([
  ['is half-open', (): void => ws.freeze()],
  [
    'is refused again and again',
    (): void => {
      ws.refuse()
      ws.cut()
    },
  ],
  ['serves', (): void => undefined],
])('the server ends with code 0 when stdin closes while its socket %s', async (_what, fault) => {
  const server = await start()
  await expect.poll(() => liveOf(server), until).toBe('socket')
  fault()
  const began = performance.now()
  server.connection.process.stdin?.end()
  expect(await server.ended).toBe(0)
  // Well before the ten seconds after which a server that does not end is ended.
  expect(performance.now() - began).toBeLessThan(5_000)
  await expect.poll(() => ws.open, until).toBe(0)
  await server.close()
})

test('a program that leaves everything open and has nothing else to do ends by itself', async () => {
  const folder = mkdtempSync(resolve('node_modules/.cache/bursar-sockets-'))
  const outfile = join(folder, 'program.mjs')
  const contents = `
    import { allChains } from './src/chains/allChains.ts'
    import { silentMetrics } from './src/primitives/metrics.ts'
    import { Secret } from './src/primitives/secret.ts'
    import { lruNodeCache } from './src/rpc/cache/lruNodeCache.ts'
    import { openChainAccess } from './src/rpc/chainAccess.ts'
    const chain = allChains.find(({ id }) => id === 'eip155:31337')
    const endpoint = { url: new Secret('${world.a.rpcUrl}'), socket: new Secret('${ws.url}'), priority: 0 }
    const cache = lruNodeCache(10)
    const access = openChainAccess(chain, [endpoint], { timeoutMs: 5000, cache, metrics: silentMetrics })
    const told = new Promise((resolve) => access.onHead(({ block }) => resolve(block.number)))
    await access.shown.call('eth_blockNumber', [], new AbortController().signal)
    // Only reached by a program that does not end: it would outlive the test that fails.
    setTimeout(() => process.exit(7), 8000).unref()
    const keep = setInterval(() => undefined, 1000)
    while (access.live.following() !== 'socket') await new Promise((resolve) => setTimeout(resolve, 10))
    console.log('told of ' + (await told))
    clearInterval(keep)
    cache.close()
  `
  await build({
    stdin: { contents, resolveDir: process.cwd(), loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  })
  const { code, stdout, stderr } = await run(process.execPath, [outfile], { env: { PATH: '/usr/bin:/bin' } })
  rmSync(folder, { recursive: true, force: true })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^told of \d+n?\n$/)
})
