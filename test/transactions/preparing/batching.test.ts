import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  AGENT,
  caller,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  TIP_JAR,
  USDC,
  type World,
} from '../../support/engine.ts'
import type { EngineOptions } from '../../support/engineOptions.ts'
import { putBackBefore } from '../../support/olderJournals.ts'
import { compile, tokenAt } from '../../support/tokens.ts'

const MULTICALL3 = '0xcA11bde05977b3631167028862bE2a173976CA11'
const PAYROLL = '0x90F79bf6EB2c4f870365E785982E1f101E93b906'
/** Nobody has used it before. */
const NEW: Hex = '0x0000000000000000000000000000000077777001'
const tip = { to: TIP_JAR, function: 'tip(string)', args: ['thanks'] }

let world: World
let engine: Engine
let home: string
let key = 0

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'bursar-batching-'))
  engine = start()
  return async () => {
    await engine.stop()
    rmSync(home, { recursive: true, force: true })
  }
})

const start = (options: Partial<EngineOptions> = {}) => startEngine({ lanes: [world.a], home, ...options })
const prepare = (calls: readonly object[], request: object = {}, by = caller()) =>
  engine.prepare({ calls: calls as never, idempotencyKey: `batch ${key++}`, ...request }, by)
const codes = async (request: object) =>
  ((await engine.prepare({ idempotencyKey: `one ${key++}`, ...request })).simulation.findings ?? []).map(
    ({ code }) => code,
  )
const detailOf = async (calls: readonly object[], by = caller()) =>
  (await prepare(calls, {}, by)).simulation.findings?.find(({ code }) => code === 'first-recipient')?.detail

async function settle(intentId: string) {
  const { operationId } = await engine.execute(intentId)
  await world.a.mine(2)
  await engine.driver.drive(operationId)
  return engine.get(operationId)
}

