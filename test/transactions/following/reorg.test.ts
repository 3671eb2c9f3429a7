import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Engine, MERCHANT, startEngine, startWorld, takeOver, type World } from '../../support/engine.ts'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

beforeEach(async () => {
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a] })
  // Reorganisations must not reach back to what other tests did.
  await world.a.mine(5)
  return () => engine.stop()
})

const sent = () => world.a.proxy.calls.filter(({ method }) => method === 'eth_sendRawTransaction')

/** As a process that did not send the bytes itself, and so need not wait before sending them again. */
const driveAfresh = (operationId: string) => takeOver(engine, [world.a], operationId)

async function pay(idempotencyKey: string) {
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.3', idempotencyKey })
  return (await engine.execute(intentId)).operationId
}

for (const [name, undo] of [
  ['anvil_reorg', () => world.a.ask('anvil_reorg', 1, [])],
  ['anvil_rollback', () => world.a.ask('anvil_rollback', 1)],
] as const) {
  it(`F9: a block undone by ${name} takes the status back, the same bytes go out again, one payment`, async () => {
    const before = await world.a.balance(MERCHANT)
    const operationId = await pay(name)
    await world.a.mine()
    expect(await driveAfresh(operationId)).toMatchObject({
      sideEffect: 'done',
      steps: [{ state: 'included', confirmations: 1, requiredConfirmations: 2 }],
    })
    await undo()
    expect(await world.a.balance(MERCHANT)).toBe(before)
    expect(await driveAfresh(operationId)).toMatchObject({
      state: 'running',
      sideEffect: 'possible',
      steps: [{ state: 'sent', confirmations: 0 }],
    })
    expect(sent()).toHaveLength(2)
    expect(sent()[1]?.params).toEqual(sent()[0]?.params)
    expect(engine.rows("select count(*) as held from reservations where state = 'held'")).toEqual([
      { held: 2 },
    ])
    await world.a.mine(2)
    expect(await driveAfresh(operationId)).toMatchObject({ state: 'committed', sideEffect: 'done' })
    expect((await world.a.balance(MERCHANT)) - before).toBe(300_000_000_000_000_000n)
    expect(engine.rows('select count(*) as attempts from attempts')).toEqual([{ attempts: 1 }])
  })
}

it('F9: a payment that a reorganisation moves to another block is followed there', async () => {
  const before = await world.a.balance(MERCHANT)
  const operationId = await pay('moved')
  const raw = sent()[0]?.params[0]
  await world.a.mine()
  const first = await driveAfresh(operationId)
  await world.a.ask('anvil_reorg', 1, [[raw, 0]])
  const second = await driveAfresh(operationId)
  expect(second.steps[0]).toMatchObject({ state: 'included', confirmations: 1 })
  expect(second.steps[0]?.includedIn?.hash).not.toBe(first.steps[0]?.includedIn?.hash)
  await world.a.mine()
  expect(await driveAfresh(operationId)).toMatchObject({ state: 'committed' })
  expect(sent()).toHaveLength(1)
  expect((await world.a.balance(MERCHANT)) - before).toBe(300_000_000_000_000_000n)
})

it('R14: a transaction that is included and reverts is told as such: gas was paid and nothing moved', async () => {
  // The jar has the money when it is simulated and not when it is mined.
  const jar = '0x225FEF2B544DEbcA5D2833CdA879E16cA1458163'
  await world.a.ask('anvil_setBalance', jar, '0xde0b6b3a7640000')
  const { intentId } = await engine.prepare({
    wallet: 'merchant',
    to: jar,
    function: 'withdraw(address,uint256)',
    args: [MERCHANT, '1000000000000000000'],
    idempotencyKey: 'reverts when mined',
  })
  const { operationId } = await engine.execute(intentId)
  await world.a.ask('anvil_setBalance', jar, '0x0')
  await world.a.mine()
  expect(await driveAfresh(operationId)).toMatchObject({
    state: 'running',
    sideEffect: 'done',
    steps: [{ state: 'reverted' }],
  })
  await world.a.mine()
  const ended = await driveAfresh(operationId)
  expect(ended).toMatchObject({ state: 'failed', sideEffect: 'done', steps: [{ state: 'reverted' }] })
  expect(BigInt(ended.steps[0]?.feePaid?.raw ?? 0)).toBeGreaterThan(0n)
})
