import { type Hex, pad, toHex } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FlagStore } from '../../../src/store/flags/flags.ts'
import { type Engine, startEngine, startWorld, takeOver, type World } from '../../support/engine.ts'
import { withoutMethods } from '../../support/missingMethods.ts'
import { putBackBefore } from '../../support/olderJournals.ts'
import { compile, tokenAt } from '../../support/tokens.ts'

let world: World
let engine: Engine
let key = 0

const WORKER = tokenAt(83)
const CALL = { to: WORKER, function: 'work()' }
const WORK = '0x322e9f04'

beforeAll(async () => {
  world = await startWorld()
  // So many rounds as its first slot says; each writes a slot that was never written, some 22,000 gas.
  const code = compile(`contract Subject {
    uint256 rounds; bool idle; mapping(uint256 => uint256) slots; uint256 next;
    function work() external {
      for (uint i = 0; i < rounds; i++) slots[++next] = 1;
      if (idle) revert("idle");
    }
  }`)
  await world.a.ask('anvil_setCode', WORKER, code)
  await set(3, 1)
})
afterAll(() => world.stop())
beforeEach(async () => {
  engine = startEngine({ lanes: [world.a] })
  world.a.proxy.reset()
  await Promise.all([rounds(1), set(1, 0)])
  return () => engine.stop()
})

const word = (value: number): Hex => pad(toHex(value), { size: 32 })
const set = (slot: number, value: number) =>
  world.a.ask('anvil_setStorageAt', WORKER, word(slot), word(value))
const rounds = (count: number) => set(0, count)

const prepare = (request: object = CALL) => engine.prepare({ ...request, idempotencyKey: `lesson ${key++}` })

/** Paid, final, and what was told of it before. */
async function pay(request: object = CALL) {
  engine.clock.advance(1_000)
  const intent = await prepare(request)
  const { operationId } = await engine.execute(intent.intentId)
  await world.a.mine(2)
  await engine.driver.drive(operationId)
  return { ...intent, ...(await engine.get(operationId)) }
}

async function payTimes(times: number) {
  for (let time = 0; time < times; time++) expect((await pay()).state).toBe('committed')
}

const uses = () => engine.rows('select selector, gas_used, gas_limit, succeeded from gas_uses order by at')
const limitOf = ({ gasLimit }: { readonly gasLimit: string }) => Number(gasLimit)

describe('E2: the gas limit', () => {
  it('is the estimate and a fifth while calls of its kind use the same, and is surer with each of them', async () => {
    const first = await pay()
    expect(first.gasLimitBasis).toEqual({ source: 'estimate', confidence: 'medium' })
    await payTimes(8)
    const tenth = await pay()
    expect(tenth.gasLimitBasis).toEqual({ source: 'estimate', confidence: 'medium' })
    const next = await prepare()
    expect(next.gasLimitBasis).toEqual({ source: 'estimate', confidence: 'high' })
    expect([first.gasLimit, tenth.gasLimit, next.gasLimit]).toEqual(['63430', '63430', '63430'])
    expect(uses()).toHaveLength(10)
    expect(uses()[9]).toEqual({ selector: WORK, gas_used: '52858', gas_limit: '63430', succeeded: 1 })
    // F5: switched off, it goes by the estimate alone.
    await new FlagStore(engine.journal).stop('learned-gas-limits', 'wrong lessons')
    expect((await prepare()).gasLimitBasis).toEqual({ source: 'estimate', confidence: 'medium' })
  })

  it('covers the worst of the last uses, and the call passes that turns out like that one', async () => {
    await rounds(3)
    const worst = await pay()
    await rounds(2)
    const intent = await prepare()
    expect(intent.gasLimitBasis).toEqual({ source: 'learned', confidence: 'medium' })
    expect(intent.gasLimit).toBe(worst.gasLimit)
    const { operationId } = await engine.execute(intent.intentId)
    // What the estimate knew has changed by the time that it is included.
    await rounds(3)
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'committed', steps: [{ state: 'final' }] })
  })

  it('is never more than twice the estimate, whatever a contract once burnt', async () => {
    await rounds(40)
    const burnt = await pay()
    await rounds(1)
    const after = await prepare()
    expect(limitOf(burnt)).toBeGreaterThan(1_000_000)
    expect(after).toMatchObject({
      gasLimit: '105716',
      gasLimitBasis: { source: 'learned', confidence: 'low' },
    })
  })

  it('learns nothing from what reverted, but is less sure after one that ran out of gas', async () => {
    await pay()
    for (const [planned, change, confidence] of [
      // It did three rounds before it reverted, and had gas for them.
      [3, () => set(1, 1), 'medium'],
      [1, () => rounds(9), 'low'],
    ] as const) {
      engine.clock.advance(1_000)
      await rounds(planned)
      const { intentId } = await prepare()
      const { operationId } = await engine.execute(intentId)
      await change()
      await world.a.mine(2)
      await engine.driver.drive(operationId)
      expect(await engine.get(operationId)).toMatchObject({ state: 'failed', steps: [{ state: 'reverted' }] })
      await set(1, 0)
      await rounds(1)
      expect(await prepare()).toMatchObject({
        gasLimit: '63430',
        gasLimitBasis: { source: 'estimate', confidence },
      })
    }
    expect(uses().map(({ succeeded }) => succeeded)).toEqual([1, 0, 0])
  })

  it('is what was learnt where no node estimates, once five uses are known', async () => {
    await payTimes(4)
    world.a.proxy.setFault(withoutMethods(['eth_estimateGas']))
    await expect(prepare()).rejects.toMatchObject({ code: 'simulation_unavailable' })
    world.a.proxy.setFault(undefined)
    await payTimes(1)
    world.a.proxy.setFault(withoutMethods(['eth_estimateGas']))
    const paid = await pay()
    expect(paid).toMatchObject({
      state: 'committed',
      gasLimit: '76116',
      gasLimitBasis: { source: 'learned', confidence: 'low' },
    })
  })

  it('R1: is not guessed where a node says that the call fails, whatever was learnt', async () => {
    await payTimes(5)
    await set(1, 1)
    world.a.proxy.reset()
    await expect(prepare()).rejects.toMatchObject({ code: 'simulation_reverted' })
    // It is looked at once, and not tried again with what others needed.
    expect(world.a.proxy.count('eth_getBalance')).toBe(1)
  })

  it('is tried in the first round trip by a process that has just started', async () => {
    const { gasLimit } = await pay()
    const other = startEngine({ lanes: [world.a], home: engine.home })
    await other.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: `lesson ${key++}` })
    world.a.proxy.reset()
    const intent = await other.prepare({ ...CALL, idempotencyKey: `lesson ${key++}` })
    expect(intent.gasLimit).toBe(gasLimit)
    // The two traces travel beside it.
    expect(world.a.proxy.roundTrips - world.a.proxy.count('debug_traceCall') / 2).toBe(1)
    await other.stop()
  })
})

