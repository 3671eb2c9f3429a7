import { type Hex, keccak256 } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sandboxA } from '../../../src/chains/data/sandboxA.ts'
import type { PrivateRelay } from '../../../src/chains/routes.ts'
import { flashbotsRelay } from '../../../src/evm/relay/flashbotsRelay.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { relayIdentity } from '../../../src/wallets/relayIdentity.ts'
import { AGENT_KEY, MERCHANT, RELAY_KEY, startWorld, type World } from '../../support/engine.ts'
import { type FlashbotsRelay, startFlashbotsRelay } from '../../support/flashbotsRelay.ts'

let world: World
let server: FlashbotsRelay
let relay: PrivateRelay
let payment: Hex

beforeAll(async () => {
  world = await startWorld()
  server = await startFlashbotsRelay(world.a.rpcUrl)
  payment = await signed(0)
})
afterAll(async () => {
  await server.close()
  await world.stop()
})
beforeEach(() => {
  server.reset()
  relay = client()
})

const client = (timeoutMs = 2_000, url = server.url) =>
  flashbotsRelay(sandboxA, {
    url: new Secret(url),
    identity: relayIdentity(new Secret(RELAY_KEY)),
    timeoutMs,
  })

const signed = (nonce: number, change: object = {}) =>
  privateKeyToAccount(AGENT_KEY).signTransaction({
    ...{ type: 'eip1559', chainId: 31337, nonce, to: MERCHANT, value: 5n, gas: 21_000n },
    ...{ maxFeePerGas: 3_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n },
    ...change,
  } as never) as Promise<Hex>

const signal = new AbortController().signal
const head = async () => BigInt((await world.a.ask('eth_blockNumber')) as string)
const submit = async (raws: readonly string[] = [payment]) =>
  relay.submit({ raws, head: await head() }, signal)
const methods = () => server.calls.map(({ method }) => method)

describe('D3: a relay', () => {
  it('D3: knows us by the signature of our own key over each request', async () => {
    expect(await submit()).toMatchObject({ outcome: 'accepted' })
    expect(server.badSignatures).toBe(0)
    expect(new Set(server.calls.map(({ by }) => by))).toEqual(
      new Set([privateKeyToAccount(RELAY_KEY as Hex).address]),
    )
  })

  it('D3: simulates signed bytes first, and takes a lone transaction for the next 25 blocks', async () => {
    const now = await head()
    expect(await submit()).toEqual({ outcome: 'accepted', again: now + 25n })
    expect(methods()).toEqual(['eth_callBundle', 'eth_sendPrivateTransaction'])
    expect(server.calls[0]?.params[0]).toMatchObject({
      ...{ txs: [payment], blockNumber: `0x${(now + 1n).toString(16)}`, stateBlockNumber: 'latest' },
    })
    expect(server.calls[1]?.params).toEqual([
      { tx: payment, maxBlockNumber: `0x${(now + 25n).toString(16)}` },
    ])
  })

  it('D3: takes what comes after others as one bundle for the next block, to be sent anew with each', async () => {
    const now = await head()
    const bundle = [payment, await signed(1)]
    expect(await submit(bundle)).toEqual({ outcome: 'accepted', again: now + 1n })
    expect(methods()).toEqual(['eth_callBundle', 'eth_sendBundle'])
    expect(server.calls[1]?.params[0]).toMatchObject({
      txs: bundle,
      blockNumber: `0x${(now + 1n).toString(16)}`,
    })
  })

  it('D3: is not given what fails in its simulation; why it does is for the log, in capped words', async () => {
    const broken = await signed(0, {
      to: world.a.id === '' ? MERCHANT : TOKEN,
      data: '0x12345678',
      gas: 60_000n,
    })
    expect(await submit([broken])).toEqual({
      outcome: 'withheld',
      again: (await head()) + 1n,
      reason: "in the relay's simulation it fails",
      evidence: expect.stringMatching(/^transaction 1 of 1 fails: execution reverted/),
    })
    expect(await submit([broken, await signed(1)])).toMatchObject({
      reason: "in the relay's simulation a transaction that must come before it fails",
    })
    expect(methods()).toEqual(['eth_callBundle', 'eth_callBundle'])
  })

  it('D3: is not given what it cannot run, such as a nonce that is too high', async () => {
    expect(await submit([await signed(7)])).toMatchObject({
      ...{ outcome: 'withheld', reason: 'the relay was asked, and it refused' },
      evidence: expect.stringContaining('nonce'),
    })
    expect(methods()).toEqual(['eth_callBundle'])
  })

  it('D3: is asked to forget a transaction, and what it says is what is told', async () => {
    await submit()
    expect(await relay.cancel(keccak256(payment), signal)).toBe(true)
    expect(await relay.cancel(keccak256(payment), signal)).toBe(false)
    server.setFault(() => ({ kind: 'status', code: 503 }))
    expect(await relay.cancel(keccak256(payment), signal)).toBe(false)
  })

  it('D3: of more than it takes in one bundle is not asked', async () => {
    const many = await Promise.all(Array.from({ length: 101 }, (_, nonce) => signed(nonce)))
    expect(await submit(many)).toMatchObject({
      outcome: 'withheld',
      reason: 'the relay was asked, and too many transactions come before it for one bundle',
    })
    expect(server.calls).toEqual([])
  })
})

const TOKEN = '0x9594a4C95A3acfb82307B158CD774a6740316BEd'

