import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SimulationReceipt } from '../../../src/chains/simulationReceipt.ts'
import { AGENT, MERCHANT, startEngine, USDC } from '../../support/engine.ts'
import {
  CALL,
  freshPrivateEngine,
  merchantUsdc,
  type PrivateEngine,
  type PrivateWorld,
  startPrivateWorld,
} from '../../support/privateEngine.ts'

let world: PrivateWorld
let engine: PrivateEngine

beforeAll(async () => {
  world = await startPrivateWorld()
})
afterAll(() => world.stop())

beforeEach(async () => {
  engine = await freshPrivateEngine(world)
  return () => engine.stop()
})

/** Blocks that the relay's builder has no part in. */
const pass = (blocks: number) => world.a.mine(blocks)
const usdc = () => merchantUsdc(world)

describe('D3: the route of a payment', () => {
  it('D3: is private for contract calls and public for payments, unless it is given', async () => {
    const routeOf = async (request: Parameters<PrivateEngine['prepare']>[0]) =>
      (await engine.prepare(request)).route
    expect(await routeOf({ ...CALL, idempotencyKey: 'a' })).toBe('private')
    expect(await routeOf({ to: USDC, data: '0x18160ddd', idempotencyKey: 'b' })).toBe('private')
    expect(await routeOf({ to: 'merchant', amount: '1', idempotencyKey: 'c' })).toBe('public')
    expect(await routeOf({ ...CALL, route: 'public', idempotencyKey: 'd' })).toBe('public')
    expect(await routeOf({ to: 'merchant', amount: '1', route: 'private', idempotencyKey: 'e' })).toBe(
      'private',
    )
  })

  it('R10: that nobody offers is refused with what to set, and calls are public there', async () => {
    const plain = startEngine({ lanes: [world.a] })
    expect((await plain.prepare({ ...CALL, idempotencyKey: 'plain' })).route).toBe('public')
    await expect(
      plain.prepare({ ...CALL, route: 'private', idempotencyKey: 'private' }),
    ).rejects.toMatchObject({
      code: 'private_route_missing',
      fix: expect.stringContaining('FLASHBOTS_AUTH_KEY'),
    })
    expect(plain.rows("select * from intents where idempotency_key = 'private'")).toEqual([])
    await plain.stop()
  })

  it('R3: is one of the arguments that a key stands for', async () => {
    const first = await engine.prepare({ ...CALL, route: 'private', idempotencyKey: 'key' })
    const again = await engine.prepare({ ...CALL, route: 'private', idempotencyKey: 'key' })
    expect(again.intentId).toBe(first.intentId)
    await expect(engine.prepare({ ...CALL, route: 'public', idempotencyKey: 'key' })).rejects.toMatchObject({
      ...{ code: 'idempotency_conflict', context: { differs: ['route'] } },
    })
  })

  it('T10: cannot be another one than was prepared: a plan that was made public is not executed', async () => {
    const { intentId } = await engine.prepare({ ...CALL, idempotencyKey: 'changed' })
    const { plan } = engine.rows('select plan from intents')[0] as { plan: string }
    const { route: _route, ...rest } = JSON.parse(plan) as Record<string, unknown>
    await engine.journal.transact(async (tx) => {
      await tx
        .updateTable('intents')
        .set({ plan: JSON.stringify(rest) })
        .execute()
    })
    await expect(engine.execute(intentId)).rejects.toMatchObject({ code: 'intent_changed' })
    expect([engine.sentPublicly(), engine.asked()]).toEqual([0, []])
  })

  it('R1: cannot be another one than its receipt was issued for: neither signed nor broadcast', async () => {
    const operationId = await engine.begin('sealed')
    const { raw, hash, receipt } = engine.rows('select raw, hash, receipt from attempts')[0] as Record<
      string,
      string
    >
    const issued = JSON.parse(receipt ?? '') as SimulationReceipt
    expect(issued).toMatchObject({ route: 'private', publicFrom: null })
    const adapter = await engine.chains.adapter('sandbox-a')
    const { payload, terms } = await adapter.codec.parse(raw ?? '')
    const { signer } = engine.wallets.find('agent', adapter.chain)
    const { route: _route, ...without } = issued
    for (const changed of [
      { ...issued, route: 'public' as const },
      { ...issued, publicFrom: '0' },
      without as SimulationReceipt,
    ]) {
      const refused = { code: 'receipt_refused', message: expect.stringContaining('not as it was issued') }
      const order = { payload, terms, nonce: 7n, receipt: changed, head: issued.block }
      await expect(signer.sign(order, adapter.codec)).rejects.toMatchObject(refused)
      const bytes = { raw: raw ?? '', hash: hash ?? '', account: AGENT, receipt: changed }
      const around = { head: 10n ** 9n, before: [] }
      await expect(engine.broadcaster.broadcast(adapter, bytes, around)).rejects.toMatchObject(refused)
    }
    expect(engine.sentPublicly()).toBe(0)
    expect((await engine.step(operationId))?.state).toBe('sent')
  })
})