describe('E2, E6: what the journal keeps', () => {
  it('is written when a payment is final, once, however often its block was reorganised away', async () => {
    const { intentId } = await prepare()
    const { operationId } = await engine.execute(intentId)
    await world.a.mine(1)
    await engine.driver.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ steps: [{ state: 'included' }] })
    expect(uses()).toEqual([])
    await world.a.ask('anvil_reorg', 1, [])
    await engine.driver.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ steps: [{ state: 'sent' }] })
    engine.clock.advance(5_000)
    expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ steps: [{ state: 'sent' }] })
    await world.a.mine(2)
    await takeOver(engine, [world.a], operationId)
    await engine.driver.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'committed' })
    expect(uses()).toHaveLength(1)
  })

  it('is what the node would have had it pay, how it was priced and how long it waited', async () => {
    const suggested = BigInt((await world.a.ask('eth_gasPrice')) as string)
    await pay({ ...CALL, urgency: 'fast' })
    await pay({ to: 'merchant', amount: '0.1' })
    expect(suggested).toBeGreaterThan(0n)
    expect(engine.rows('select contract, pace, waited, suggested from gas_uses order by at')).toMatchObject([
      { pace: 'fast', waited: 1, suggested: suggested.toString() },
      { contract: '', pace: 'standard', waited: 1 },
    ])
    world.a.proxy.setFault(withoutMethods(['eth_gasPrice']))
    expect((await pay()).state).toBe('committed')
    expect(engine.rows('select suggested from gas_uses order by at desc limit 1')).toEqual([
      { suggested: null },
    ])
  })

  it('takes a cancellation for no use of what it cancelled', async () => {
    const { intentId } = await prepare()
    const { operationId } = await engine.execute(intentId)
    const cancel = await engine.replace({ operation: operationId, kind: 'cancel' })
    await engine.execute(cancel.intentId)
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'failed', steps: [{ state: 'replaced' }] })
    expect(engine.rows('select contract, gas_used, suggested, pace, waited from gas_uses')).toEqual([
      { contract: '', gas_used: '21000', suggested: null, pace: null, waited: null },
    ])
  })

  it('begins with payments that a version before it has under way', async () => {
    const { intentId } = await prepare()
    const { operationId } = await engine.execute(intentId)
    await engine.journal.close()
    putBackBefore('0003GasUses', engine.path)
    await world.a.mine(2)
    expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ state: 'committed' })
    expect(engine.rows('select selector, suggested, pace, waited from gas_uses')).toEqual([
      { selector: WORK, suggested: null, pace: null, waited: 1 },
    ])
  })
})