describe('C7: several payments and calls in one transaction', () => {
  it('C7, R8: pays each of them exactly, and counts as one operation of so many calls', async () => {
    const balances = () => Promise.all([NEW, PAYROLL, TIP_JAR, MULTICALL3].map(world.a.balance))
    const [, payroll = 0n, jar = 0n] = await balances()
    const agent = await world.a.balance(AGENT)
    const intent = await prepare([
      { to: NEW, amount: '1.5' },
      { to: 'payroll', amount: '0.000000000000000001' },
      { ...tip, amount: '0.25' },
    ])
    expect(intent).toMatchObject({
      to: MULTICALL3,
      amount: { raw: '1750000000000000001', symbol: 'ETH' },
      batch: { calls: 3 },
    })
    expect(intent).not.toHaveProperty('function')
    expect(intent.simulation.effects.map(({ from, to, amount }) => [from, to, amount.raw])).toEqual([
      [AGENT, MULTICALL3, '1750000000000000001'],
      [MULTICALL3, NEW, '1500000000000000000'],
      [MULTICALL3, PAYROLL, '1'],
      [MULTICALL3, TIP_JAR, '250000000000000000'],
    ])
    expect(await world.a.balance(AGENT)).toBe(agent)

    const operation = await settle(intent.intentId)
    expect(operation).toMatchObject({
      state: 'committed',
      steps: [{ calls: 3, to: MULTICALL3, amount: { display: '1.750000000000000001' } }],
    })
    expect(await balances()).toEqual([1_500000000000000000n, payroll + 1n, jar + 250000000000000000n, 0n])
    const fee = BigInt(operation.steps[0]?.feePaid?.raw ?? 0)
    expect(agent - (await world.a.balance(AGENT))).toBe(1_750000000000000001n + fee)
    expect((await engine.list()).operations).toMatchObject([{ calls: 3, to: MULTICALL3 }])
  })

  it('a single payment says nothing of calls', async () => {
    const intent = await engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: 'single' })
    expect(intent).not.toHaveProperty('batch')
    expect((await settle(intent.intentId)).steps[0]).not.toHaveProperty('calls')
    expect((await engine.list()).operations[0]).not.toHaveProperty('calls')
  })

  it('T18: when one call fails nothing is prepared, and the error names the call and says why', async () => {
    const before = await world.a.balance(MERCHANT)
    await expect(
      prepare([{ to: 'merchant', amount: '1' }, { to: 'payroll', amount: '1' }, tip]),
    ).rejects.toMatchObject({
      code: 'simulation_reverted',
      context: {
        reason: expect.stringMatching(new RegExp(`^calls\\[2\\] to ${TIP_JAR}, with a reason string`)),
      },
      quoted: { untrusted: 'TipJar: a tip needs value' },
      sideEffect: 'none',
    })
    // A contract that takes no payment, first of two that would fail.
    await expect(prepare([{ to: TIP_JAR, amount: '1' }, tip])).rejects.toMatchObject({
      context: {
        reason: expect.stringMatching(/^calls\[0\] .*without a reason; in a batch the caller is Multicall3/),
      },
    })
    expect(await world.a.balance(MERCHANT)).toBe(before)
  })

  it('R1: what began to fail after it was prepared is not signed, and the error names the call', async () => {
    const shop = tokenAt(700)
    await world.a.ask('anvil_setCode', shop, compile('contract Subject { receive() external payable {} }'))
    const { intentId } = await prepare([
      { to: 'merchant', amount: '1' },
      { to: shop, amount: '1' },
    ])
    await world.a.ask(
      'anvil_setCode',
      shop,
      compile('contract Subject { receive() external payable { revert("closed"); } }'),
    )
    const before = await world.a.balance(MERCHANT)
    await expect(engine.execute(intentId)).rejects.toMatchObject({
      code: 'simulation_reverted',
      context: { reason: expect.stringMatching(new RegExp(`^calls\\[1\\] to ${shop}`, 'i')) },
      quoted: { untrusted: 'closed' },
      sideEffect: 'none',
    })
    expect(await world.a.balance(MERCHANT)).toBe(before)
    expect(engine.rows('select count(*) as n from attempts')).toEqual([{ n: 0 }])
  })

  it('T18: names the call that fails after a payment that waits, which a node alone would not see fail', async () => {
    const once = tokenAt(701)
    await world.a.ask(
      'anvil_setCode',
      once,
      compile(`contract Subject { bool used;
        function use() external payable { require(!used, "used up"); used = true; } }`),
    )
    const use = { to: once, function: 'use()' }
    const { intentId } = await engine.prepare({ ...use, idempotencyKey: `use ${key++}` })
    const { operationId } = await engine.execute(intentId)
    await expect(prepare([{ to: 'merchant', amount: '1' }, use])).rejects.toMatchObject({
      context: { reason: expect.stringMatching(/^calls\[1\]/) },
      quoted: { untrusted: 'used up' },
    })
    await world.a.mine(2)
    await engine.driver.drive(operationId)
  })

  it('R5: the amounts of all calls count together: for the cap, and for what there is', async () => {
    const capped = start({ caps: [{ chain: '*', asset: 'native', max: '1' }] })
    const half = { to: 'merchant', amount: '0.5' }
    const little = { to: 'payroll', amount: '0.000000000000000001' }
    try {
      const all = { wallet: 'agent', idempotencyKey: 'at the cap' }
      await expect(capped.prepare({ ...all, calls: [half, half] })).resolves.toMatchObject({
        status: 'ready',
      })
      await expect(
        capped.prepare({ ...all, calls: [half, half, little], idempotencyKey: 'above it' }),
      ).rejects.toMatchObject({ code: 'policy_denied', context: { rule: 'per-transaction-cap' } })
    } finally {
      await capped.stop()
    }
    await expect(
      prepare([
        { to: 'merchant', amount: '6000' },
        { to: 'payroll', amount: '6000' },
      ]),
    ).rejects.toMatchObject({
      code: 'insufficient_funds',
      context: { needed: expect.stringMatching(/^12000\./) },
    })
  })

  it('R5: is held together while it is in flight, and can be sped up', async () => {
    const { intentId } = await prepare([
      { to: 'merchant', amount: '1' },
      { to: 'payroll', amount: '2' },
    ])
    const { operationId } = await engine.execute(intentId)
    const held = "select raw from reservations where kind = 'spend' and state = 'held'"
    expect(engine.rows(held)).toEqual([{ raw: '3000000000000000000' }])
    const before = await world.a.balance(MERCHANT)
    await engine.execute((await engine.replace({ operation: operationId, kind: 'speed_up' })).intentId)
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'committed', steps: [{ calls: 2 }] })
    expect((await world.a.balance(MERCHANT)) - before).toBe(1_000000000000000000n)
  })

  it('C6: has the gas that it needs, whatever larger ones used before', async () => {
    const of = (size: number) => Array.from({ length: size }, () => ({ to: 'merchant', amount: '0.001' }))
    await settle((await prepare(of(30))).intentId)
    const { gasLimit, simulation } = await prepare(of(2))
    // A fifth on top of the estimate, which is a little above what is used.
    expect(BigInt(gasLimit) * 4n).toBeLessThan(BigInt(simulation.gasUsed) * 5n)
  })

  it('shows each of fifty recipients', async () => {
    const to = (n: number): Hex => `0x${(0xba7c1000 + n).toString(16).padStart(40, '0')}`
    const calls = Array.from({ length: 50 }, (_, n) => ({ to: to(n), amount: `0.0${n + 10}` }))
    const { simulation, batch } = await prepare(calls)
    expect(batch).toMatchObject({ calls: 50 })
    const paid = simulation.effects.filter(({ from }) => from === MULTICALL3)
    expect(paid.map((effect) => [effect.to.toLowerCase(), effect.amount.display.replace(/0$/, '')])).toEqual(
      calls.map(({ to: recipient, amount }) => [recipient, amount.replace(/0$/, '')]),
    )
    expect(simulation).not.toHaveProperty('moreEffects')
  })
})

