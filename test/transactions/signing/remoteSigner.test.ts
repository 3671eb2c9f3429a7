import { type Hex, keccak256 } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { allChains } from '../../../src/chains/allChains.ts'
import { sandboxA } from '../../../src/chains/data/sandboxA.ts'
import { readRules } from '../../../src/policy/rules/readRules.ts'
import type { Clock } from '../../../src/primitives/clock.ts'
import { hostOf, Secret } from '../../../src/primitives/secret.ts'
import { remoteSigner } from '../../../src/wallets/remoteSigner.ts'
import { WalletBook } from '../../../src/wallets/walletBook.ts'
import {
  AWKWARD,
  allowanceOf,
  finishOf,
  installAwkward,
  taking,
  tokenBalance,
} from '../../support/awkwardTokens.ts'
import {
  AGENT,
  AGENT_KEY,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  USDC,
  type World,
} from '../../support/engine.ts'
import { startRemoteSigner, type TestSigner } from '../../support/remoteSigner.ts'

// The account's key is with a signer elsewhere, and its chain is none where sandbox wallets act.

const ONE = 1_000_000_000_000_000_000n

let world: World
let server: TestSigner
let engine: Engine
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(async () => {
  world.a.proxy.reset()
  server = await startRemoteSigner(AGENT_KEY)
  engine = startEngine({
    lanes: [world.a],
    chains: [{ ...sandboxA, network: 'testnet' }],
    book,
    othersBroadcastMs: 300,
  })
  return async () => {
    await engine.stop()
    await server.close()
  }
})

const book = (clock: Clock) => {
  const url = { url: new Secret(server.url), host: hostOf(server.url) }
  const signer = remoteSigner({ name: 'ops', address: AGENT, ...url, timeoutMs: 500 }, clock)
  const wallets = [{ name: 'ops', kind: 'remote' as const, address: AGENT, signer }]
  return new WalletBook([], clock, { wallets, broken: new Map(), chains: new Map() })
}

async function engineWith(...rules: readonly object[]): Promise<Engine> {
  await engine.stop()
  const chains = [{ ...sandboxA, network: 'testnet' as const }]
  const file = readRules(JSON.stringify({ version: 1, rules }), allChains)
  return startEngine({ lanes: [world.a], chains, book, rules: file, othersBroadcastMs: 300 })
}

/** What the operation counts for towards caps, in wei. */
const spent = (operationId: string) =>
  engine.rows(`select raw from spends where recipient = '' and asset not like 'fee/%' and step_id in
    (select id from steps where operation_id = '${operationId}')`)[0]?.['raw']

let keys = 0
const prepare = (amount = '1', by = engine) =>
  by.prepare({
    ...{ wallet: 'ops', to: MERCHANT, amount, asset: 'native' },
    idempotencyKey: `remote-${keys++}`,
  })
const sent = () => world.a.proxy.calls.filter(({ method }) => method === 'eth_sendRawTransaction')
const asked = () => server.calls.map(({ params: [transaction] }) => transaction?.['nonce'])

