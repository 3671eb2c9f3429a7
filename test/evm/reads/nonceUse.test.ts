import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { EvmPayload } from '../../../src/evm/evmPayload.ts'
import { usedByAnother, userOfNonce } from '../../../src/evm/reads/nonceUse.ts'
import { unattended } from '../../../src/primitives/abort.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { type ChainClient, chainClient } from '../../../src/rpc/chainClient.ts'
import { httpTransport } from '../../../src/rpc/endpoint/httpTransport.ts'
import { AGENT, MERCHANT, startWorld, type World } from '../../support/engine.ts'
import { type RpcProxy, startRpcProxy } from '../../support/rpcProxy.ts'

let world: World
let second: RpcProxy
let endpoints: readonly ChainClient[]
let hash: string
let newest: bigint

beforeAll(async () => {
  world = await startWorld()
  second = await startRpcProxy(world.a.rpcUrl)
  endpoints = [world.a.proxy.url, second.url].map((url) =>
    chainClient(world.a.id, httpTransport({ url: new Secret(url), timeoutMs: 2_000 })),
  )
  hash = (await world.a.ask('eth_sendTransaction', { from: AGENT, to: MERCHANT, value: '0x1' })) as string
  await world.a.mine(3)
  newest = BigInt((await world.a.ask('eth_blockNumber')) as string)
})
afterEach(() => {
  world.a.proxy.reset()
  second.reset()
})
afterAll(async () => {
  await second.close()
  await world.stop()
})

const OTHER = `0x${'11'.repeat(32)}`
const ask = (of: string, clients = endpoints) =>
  usedByAnother(clients, { account: AGENT, nonce: 0n, hashes: [of], newest }, unattended())

/** Has an endpoint deny that it ever saw our transaction. */
function hide(proxy: RpcProxy): void {
  proxy.setFault((calls) => ({
    kind: 'rewrite',
    text: (answer) => {
      const entries = [JSON.parse(answer)].flat() as { result: unknown }[]
      for (const [index, entry] of entries.entries()) {
        if (/^eth_getTransaction(Receipt|ByHash)$/.test(calls[index]?.method ?? '')) entry.result = null
      }
      const text = JSON.stringify(answer.startsWith('[') ? entries : entries[0])
      return text.replaceAll(hash, OTHER)
    },
  }))
}

it('R14: a nonce that another transaction used is proven to be lost, by two endpoints', async () => {
  expect(await ask(OTHER)).toBe(true)
})

it('R14: our own use of the nonce is none by another', async () => {
  expect(await ask(hash)).toBe(false)
})

it('R14, T12: an endpoint that hides a payment is not believed against one that shows it', async () => {
  hide(world.a.proxy)
  expect(await ask(hash)).toBe(false)
  world.a.proxy.reset()
  hide(second)
  expect(await ask(hash)).toBe(false)
})

it('R14, T12: one endpoint alone proves nothing while there is another that does not answer', async () => {
  hide(world.a.proxy)
  second.setFault(() => ({ kind: 'reset' }))
  expect(await ask(hash)).toBe(false)
  expect(await ask(hash, endpoints.slice(0, 1))).toBe(true)
})

it('R14: a nonce that is still free is used by nobody', async () => {
  const use = { account: AGENT, nonce: 1n, hashes: [OTHER], newest }
  expect(await usedByAnother(endpoints, use, unattended())).toBe(false)
})

const evmPayload = (call: Pick<EvmPayload, 'to' | 'value' | 'data'>): EvmPayload => ({
  ...{ family: 'evm', chain: world?.a.id ?? '', from: AGENT, accessList: [], gasLimit: '21000', ...call },
})
const payload = evmPayload({ to: MERCHANT, value: '1', data: '0x' })
const userOf = (nonce: bigint, like = payload, clients = endpoints) =>
  userOfNonce(clients, { account: AGENT, nonce, newest }, like, unattended())

it('R14: what used a nonce is told, and whether it does what was asked for', async () => {
  expect(await userOf(0n)).toEqual({ hash, isPayload: true })
  const others = [{ to: AGENT }, { value: '2' }, { data: '0x00' }] as const
  for (const other of others)
    expect(await userOf(0n, evmPayload({ to: MERCHANT, value: '1', data: '0x', ...other }))).toEqual({
      ...{ hash, isPayload: false },
    })
  expect(await userOf(1n)).toBeUndefined()
})

it('R14, T12: endpoints that tell different things of it, or one alone of two, prove nothing', async () => {
  hide(second)
  expect(await userOf(0n)).toBeUndefined()
  second.reset()
  second.setFault(() => ({ kind: 'reset' }))
  expect(await userOf(0n)).toBeUndefined()
  expect(await userOf(0n, payload, endpoints.slice(0, 1))).toEqual({ hash, isPayload: true })
})