describe('R3: the key of a batch', () => {
  const calls = [
    { to: 'merchant', amount: '0.1' },
    { to: 'payroll', amount: '0.2' },
  ]

  it('R3: stands for the same calls in the same order, a wallet by whatever name', async () => {
    const { intentId } = await prepare(calls, { idempotencyKey: 'order' })
    const named = [{ to: MERCHANT, amount: '0.1' }, calls[1] as object]
    expect((await prepare(named, { idempotencyKey: 'order' })).intentId).toBe(intentId)
    await expect(prepare([...calls].reverse(), { idempotencyKey: 'order' })).rejects.toMatchObject({
      code: 'idempotency_conflict',
      context: { differs: ['calls'] },
    })
    await expect(
      engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: 'order' }),
    ).rejects.toMatchObject({ code: 'idempotency_conflict' })
  })

  it('R3: executed, answers with what was executed', async () => {
    const { intentId } = await prepare(calls, { idempotencyKey: 'twice' })
    const before = await world.a.balance(PAYROLL)
    await settle(intentId)
    const again = await prepare(calls, { idempotencyKey: 'twice' })
    expect(again).toMatchObject({ intentId, status: 'executed', batch: { calls: 2 } })
    await engine.execute(intentId)
    await world.a.mine()
    expect((await world.a.balance(PAYROLL)) - before).toBe(200000000000000000n)
  })
})

describe('D2: somebody whom a batch pays for the first time', () => {
  it('is told by the number of the call, until a payment is in a block, alone or in a batch', async () => {
    const calls = [
      { to: 'merchant', amount: '0.1' },
      { to: 'agent', amount: '0.1' },
      { to: 'payroll', amount: '0.1' },
      { to: 'merchant', amount: '0.2' },
    ]
    expect(await detailOf(calls)).toBe(
      `${AGENT} has paid nothing to the recipients of calls[0, 2, 3] before, as far as the journal knows`,
    )
    await settle((await engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: 'alone' })).intentId)
    expect(await detailOf(calls)).toContain('the recipients of calls[2] before')
    await settle((await prepare(calls)).intentId)
    expect(await detailOf(calls)).toBeUndefined()
    expect(await codes({ to: 'payroll', amount: '0.1' })).toEqual([])
    expect(await detailOf(calls, caller('another'))).toContain('calls[0, 2, 3]')
  })

  it('is not known from a batch that is not in a block', async () => {
    const calls = [
      { to: 'merchant', amount: '0.1' },
      { to: 'payroll', amount: '0.1' },
    ]
    const { operationId } = await engine.execute((await prepare(calls)).intentId)
    expect(await codes({ to: 'payroll', amount: '0.1' })).toContain('first-recipient')
    await world.a.mine()
    await engine.driver.drive(operationId)
    expect(await codes({ to: 'payroll', amount: '0.1' })).not.toContain('first-recipient')
  })

  it('is nobody who is only called', async () => {
    const touch = { to: USDC, function: 'balanceOf(address)', args: [AGENT] }
    expect(await detailOf([touch, touch])).toBeUndefined()
  })
})

it('a journal of the version before learns of batches, with an operation in flight', async () => {
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: 'before' })
  const { operationId } = await engine.execute(intentId)
  const { path, clock } = engine
  await engine.stop()
  putBackBefore('0005Batches', path)
  engine = start({ clock })
  await world.a.mine(2)
  await engine.driver.drive(operationId)
  expect(await engine.get(operationId)).toMatchObject({ state: 'committed' })
  const { intentId: batch } = await prepare([
    { to: 'merchant', amount: '0.1' },
    { to: 'payroll', amount: '0.1' },
  ])
  expect(await settle(batch)).toMatchObject({ state: 'committed', steps: [{ calls: 2 }] })
})