describe('F1: a payment whose signature is made elsewhere', () => {
  it('F1: is signed there, once, and paid', async () => {
    const before = await world.a.balance(MERCHANT)
    const { operationId } = await engine.execute((await prepare()).intentId)
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    expect((await engine.get(operationId)).state).toBe('committed')
    expect((await world.a.balance(MERCHANT)) - before).toBe(ONE)
    expect([server.signed.length, sent().length]).toEqual([1, 1])
  })

  it('R2, R14: an answer that is lost: nothing is sent, it says why, and the same is asked for at the same nonce', async () => {
    const before = await world.a.balance(MERCHANT)
    server.setFault({ kind: 'lost' })
    const { intentId } = await prepare()
    const { operationId, ...first } = await engine.execute(intentId)
    expect(first.state).toBe('running')
    expect(first.steps[0]?.note).toContain('The signer of the wallet "ops" at 127.0.0.1:')
    expect(sent()).toEqual([])
    await expect(engine.driver.drive(operationId)).rejects.toMatchObject({ code: 'signer_unreachable' })
    server.setFault(undefined)
    await engine.driver.drive(operationId)
    // The late copies, should anybody send them now, are the same bytes.
    expect([new Set(asked()).size, new Set(server.signed).size, server.signed.length]).toEqual([1, 1, 3])
    await world.a.ask('eth_sendRawTransaction', server.signed[0]).catch(() => undefined)
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    const paid = await engine.get(operationId)
    expect([paid.state, paid.steps[0]?.note]).toEqual(['committed', undefined])
    expect((await world.a.balance(MERCHANT)) - before).toBe(ONE)
    expect(engine.rows("select count(*) as n from audit where event = 'step.unsigned'")).toEqual([{ n: 1 }])
  })

  it('R2: bytes that we never saw were sent by somebody: there is no second signature, and it is said what to do', async () => {
    const before = await world.a.balance(MERCHANT)
    server.setFault({ kind: 'lost' })
    const { operationId } = await engine.execute((await prepare()).intentId)
    server.setFault(undefined)
    await world.a.ask('eth_sendRawTransaction', server.signed[0])
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    const given = await engine.get(operationId)
    expect([given.state, given.sideEffect]).toEqual(['stuck', 'possible'])
    expect(given.steps[0]?.note).toMatch(/^The signer may have signed this payment at nonce \d+/)
    expect(given.next).toContain('Do not pay it again.')
    // What used the nonce is final, and it is this payment.
    await engine.driver.drive(operationId)
    const paid = await engine.get(operationId)
    expect([paid.state, paid.sideEffect, paid.steps[0]?.state]).toEqual(['committed', 'done', 'final'])
    const hash = keccak256(server.signed[0] as Hex)
    expect(paid.steps[0]?.attempts).toEqual([{ hash, kind: 'original', state: 'included' }])
    expect(spent(operationId)).toBe('1000000000000000000')
    expect(server.signed).toHaveLength(1)
    expect((await world.a.balance(MERCHANT)) - before).toBe(ONE)
  })

  it('R14, R5: one that is given up unsigned counts against its cap until its nonce went to the next payment, finally', async () => {
    engine = await engineWith({ id: 'daily', cap: { asset: 'native', max: '1.5', per: '24h' } })
    const before = await world.a.balance(MERCHANT)
    server.setFault({ kind: 'lost' })
    const { operationId } = await engine.execute((await prepare()).intentId)
    server.setFault(undefined)
    engine.clock.advance(601_000)
    await engine.driver.drive(operationId)
    const lost = await engine.get(operationId)
    expect([lost.state, lost.sideEffect, lost.steps[0]?.state]).toEqual(['stuck', 'possible', 'unknown'])
    expect(lost.steps[0]?.note).toMatch(
      /^it was not signed before its intent expired\. Its signer was asked for it at nonce \d+ and may have signed it: whether it happens is known once/,
    )
    expect(spent(operationId)).toBe('1000000000000000000')
    await expect(prepare()).rejects.toMatchObject({ code: 'policy_denied', context: { rule: 'daily' } })
    await expect(engine.replace({ operation: operationId, kind: 'cancel' })).rejects.toMatchObject({
      code: 'not_replaceable',
    })
    // Nobody asks for it again.
    await engine.driver.drive(operationId)
    expect(server.signed).toHaveLength(1)

    const next = await engine.execute((await prepare('0.5')).intentId)
    await world.a.mine(1)
    await engine.driver.drive(operationId)
    expect([(await engine.get(operationId)).state, spent(operationId)]).toEqual([
      ...['stuck', '1000000000000000000'],
    ])
    // Now the lost one comes after all.
    await expect(world.a.ask('eth_sendRawTransaction', server.signed[0])).rejects.toThrow()
    await world.a.mine(1)
    await engine.driver.drive(operationId)
    const over = await engine.get(operationId)
    expect([over.state, over.sideEffect, over.steps[0]?.state]).toEqual(['failed', 'none', 'replaced'])
    expect(over.steps[0]?.note).toMatch(/^nonce \d+ was used by another transaction, 0x[0-9a-f]{64}$/)
    expect(spent(operationId)).toBe('0')
    await engine.driver.drive(next.operationId)
    expect((await engine.get(next.operationId)).state).toBe('committed')
    expect((await world.a.balance(MERCHANT)) - before).toBe(ONE / 2n)
    expect(new Set(asked()).size).toBe(1)
    await prepare()
  })

  it('R14: a process that dies once it has recorded that it asks leaves a payment that may have been signed', async () => {
    const { intentId } = await prepare()
    const note = engine.signatures.note.bind(engine.signatures)
    engine.signatures.note = async (...given) => {
      // It is recorded before anybody is asked.
      expect(server.calls).toEqual([])
      await note(...given)
      throw new Error('killed')
    }
    await engine.execute(intentId).catch(() => undefined)
    engine.signatures.note = note
    expect(server.calls).toEqual([])
    engine.clock.advance(601_000)
    const [row] = engine.rows('select id from operations')
    const operationId = String(row?.['id'])
    await engine.driver.drive(operationId)
    expect([(await engine.get(operationId)).state, spent(operationId)]).toEqual([
      ...['stuck', '1000000000000000000'],
    ])
  })

  it('R14: bytes that come before the next payment are told as what they are, and the next one as lost', async () => {
    const before = await world.a.balance(MERCHANT)
    server.setFault({ kind: 'lost' })
    const { operationId } = await engine.execute((await prepare()).intentId)
    server.setFault(undefined)
    engine.clock.advance(601_000)
    await engine.driver.drive(operationId)
    const next = await prepare('0.25')
    await world.a.ask('eth_sendRawTransaction', server.signed[0])
    const other = await engine.execute(next.intentId)
    await world.a.mine(2)
    for (const id of [operationId, other.operationId]) await engine.driver.drive(id)
    expect((await engine.get(operationId)).state).toBe('committed')
    expect((await engine.get(other.operationId)).state).toBe('failed')
    expect([spent(operationId), spent(other.operationId)]).toEqual(['1000000000000000000', '0'])
    expect((await world.a.balance(MERCHANT)) - before).toBe(ONE)
  })

  it('R14, R3: the same payment again, at the same nonce, is that one and not the one that was lost', async () => {
    const before = await world.a.balance(MERCHANT)
    server.setFault({ kind: 'lost' })
    const { operationId } = await engine.execute((await prepare()).intentId)
    server.setFault(undefined)
    engine.clock.advance(601_000)
    await engine.driver.drive(operationId)
    const again = await engine.execute((await prepare()).intentId)
    await world.a.mine(2)
    for (const id of [operationId, again.operationId]) await engine.driver.drive(id)
    const states = [await engine.get(operationId), await engine.get(again.operationId)].map(
      ({ state }) => state,
    )
    expect([states, spent(operationId)]).toEqual([['failed', 'committed'], '0'])
    expect((await world.a.balance(MERCHANT)) - before).toBe(ONE)
  })

  it('R14: a second signature of the same payment that others send is no strange transaction', async () => {
    const before = await world.a.balance(MERCHANT)
    server.setFault({ kind: 'lost' })
    const { operationId } = await engine.execute((await prepare()).intentId)
    // As signers do whose signatures are random: this one differs by its tip instead.
    server.setFault({ kind: 'other', change: { maxPriorityFeePerGas: 7n } })
    await engine.driver.drive(operationId).catch(() => undefined)
    server.setFault(undefined)
    await world.a.ask('eth_sendRawTransaction', server.signed[1])
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    await engine.driver.drive(operationId)
    expect((await engine.get(operationId)).state).toBe('committed')
    expect(spent(operationId)).toBe('1000000000000000000')
    expect((await world.a.balance(MERCHANT)) - before).toBe(ONE)
  })

  it('R14: of two signatures of one payment the chain may have taken the one that Bursar never had', async () => {
    const before = await world.a.balance(MERCHANT)
    // Signers whose signatures are random give another one each time; here their tips differ.
    server.setFault({ kind: 'lost', change: { maxPriorityFeePerGas: 7n } })
    const { operationId } = await engine.execute((await prepare()).intentId)
    server.setFault(undefined)
    await world.a.ask('eth_sendRawTransaction', server.signed[0])
    await engine.driver.drive(operationId)
    expect(server.signed).toHaveLength(2)
    await world.a.mine(1)
    await engine.driver.drive(operationId)
    expect((await engine.get(operationId)).steps[0]?.state).toBe('unknown')
    await world.a.mine(1)
    await engine.driver.drive(operationId)
    const paid = await engine.get(operationId)
    const included = { hash: keccak256(server.signed[0] as Hex), kind: 'original', state: 'included' }
    expect([paid.state, spent(operationId)]).toEqual(['committed', '1000000000000000000'])
    expect(paid.steps[0]?.attempts.at(-1)).toEqual(included)
    expect((await world.a.balance(MERCHANT)) - before).toBe(ONE)
  })

  it('R14: a payment whose speed-up was lost, and sent by others, was made', async () => {
    const before = await world.a.balance(MERCHANT)
    // Its key was here when it was signed, and is with the signer now.
    const place = { lanes: [world.a], chains: [{ ...sandboxA, network: 'testnet' as const }] }
    await engine.stop()
    const here = startEngine({ ...place, wallets: [{ name: 'ops', privateKey: new Secret(AGENT_KEY) }] })
    const { operationId } = await here.execute((await prepare('1', here)).intentId)
    engine = startEngine({ ...place, book, home: here.home, clock: here.clock })
    const { intentId } = await engine.replace({ operation: operationId, kind: 'speed_up' })
    server.setFault({ kind: 'lost' })
    await expect(engine.execute(intentId)).rejects.toMatchObject({ code: 'signer_unreachable' })
    server.setFault(undefined)
    await world.a.ask('eth_sendRawTransaction', server.signed[0])
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    expect((await engine.get(operationId)).state).toBe('committed')
    expect(spent(operationId)).toBe('1000000000000000000')
    expect((await world.a.balance(MERCHANT)) - before).toBe(ONE)
    await here.stop()
  })

  it('R14, F1: what a call was allowed is taken back while nobody knows of the call, at its nonce; then it is known', async () => {
    await installAwkward(world.a)
    const taken = await tokenBalance(world.a, USDC, AWKWARD.taker)
    const { intentId } = await engine.prepare({ wallet: 'ops', ...taking(USDC, '10') })
    server.setFault({ kind: 'lost', after: 1 })
    const { operationId } = await engine.execute(intentId)
    server.setFault(undefined)
    await world.a.mine(1)
    expect(await allowanceOf(world.a, USDC, AGENT, AWKWARD.taker)).toBe(10_000_000n)
    engine.clock.advance(601_000)
    const done = await finishOf(world.a, engine, operationId)
    expect([done.state, done.steps.map(({ state }) => state)]).toEqual([
      ...['compensated', ['final', 'replaced', 'final']],
    ])
    expect(new Set(done.steps.slice(1).map(({ nonce }) => nonce)).size).toBe(1)
    expect(await allowanceOf(world.a, USDC, AGENT, AWKWARD.taker)).toBe(0n)
    expect((await tokenBalance(world.a, USDC, AWKWARD.taker)) - taken).toBe(0n)
  })

  it.each([
    [
      'signs something else',
      { kind: 'other', change: { value: 2n * ONE } },
      'signed something else than was asked: other than asked: value',
      // It may have signed what it was asked as well.
      'stuck',
    ],
    ['refuses', { kind: 'refuse', message: 'not allowed' }, 'refused to sign (code -32000)', 'failed'],
  ] as const)(
    'T33: a signer that %s: the payment is given up, unsent, and its nonce is free',
    async (_what, fault, words, ending) => {
      const before = await world.a.balance(MERCHANT)
      server.setFault(fault)
      const { operationId } = await engine.execute((await prepare()).intentId)
      const view = await engine.get(operationId)
      expect([view.state, sent()]).toEqual([ending, []])
      expect(view.steps[0]?.note).toContain(words)
      await engine.driver.drive(operationId)
      expect(server.calls).toHaveLength(1)
      server.setFault(undefined)
      const next = await engine.execute((await prepare()).intentId)
      await world.a.mine(2)
      await engine.driver.drive(next.operationId)
      expect((await engine.get(next.operationId)).state).toBe('committed')
      expect((await world.a.balance(MERCHANT)) - before).toBe(ONE)
      expect(new Set(asked()).size).toBe(1)
      await engine.driver.drive(operationId)
      expect([(await engine.get(operationId)).state, spent(operationId)]).toEqual(['failed', '0'])
    },
  )

  it('T33: what stands in for a payment that waits is signed there as well, at its nonce', async () => {
    const { operationId } = await engine.execute((await prepare()).intentId)
    const { intentId } = await engine.replace({ operation: operationId, kind: 'cancel' })
    await engine.execute(intentId)
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    expect([new Set(asked()).size, server.signed.length]).toEqual([1, 2])
    const cancelled = server.calls[1]?.params[0]
    expect([cancelled?.['to'], cancelled?.['value']]).toEqual([AGENT, '0x0'])
  })
})