describe('D3: a private payment', () => {
  it('D3, R2: is in the journal before the relay hears of it, simulated by the relay, included, and public at no time', async () => {
    const before = await usdc()
    const seen: unknown[] = []
    world.relay.setFault((method) => {
      seen.push([method, engine.rows('select state from attempts')])
      return undefined
    })
    const operationId = await engine.begin('whole')
    const signed = [{ state: 'signed' }]
    expect(seen).toEqual([
      ['eth_callBundle', signed],
      ['eth_sendPrivateTransaction', signed],
    ])
    expect(world.relay.calls[0]?.params[0]?.['txs']).toEqual(engine.raws())
    expect(world.relay.calls[1]?.params[0]?.['tx']).toBe(engine.raws()[0])
    expect(await engine.step(operationId)).toMatchObject({ state: 'sent', attempts: [{ state: 'sent' }] })
    await world.relay.mine()
    await engine.drive(operationId)
    expect((await engine.step(operationId))?.state).toBe('included')
    await pass(2)
    await engine.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'committed' })
    expect((await usdc()) - before).toBe(500_000n)
    expect([engine.sentPublicly(), engine.raws().length]).toEqual([0, 1])
  })

  it('D3: that no endpoint knows of is not taken for dropped, nor asked for again while the relay tries it', async () => {
    const operationId = await engine.begin('quiet')
    for (let blocks = 0; blocks < 3; blocks++) {
      await pass(1)
      await engine.drive(operationId)
    }
    expect((await engine.step(operationId))?.state).toBe('sent')
    expect(engine.asked()).toEqual(['callBundle', 'sendPrivateTransaction'])
    expect(engine.audited()).not.toContain('step.dropped')
    expect(engine.sentPublicly()).toBe(0)
    expect((await engine.get(operationId)).next).toContain(
      'no explorer or node shows it before a block has it',
    )
    await world.relay.mine()
    await engine.drive(operationId)
    expect((await engine.get(operationId)).next).not.toContain('privately')
  })

  it('D3: that the relay refuses when it simulates is not passed on, says why, and is tried with each new block', async () => {
    const before = await usdc()
    const { intentId } = await engine.prepare({ ...CALL, idempotencyKey: 'failing' })
    world.relay.setFault((method) =>
      method === 'eth_callBundle' ? { kind: 'refuse', message: 'execution reverted' } : undefined,
    )
    const { operationId } = await engine.execute(intentId)
    expect(await engine.get(operationId)).toMatchObject({
      ...{ state: 'running', sideEffect: 'possible' },
      steps: [
        {
          state: 'unknown',
          note: 'it was not handed over this time: the relay was asked, and it refused; nobody but the private relay can have it, and it is tried again with each block',
        },
      ],
    })
    await engine.drive(operationId)
    expect(engine.asked()).toEqual(['callBundle'])
    await pass(1)
    await engine.drive(operationId)
    expect(engine.asked()).toEqual(['callBundle', 'callBundle'])
    world.relay.setFault(undefined)
    await pass(1)
    await engine.drive(operationId)
    expect(engine.asked()).toEqual(['callBundle', 'callBundle', 'callBundle', 'sendPrivateTransaction'])
    expect(await engine.step(operationId)).toMatchObject({ state: 'sent' })
    expect((await engine.step(operationId))?.note).toBeUndefined()
    await world.relay.mine()
    await engine.drive(operationId)
    expect((await usdc()) - before).toBe(500_000n)
    expect([engine.sentPublicly(), engine.raws().length]).toEqual([0, 1])
  })

  it('R14: whose relay is away is on its way to nobody; another reason is told when there is one', async () => {
    world.relay.setFault(() => ({ kind: 'status', code: 503 }))
    const operationId = await engine.begin('away')
    expect((await engine.step(operationId))?.note).toContain('it answered with status 503; nobody but')
    await pass(1)
    world.relay.setFault(() => ({ kind: 'status', code: 429 }))
    await engine.drive(operationId)
    expect((await engine.step(operationId))?.note).toContain('it answered with status 429; nobody but')
    expect(engine.asked()).toEqual(['callBundle', 'callBundle'])
    expect(engine.sentPublicly()).toBe(0)
    world.relay.setFault(undefined)
    await pass(1)
    await engine.drive(operationId)
    await world.relay.mine()
  })

  it('R14, F2: whose relay took it and did not say so is sent again as the same bytes, and paid once', async () => {
    const before = await usdc()
    world.relay.setFault((method) => (method === 'eth_sendPrivateTransaction' ? { kind: 'lost' } : undefined))
    const operationId = await engine.begin('lost')
    expect(await engine.step(operationId)).toMatchObject({
      state: 'unknown',
      note: expect.stringContaining('the private relay did not confirm that it has it'),
    })
    world.relay.setFault(undefined)
    await pass(1)
    await engine.drive(operationId)
    const sent = world.relay.calls.filter(({ method }) => method === 'eth_sendPrivateTransaction')
    expect(sent.map(({ params }) => params[0]?.['tx'])).toEqual([engine.raws()[0], engine.raws()[0]])
    expect(await world.relay.mine()).toHaveLength(1)
    await engine.drive(operationId)
    await pass(2)
    await engine.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'committed' })
    expect((await usdc()) - before).toBe(500_000n)
    expect([engine.sentPublicly(), engine.raws().length]).toEqual([0, 1])
  })

  it('R7: whose relay is no longer configured goes nowhere', async () => {
    world.relay.setFault(() => ({ kind: 'status', code: 503 }))
    const operationId = await engine.begin('orphan')
    const without = startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock })
    await without.driver.drive(operationId)
    expect((await engine.step(operationId))?.note).toContain(
      'FLASHBOTS_AUTH_KEY or FLASHBOTS_RELAY_URL is missing',
    )
    expect(engine.sentPublicly()).toBe(0)
    await without.stop()
    world.relay.setFault(undefined)
    await pass(1)
    await engine.drive(operationId)
    await world.relay.mine()
  })

  it('R7: is not sent publicly either where the newest block is not known, and nobody is asked to forget it', async () => {
    const operationId = await engine.begin('unknown head')
    const [row] = engine.rows('select raw, hash, receipt from attempts') as Record<string, string>[]
    const { raw = '', hash = '', receipt = '' } = row ?? {}
    const adapter = await engine.chains.adapter('sandbox-a')
    const bytes = { raw, hash, account: AGENT, receipt: JSON.parse(receipt) }
    const plain = startEngine({ lanes: [world.a] })
    expect(await plain.broadcaster.broadcast(adapter, bytes)).toMatchObject({
      ...{ by: 'private', outcome: 'withheld', again: 1n },
    })
    expect(await plain.broadcaster.withdraw('eip155:31337', hash)).toBe(false)
    expect(await engine.broadcaster.withdraw('eip155:31337', hash)).toBe(true)
    expect(engine.sentPublicly()).toBe(0)
    await plain.stop()
    expect((await engine.step(operationId))?.state).toBe('sent')
  })

  it('R4: behind others that are not mined goes with them as one bundle, anew for each next block', async () => {
    const before = await usdc()
    const first = await engine.begin('first')
    const second = await engine.begin('second')
    const bundle = engine.raws()
    expect(bundle).toHaveLength(2)
    expect(engine.asked()).toEqual(['callBundle', 'sendPrivateTransaction', 'callBundle', 'sendBundle'])
    expect(world.relay.calls[3]?.params[0]?.['txs']).toEqual(bundle)
    await pass(1)
    await engine.drive(second)
    expect(engine.asked().slice(4)).toEqual(['callBundle', 'sendBundle'])
    expect(world.relay.calls[5]?.params[0]?.['txs']).toEqual(bundle)
    expect(await world.relay.mine()).toHaveLength(2)
    for (const each of [first, second]) {
      await engine.drive(each)
      expect((await engine.step(each))?.state).toBe('included')
    }
    expect((await usdc()) - before).toBe(1_000_000n)
    expect(engine.sentPublicly()).toBe(0)
  })

  it('R7: that has a stranger’s bytes before it is not passed on', async () => {
    const operationId = await engine.begin('stranger')
    const [row] = engine.rows('select raw, hash, receipt, account from attempts') as Record<string, string>[]
    const bytes = {
      raw: row?.['raw'] ?? '',
      hash: row?.['hash'] ?? '',
      account: AGENT,
      receipt: JSON.parse(row?.['receipt'] ?? ''),
    }
    const adapter = await engine.chains.adapter('sandbox-a')
    const calls = world.relay.calls.length
    for (const strange of [
      { ...bytes, hash: `0x${'1'.repeat(64)}` },
      { ...bytes, account: MERCHANT },
    ]) {
      const around = { head: 1n, before: [strange] }
      await expect(engine.broadcaster.broadcast(adapter, bytes, around)).rejects.toMatchObject({
        code: 'receipt_refused',
      })
    }
    expect(world.relay.calls).toHaveLength(calls)
    await world.relay.mine()
    await engine.drive(operationId)
  })
})
