import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BursarError } from '../../../src/errors/bursarError.ts'
import type { AttemptRow, StepRow } from '../../../src/store/schema.ts'
import { Compensation } from '../../../src/transactions/recovering/compensation.ts'
import {
  AWKWARD,
  act,
  allowanceOf,
  finishOf,
  installAwkward,
  STRANGER,
  taking,
  tokenBalance,
} from '../../support/awkwardTokens.ts'
import { AGENT, type Engine, startEngine, startWorld, USDC, type World } from '../../support/engine.ts'
import { snapshot } from '../../support/snapshot.ts'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
  await installAwkward(world.a)
})
afterAll(() => world.stop())

beforeEach(async () => {
  world.a.proxy.reset()
  await world.a.mine()
  const restore = await snapshot(world.a)
  engine = startEngine({ lanes: [world.a], othersBroadcastMs: 300 })
  return async () => {
    await engine.stop()
    await restore()
  }
})

const { taker } = AWKWARD
const agent = AGENT

const finish = (operationId: string) => finishOf(world.a, engine, operationId)

describe('C8: a payment whose approval was sent and that does not happen', () => {
  /** The approval is out, and nothing of the call: the process died in between, and the contract has closed since. */
  async function approvedOnly(): Promise<string> {
    const { intentId } = await engine.prepare(taking(USDC, '25'))
    const broadcasts = engine.broadcaster.broadcast.bind(engine.broadcaster)
    let sends = 0
    engine.broadcaster.broadcast = async (...given) => {
      const result = await broadcasts(...given)
      // As if the process were gone: nothing after the first answer is recorded.
      if (++sends === 1) throw new Error('killed')
      return result
    }
    const { operationId } = await engine.execute(intentId)
    engine.broadcaster.broadcast = broadcasts
    expect(engine.rows('select role, state from steps order by position')).toEqual([
      { role: 'approval', state: 'signed' },
      { role: 'pivot', state: 'queued' },
    ])
    return operationId
  }

  it('C5: goes on after a restart while its intent lasts', async () => {
    const operationId = await approvedOnly()
    expect(await finish(operationId)).toMatchObject({ state: 'committed' })
    expect(await tokenBalance(world.a, USDC, taker)).toBe(25_000_000n)
  })

  it('is given up when it expires, and its approval is taken back', async () => {
    const operationId = await approvedOnly()
    engine.clock.advance(601_000)
    expect(await finish(operationId)).toMatchObject({
      state: 'compensated',
      sideEffect: 'done',
      steps: [
        { role: 'approval', state: 'final' },
        { state: 'failed', note: 'it was not signed before its intent expired', attempts: [] },
        { role: 'undo', to: USDC, state: 'final' },
      ],
      next: expect.stringContaining(
        'did not happen: its note says why. The approval that was made for it is taken back',
      ),
    })
    expect(await allowanceOf(world.a, USDC, agent, taker)).toBe(0n)
    expect(await tokenBalance(world.a, USDC, taker)).toBe(0n)
    expect(engine.rows("select state from reservations where state = 'held'")).toEqual([])
    expect((await engine.list({ state: 'compensated' })).operations).toMatchObject([
      { operationId, to: taker },
    ])
  })

  it('is refused when it would fail by now, and its approval is taken back', async () => {
    const operationId = await approvedOnly()
    await act(world.a, STRANGER, taker, 'close', true)
    await engine.driver.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'running' })
    expect(await finish(operationId)).toMatchObject({
      state: 'compensated',
      steps: [
        {},
        { state: 'failed', note: expect.stringContaining('revert') },
        { role: 'undo', state: 'final' },
      ],
    })
    expect(await allowanceOf(world.a, USDC, agent, taker)).toBe(0n)
  })

  it('F5: two processes take it back once', async () => {
    const operationId = await approvedOnly()
    engine.clock.advance(601_000)
    await engine.driver.drive(operationId)
    await world.a.mine(2)
    const others = [1, 2].map(() => startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock }))
    await Promise.all(others.map(({ driver }) => driver.drive(operationId)))
    await Promise.all(others.map((other) => other.stop()))
    expect(engine.rows("select role from steps where role = 'undo'")).toEqual([{ role: 'undo' }])
    expect(await finish(operationId)).toMatchObject({ state: 'compensated' })
  })

  it('F16: what has ended stays as it is while its operation goes on, whoever was paused over it', async () => {
    const operationId = await approvedOnly()
    const pivot = async () => (await engine.operations.find(operationId))?.steps[1]
    engine.clock.advance(601_000)
    await engine.driver.drive(operationId)
    const step = (await pivot())?.step as StepRow
    expect(step).toMatchObject({ state: 'failed', ended: 1 })
    expect(await engine.get(operationId)).toMatchObject({ state: 'running' })
    const late = engine.steps.recordAttempt(step, 99n, { raw: '0x', hash: '0x' }, { receipt: '{}' })
    await expect(late).rejects.toMatchObject({ code: 'receipt_refused' })
    await finish(operationId)

    const reverting = await engine.prepare({ ...taking(USDC, '1'), idempotencyKey: 'reverting' })
    const { operationId: reverted } = await engine.execute(reverting.intentId)
    await world.a.ask('anvil_setStorageAt', taker, `0x${'0'.repeat(64)}`, `0x${'0'.repeat(63)}1`)
    await world.a.mine(2)
    await engine.driver.drive(reverted)
    const record = await engine.operations.find(reverted)
    expect(record).toMatchObject({
      operation: { state: 'running' },
      steps: [{}, { step: { state: 'reverted' } }, {}],
    })
    await engine.steps.reorganised(record?.steps[1]?.attempts[0] as AttemptRow)
    expect((await engine.operations.find(reverted))?.steps[1]?.step).toEqual(record?.steps[1]?.step)
  })

  it('C9: that waits for lower fees is given up, or cancelled, whole and without a transaction', async () => {
    const waiting = async (idempotencyKey: string) => {
      const request = { ...taking(USDC, '25'), maxFeeGwei: '0.000001', waitHours: 1, idempotencyKey }
      const { operationId, steps } = await engine.execute((await engine.prepare(request)).intentId)
      expect(steps.map(({ state: at }) => at)).toEqual(['queued', 'queued'])
      return operationId
    }
    const cancelled = await waiting('to be cancelled')
    await engine.replace({ operation: cancelled, kind: 'cancel' })
    expect(await engine.get(cancelled)).toMatchObject({
      state: 'failed',
      sideEffect: 'none',
      next: expect.stringContaining('Nothing was signed'),
    })
    const expired = await waiting('to expire')
    engine.clock.advance(3_601_000)
    await engine.driver.drive(expired)
    const note = 'it was not signed before its intent expired'
    expect(await engine.get(expired)).toMatchObject({
      state: 'failed',
      steps: [
        { state: 'failed', note },
        { state: 'failed', note: 'what it needs did not happen' },
      ],
    })
    expect(engine.rows('select * from attempts')).toEqual([])
    expect(engine.rows("select * from reservations where state = 'held'")).toEqual([])
  })

  it('reverts on the chain, and its approval is taken back', async () => {
    const { intentId } = await engine.prepare(taking(USDC, '25'))
    const { operationId } = await engine.execute(intentId)
    // It comes first in the block that has both.
    await world.a.ask('anvil_setStorageAt', taker, `0x${'0'.repeat(64)}`, `0x${'0'.repeat(63)}1`)
    expect(await finish(operationId)).toMatchObject({
      state: 'compensated',
      steps: [{ state: 'final' }, { state: 'reverted' }, { role: 'undo', state: 'final' }],
      next: expect.stringMatching(/^The payment was included and reverted. .* its spender may take nothing/),
    })
    expect(await allowanceOf(world.a, USDC, agent, taker)).toBe(0n)
  })

  it('R14: cannot take its approval back now: the operation is stuck, says so, and goes on trying', async () => {
    const operationId = await approvedOnly()
    engine.clock.advance(601_000)
    await world.a.mine(2)
    const balance = await world.a.balance(agent)
    await world.a.ask('anvil_setBalance', agent, '0x1')
    expect(await finish(operationId)).toMatchObject({
      state: 'stuck',
      steps: [
        { role: 'approval', state: 'final', note: expect.stringMatching(/^it stands: .*(funds|short)/) },
        { state: 'failed', note: 'it was not signed before its intent expired' },
      ],
      next: expect.stringContaining('still stands'),
    })
    expect(await allowanceOf(world.a, USDC, agent, taker)).toBe(25_000_000n)
    await world.a.ask('anvil_setBalance', agent, `0x${balance.toString(16)}`)
    const done = await finish(operationId)
    expect(done).toMatchObject({ state: 'compensated' })
    // What stood does not stand any more, and why the payment did not happen is told for good.
    expect(done.steps.map(({ note }) => note)).toEqual([
      undefined,
      'it was not signed before its intent expired',
      undefined,
    ])
    expect(await allowanceOf(world.a, USDC, agent, taker)).toBe(0n)
  })

  it('F16: who looked before it was taken back adds nothing to what has ended, and calls nothing stuck', async () => {
    const operationId = await approvedOnly()
    engine.clock.advance(601_000)
    const seen = async () => {
      const record = await engine.operations.find(operationId)
      if (!record) throw new Error('begun')
      return record
    }
    await finish(operationId)
    const record = await seen()
    expect(record.operation.state).toBe('compensated')
    // Its operation was read a moment before it ended.
    const stale = { ...record, operation: { ...record.operation, state: 'running' as const } }
    const compensation = new Compensation({ ...engine, directory: engine.directory })
    expect(await compensation.begin(stale, new AbortController().signal)).toBe(true)
    await engine.steps.standing(record.steps[0]?.step.id ?? '', 'a stale look')
    expect(await seen()).toEqual(record)
    expect(engine.rows("select * from reservations where state = 'held'")).toEqual([])
  })

  it('whose revocation fails on the chain again and again: it is not tried for ever, and that is said', async () => {
    const token = AWKWARD.reset
    await act(world.a, STRANGER, token, 'mint', agent, 100_000_000n)
    const code = await world.a.ask('eth_getCode', token, 'latest')
    const { intentId } = await engine.prepare(taking(token, '25'))
    const { operationId } = await engine.execute(intentId)
    await world.a.ask('anvil_setStorageAt', taker, `0x${'0'.repeat(64)}`, `0x${'0'.repeat(63)}1`)
    for (let tries = 0; tries < 5; tries++) {
      await world.a.mine(2)
      await engine.driver.drive(operationId)
      // It passes when it is simulated, and fails in its block.
      await world.a.ask('anvil_setCode', token, '0xfe')
      await world.a.mine(2)
      await world.a.ask('anvil_setCode', token, code)
    }
    const stands = await engine.get(operationId)
    expect(stands).toMatchObject({
      state: 'stuck',
      steps: [
        { note: 'it stands: it could not be taken back (its revocation failed 3 times)' },
        { state: 'reverted' },
        ...[1, 2, 3].map(() => ({ role: 'undo', state: 'reverted' })),
      ],
      next: expect.stringContaining('Bursar tries no more'),
    })
    expect(stands.steps).toHaveLength(5)
    expect(await allowanceOf(world.a, token, agent, taker)).toBe(25_000_000n)
  })

  it('T11: whose token wants more than the fee for taking it back: it stands, and nothing is tried in circles', async () => {
    const token = AWKWARD.toll
    await act(world.a, STRANGER, token, 'mint', agent, 100_000_000n)
    const { intentId } = await engine.prepare(taking(token, '25'))
    const { operationId } = await engine.execute(intentId)
    await world.a.ask('anvil_setStorageAt', taker, `0x${'0'.repeat(64)}`, `0x${'0'.repeat(63)}1`)
    await world.a.mine()
    await act(world.a, STRANGER, token, 'mint', token, 1n)
    expect(await finish(operationId)).toMatchObject({
      state: 'stuck',
      steps: [
        { note: expect.stringMatching(/^it stands: it could not be taken back/) },
        { state: 'reverted' },
      ],
    })
    expect(engine.rows("select id from steps where role = 'undo'")).toEqual([])
    expect(await tokenBalance(world.a, token, agent)).toBe(100_000_000n)
  })

  it('whose revocation is refused before it is signed: it is made once a drive, and again at the next one', async () => {
    const { intentId } = await engine.prepare(taking(USDC, '25'))
    const { operationId } = await engine.execute(intentId)
    await world.a.ask('anvil_setStorageAt', taker, `0x${'0'.repeat(64)}`, `0x${'0'.repeat(63)}1`)
    await world.a.mine(2)
    const readmit = engine.operations.readmit.bind(engine.operations)
    engine.operations.readmit = async ({ chain }) => {
      throw new BursarError('simulation_reverted', { reason: 'not now' }, { chain })
    }
    await engine.driver.drive(operationId)
    await engine.driver.drive(operationId)
    const undone = "select state, note from steps where role = 'undo'"
    const refused = { state: 'failed', note: expect.stringContaining('not now') }
    expect(engine.rows(undone)).toEqual([refused, refused])
    engine.operations.readmit = readmit
    expect(await finish(operationId)).toMatchObject({ state: 'compensated' })
    expect(await allowanceOf(world.a, USDC, agent, taker)).toBe(0n)
  })

  it('is cancelled at its nonce, and its approval is taken back', async () => {
    const { intentId } = await engine.prepare(taking(USDC, '25'))
    const { operationId, steps } = await engine.execute(intentId)
    const cancel = await engine.replace({ operation: operationId, kind: 'cancel' })
    expect(cancel.replaces.nonce).toBe(steps[1]?.nonce)
    await engine.execute(cancel.intentId)
    expect(await finish(operationId)).toMatchObject({
      state: 'compensated',
      steps: [{ state: 'final' }, { state: 'replaced' }, { role: 'undo', state: 'final' }],
    })
    expect(await tokenBalance(world.a, USDC, taker)).toBe(0n)
    expect(await allowanceOf(world.a, USDC, agent, taker)).toBe(0n)
  })

  it('the approval that others wait behind is sped up first', async () => {
    const { intentId } = await engine.prepare(taking(USDC, '25'))
    const { operationId, steps } = await engine.execute(intentId)
    const faster = await engine.replace({ operation: operationId, kind: 'speed_up' })
    expect(faster).toMatchObject({ to: USDC, replaces: { nonce: steps[0]?.nonce } })
    await engine.execute(faster.intentId)
    const done = await finish(operationId)
    expect(done).toMatchObject({ state: 'committed' })
    expect(done.steps.map(({ attempts }) => attempts.length)).toEqual([2, 1])
  })
})
