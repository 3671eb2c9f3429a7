import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { unattended } from '../../../src/primitives/abort.ts'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import type { Cache } from '../../../src/rpc/cache/cache.ts'
import { type CachedTransport, cached } from '../../../src/rpc/cache/cached.ts'
import { lruNodeCache } from '../../../src/rpc/cache/lruNodeCache.ts'
import { httpTransport } from '../../../src/rpc/endpoint/httpTransport.ts'
import type { RpcRequest } from '../../../src/rpc/transport.ts'
import { adminBatch, adminText } from '../../../src/sandbox/adminRpc.ts'
import { type Sandbox, startSandbox } from '../../../src/sandbox/startSandbox.ts'
import { type RpcProxy, startRpcProxy } from '../../support/rpcProxy.ts'

const TREASURY = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const AGENT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'

let sandbox: Sandbox
let url: string
let proxy: RpcProxy
let transport: CachedTransport
let cache: Cache
/** A transfer, and the block that it is in. */
let receipt: RpcRequest
let paidIn: bigint

beforeAll(async () => {
  sandbox = await startSandbox({ logger: silentLogger, blockTimeSeconds: 86_400 })
  url = sandbox.chains[0]?.rpcUrl ?? ''
  proxy = await startRpcProxy(url)
  const transfer = { from: TREASURY, to: AGENT, value: '0x1' }
  const hash = await adminText(url, { method: 'eth_sendTransaction', params: [transfer] })
  await adminBatch(url, [{ method: 'anvil_mine', params: ['0x1'] }])
  receipt = { method: 'eth_getTransactionReceipt', params: [hash] }
  paidIn = BigInt(await adminText(url, { method: 'eth_blockNumber' }))
})

beforeEach(() => {
  proxy.reset()
  const http = httpTransport({ url: new Secret(proxy.url), timeoutMs: 5_000 })
  cache = lruNodeCache(100)
  transport = cached(http, cache, { chain: 'eip155:31337', confirmations: 12 })
})

afterAll(async () => {
  await proxy.close()
  await sandbox.stop()
})

const ask = (...requests: RpcRequest[]) => transport.send(requests, unattended())
const numbered = (number: bigint) => `0x${number.toString(16)}`

test('B5: the receipt of a block that stays is asked for once, whatever the chain does then', async () => {
  transport.headIs(paidIn + 12n)
  const [first] = await ask(receipt)
  expect(first).toMatchObject({ ok: true, result: { blockNumber: numbered(paidIn), status: '0x1' } })
  for (const step of [13n, 14n, 200n]) {
    transport.headIs(paidIn + step)
    expect(await ask(receipt)).toEqual([first])
  }
  expect(proxy.roundTrips).toBe(1)
})

test('B5, F9: the receipt of a block that may yet go is asked for again with the next block', async () => {
  transport.headIs(paidIn + 11n)
  await ask(receipt)
  transport.headIs(paidIn + 12n)
  await ask(receipt)
  transport.headIs(paidIn + 13n)
  await ask(receipt)
  expect(proxy.roundTrips).toBe(2)
})

test('nothing is kept for good while nobody has told where the chain ends', async () => {
  await ask(receipt)
  transport.headMoved()
  await ask(receipt)
  expect(proxy.roundTrips).toBe(2)
})

test.each([
  ['a balance', (block: string) => ({ method: 'eth_getBalance', params: [AGENT, block] })],
  ['a block', (block: string) => ({ method: 'eth_getBlockByNumber', params: [block, false] })],
])(
  'B5: %s at the number of a block that stays is kept for good, at the newest block it is not',
  async (_, at) => {
    transport.headIs(paidIn + 12n)
    for (const block of [numbered(paidIn), 'latest']) {
      proxy.reset()
      await ask(at(block))
      transport.headIs(paidIn + 13n)
      await ask(at(block))
      expect([block, proxy.roundTrips]).toEqual([block, block === 'latest' ? 2 : 1])
      transport.headMoved(paidIn + 12n)
    }
  },
)

test('a batch is kept for good only if all of it is about blocks that stay', async () => {
  transport.headIs(paidIn + 12n)
  const newest = { method: 'eth_getBlockByNumber', params: [numbered(paidIn + 1n), false] }
  await adminBatch(url, [{ method: 'anvil_mine', params: ['0x1'] }])
  for (const step of [12n, 13n]) {
    transport.headIs(paidIn + step)
    await ask(receipt, newest)
  }
  expect(proxy.roundTrips).toBe(2)
})

test('F9, F19: a chain that goes back below what was to stay takes it along, in one step or in several', async () => {
  for (const back of [[-1n], [6n, 0n, -1n]]) {
    proxy.reset()
    transport.headIs(paidIn + 12n)
    await ask(receipt)
    for (const step of back) {
      await ask(receipt)
      expect(proxy.roundTrips).toBe(1)
      transport.headIs(paidIn + step)
    }
    await ask(receipt)
    expect(proxy.roundTrips).toBe(2)
  }
})

test('F9: an answer that was on its way while its block was replaced is not kept for good', async () => {
  transport.headIs(paidIn + 3n)
  let release: (value?: unknown) => void = () => undefined
  const until = new Promise((resolve) => {
    release = resolve
  })
  proxy.setFault(() => ({ kind: 'hold', until }))
  const early = ask(receipt)
  await expect.poll(() => proxy.roundTrips).toBe(1)
  transport.headIs(paidIn - 1n)
  transport.headIs(paidIn + 12n)
  release()
  await early
  await ask(receipt)
  expect(proxy.roundTrips).toBe(2)
})

test('F9: when the thread of heads is lost nothing is known to have stayed', async () => {
  transport.headIs(paidIn + 12n)
  await ask(receipt)
  transport.headIs(paidIn + 400n, false)
  await ask(receipt)
  expect(proxy.roundTrips).toBe(2)
})

test('M1: a question counts once, however many places its answer may be in', async () => {
  for (const step of [11n, 12n]) {
    transport.headIs(paidIn + step)
    await ask(receipt)
    await ask(receipt)
  }
  expect(cache.stats()).toMatchObject({ hits: 2, misses: 2 })
})
