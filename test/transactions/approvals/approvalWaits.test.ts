import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Engine, MERCHANT, startEngine, startWorld, type World } from '../../support/engine.ts'
import { approveAs, refusalOf, writeJournal } from '../../support/people.ts'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(async () => {
  world.a.proxy.reset()
  engine = start('1')
  await baseFee(50_000_000_000)
  return () => engine.stop()
})

function start(max: string, on?: Engine): Engine {
  const shared = on && { home: on.home, clock: on.clock }
  return startEngine({ lanes: [world.a], approvalAbove: [{ chain: '*', asset: 'native', max }], ...shared })
}

/** The next block has this base fee, and so, about, has the one after it. */
async function baseFee(wei: number): Promise<void> {
  await world.a.ask('anvil_setNextBlockBaseFeePerGas', `0x${wei.toString(16)}`)
  await world.a.mine()
}

const sent = () => world.a.proxy.count('eth_sendRawTransaction')
const request = { to: MERCHANT, amount: '2', maxFeeGwei: '2', waitHours: 3, idempotencyKey: 'cheap' }

/** Driven on by another process, under a threshold of its own. */
async function driveOn(operationId: string, max: string) {
  const other = start(max, engine)
  await other.driver.drive(operationId)
  const view = await other.get(operationId)
  await other.stop()
  return view
}

describe('F4, C9: a payment that waits for lower fees', () => {
  it('is approved before it is queued, and signed when they fit, however long that takes', async () => {
    const { intentId, status } = await engine.prepare(request)
    expect(status).toBe('needs_approval')
    expect((await refusalOf(engine.execute(intentId))).code).toBe('approval_needed')
    await approveAs(engine, intentId)
    const { operationId, steps } = await engine.execute(intentId)
    expect(steps[0]?.state).toBe('queued')
    engine.clock.advance(2 * 3_600_000)
    expect(sent()).toBe(0)
    const before = await world.a.balance(MERCHANT)
    await baseFee(1_000_000_000)
    expect(await driveOn(operationId, '1')).toMatchObject({ steps: [{ state: 'sent' }] })
    await world.a.mine(2)
    expect(await world.a.balance(MERCHANT)).toBe(before + 2_000000000000000000n)
  })

  it('stays approved when the operator has changed the policy meanwhile', async () => {
    const { intentId } = await engine.prepare(request)
    await approveAs(engine, intentId)
    const { operationId } = await engine.execute(intentId)
    await baseFee(1_000_000_000)
    expect(await driveOn(operationId, '1.5')).toMatchObject({ steps: [{ state: 'sent' }] })
    expect(sent()).toBe(1)
  })

  it('T24: is given up unsigned when its approval was used for another operation', async () => {
    const { intentId } = await engine.prepare(request)
    await approveAs(engine, intentId)
    const loose = start('5', engine)
    const { operationId } = await loose.execute(intentId)
    await loose.stop()
    const small = await engine.prepare({ to: MERCHANT, amount: '0.1', idempotencyKey: 'small' })
    const { operationId: other } = await engine.execute(small.intentId)
    writeJournal(engine.path, `update approvals set state = 'used', operation_id = '${other}'`)
    await baseFee(1_000_000_000)
    expect(await driveOn(operationId, '1')).toMatchObject({
      state: 'failed',
      steps: [{ note: expect.stringContaining('a person has to approve it') }],
    })
    // The small one alone.
    expect(sent()).toBe(1)
  })

  it('is given up unsigned when by then it needs an approval that it was begun without', async () => {
    const loose = start('5', engine)
    const { intentId } = await loose.prepare(request)
    const { operationId } = await loose.execute(intentId)
    await loose.stop()
    await baseFee(1_000_000_000)
    expect(await driveOn(operationId, '1')).toMatchObject({
      state: 'failed',
      steps: [{ note: expect.stringContaining('a person has to approve it') }],
    })
    expect(sent()).toBe(0)
  })
})
