import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import {
  AGENT,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  USDC,
  type World,
} from '../../support/engine.ts'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

beforeEach(async () => {
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a] })
  await world.a.mine()
  return () => engine.stop()
})

const call = (name: string, ...args: string[]) => {
  const types = { approve: 'address,uint256', transferFrom: 'address,address,uint256' }[name]
  return { to: USDC, function: `${name}(${types})`, args, idempotencyKey: `${name} ${args.join()}` }
}
const usdc = async (account: string) =>
  BigInt(
    (await world.a.ask(
      'eth_call',
      { to: USDC, data: `0x70a08231${account.slice(2).padStart(64, '0')}` },
      'latest',
    )) as string,
  )

it('a payment that only works after one that waits is prepared, judged and sent while that one waits', async () => {
  const before = await usdc(MERCHANT)
  const spending = call('transferFrom', AGENT, MERCHANT, '5000000')
  await expect(engine.prepare(spending)).rejects.toMatchObject({ code: 'simulation_reverted' })
  const approval = await engine.prepare(call('approve', AGENT, '5000000'))
  const first = await engine.execute(approval.intentId)
  const intent = await engine.prepare(spending)
  expect(intent.simulation.effects).toMatchObject([
    { kind: 'transfer', from: AGENT, to: MERCHANT, amount: { raw: '5000000', symbol: 'USDC' } },
  ])
  const second = await engine.execute(intent.intentId)
  expect([first, second].map(({ steps }) => steps[0]?.state)).toEqual(['sent', 'sent'])
  await world.a.mine(2)
  for (const { operationId } of [first, second]) {
    await engine.driver.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'committed' })
  }
  expect((await usdc(MERCHANT)) - before).toBe(5_000_000n)
})

it('what was mined since the journal looked is not simulated a second time', async () => {
  await engine.execute((await engine.prepare(call('approve', AGENT, '7000000'))).intentId)
  const spent = await engine.prepare(call('transferFrom', AGENT, MERCHANT, '7000000'))
  const again = await engine.prepare(call('transferFrom', AGENT, MERCHANT, '6999999'))
  const { operationId } = await engine.execute(spent.intentId)
  await world.a.mine(2)
  // The journal learns of the second one only: were the approval simulated once more, there would be an allowance again.
  await engine.driver.drive(operationId)
  await expect(engine.execute(again.intentId)).rejects.toMatchObject({ code: 'simulation_reverted' })
})

it('F6: what waits to be cancelled is not counted on', async () => {
  const { operationId } = await engine.execute(
    (await engine.prepare(call('approve', AGENT, '9000000'))).intentId,
  )
  const cancel = await engine.replace({ operation: operationId, kind: 'cancel' })
  await engine.execute(cancel.intentId)
  await expect(engine.prepare(call('transferFrom', AGENT, MERCHANT, '9000000'))).rejects.toMatchObject({
    code: 'simulation_reverted',
  })
})

it('C2: a hundred payments of one account wait at once, each at its own nonce, and all are mined', async () => {
  const before = await world.a.balance(MERCHANT)
  const intents = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      engine.prepare({ to: 'merchant', amount: '0.001', idempotencyKey: `many ${index}` }),
    ),
  )
  const views = await Promise.all(intents.map(({ intentId }) => engine.execute(intentId)))
  const nonces = views.map(({ steps }) => Number(steps[0]?.nonce)).sort((a, b) => a - b)
  expect(nonces).toEqual(Array.from({ length: 100 }, (_, index) => (nonces[0] ?? 0) + index))
  await world.a.mine(2)
  await Promise.all(views.map(({ operationId }) => engine.driver.drive(operationId)))
  for (const { operationId } of views) {
    expect(await engine.get(operationId)).toMatchObject({ state: 'committed' })
  }
  expect((await world.a.balance(MERCHANT)) - before).toBe(100_000_000_000_000_000n)
})