/** What a relay does when it is asked, and the reason that is told. */
const FAULTS: readonly (readonly [string, Parameters<FlashbotsRelay['setFault']>[0], RegExp])[] = [
  ['answers with 429', () => ({ kind: 'status', code: 429 }), /it answered with status 429$/],
  ['answers with 500', () => ({ kind: 'status', code: 500, body: 'oops' }), /it answered with status 500$/],
  ['redirects', () => ({ kind: 'status', code: 302 }), /it answered with status 302$/],
  ['hangs', () => ({ kind: 'hang' }), /it did not answer in time$/],
  ['ends the connection', () => ({ kind: 'lost' }), /it cannot be reached \(UND_ERR_SOCKET\)$/],
  ['answers no JSON', () => ({ kind: 'text', text: '<html>' }), /its answer cannot be read$/],
  ['answers neither way', () => ({ kind: 'text', text: '{"id":1}' }), /its answer cannot be read$/],
  ['answers with a list', () => ({ kind: 'text', text: '[]' }), /its answer cannot be read$/],
  [
    'answers numbers',
    () => ({ kind: 'text', text: '{"result":7}' }),
    /its answer (cannot be read|is about other transactions)$/,
  ],
  ['answers too much', () => ({ kind: 'text', text: 'x'.repeat(5_000_000) }), /its answer is too large$/],
  ['refuses', () => ({ kind: 'refuse', message: `no\u202e${'!'.repeat(500)}` }), /it refused$/],
]

describe('R14: a relay that', () => {
  for (const [what, fault, reason] of FAULTS) {
    it(`R14: ${what} when it simulates is given nothing`, async () => {
      relay = client(300)
      server.setFault(fault)
      const result = await submit()
      expect(result).toMatchObject({ outcome: 'withheld', reason: expect.stringMatching(reason) })
      expect(server.count('eth_sendPrivateTransaction')).toBe(0)
      expect(JSON.stringify({ ...result, again: 0 })).not.toMatch(/s3cr3t|\u202e|!{200}/)
    })

    it(`R14: ${what} when it is given a transaction may have it`, async () => {
      relay = client(300)
      server.setFault((method) => (method === 'eth_callBundle' ? undefined : fault?.(method)))
      const result = await submit()
      expect(result).toMatchObject({ outcome: 'unknown', reason: expect.stringMatching(reason) })
      expect(server.count('eth_sendPrivateTransaction')).toBe(1)
    })
  }

  it('R14: nobody serves is given nothing, and its URL is in no words (T14)', async () => {
    relay = client(300, 'http://127.0.0.1:9/s3cr3t')
    const result = await submit()
    expect(result).toMatchObject({
      outcome: 'withheld',
      reason: 'the relay was asked, and it cannot be reached (ECONNREFUSED)',
    })
    expect(JSON.stringify({ ...result, again: 0 })).not.toContain('s3cr3t')
  })

  it('T14: quotes the URL that it was called with does not put its key into any words', async () => {
    const echo = 'Cannot POST /relay?key=s3cr3t-of-the-relay'
    const failing = JSON.stringify({
      result: {
        ...{ bundleGasPrice: '1', bundleHash: '0x', coinbaseDiff: '0', ethSentToCoinbase: '0', gasFees: '0' },
        results: [{ txHash: keccak256(payment), gasUsed: 21_000, error: echo, revert: echo }],
      },
    })
    const faults = [
      { kind: 'status', code: 404, body: echo },
      { kind: 'status', code: 502, body: echo },
      { kind: 'text', text: echo },
      // Where the words are capped, no part of it may be left.
      { kind: 'text', text: `${'!'.repeat(100)} ${echo}` },
      { kind: 'refuse', message: echo },
      { kind: 'text', text: failing },
    ] as const
    for (const fault of faults) {
      server.setFault(() => fault)
      const result = JSON.stringify({ ...(await submit()), again: 0 })
      expect(result).toContain('"outcome":"withheld"')
      expect(result).toMatch(/Cannot POST|!{100}/)
      expect(result).not.toContain('s3cr3t')
    }
  })

  it('R1: tells of other transactions than it was asked about is not believed', async () => {
    const other = await signed(0, { value: 6n })
    const [asked] = [await submit([other])]
    expect(asked.outcome).toBe('accepted')
    const about = (hash: string) =>
      JSON.stringify({
        result: {
          bundleGasPrice: '1',
          bundleHash: hash,
          coinbaseDiff: '0',
          ethSentToCoinbase: '0',
          gasFees: '0',
          results: [{ txHash: hash, gasUsed: 21_000, value: '0x' }],
        },
      })
    server.setFault(() => ({ kind: 'text', text: about(keccak256(other)) }))
    expect(await submit()).toMatchObject({
      outcome: 'withheld',
      reason: 'the relay was asked, and its answer is about other transactions',
    })
    server.setFault((method) =>
      method === 'eth_callBundle' ? undefined : { kind: 'text', text: `{"result":"${keccak256(other)}"}` },
    )
    expect(await submit()).toMatchObject({ outcome: 'unknown' })
  })
})

describe('D3: the builder behind it', () => {
  it('D3: includes what the public pool never had', async () => {
    await submit()
    expect(await world.a.ask('txpool_status')).toEqual({ pending: '0x0', queued: '0x0' })
    const before = await world.a.balance(MERCHANT)
    expect(await server.mine()).toEqual([keccak256(payment)])
    expect((await world.a.balance(MERCHANT)) - before).toBe(5n)
  })
})
