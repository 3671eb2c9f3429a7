import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Engine, MERCHANT, startEngine, startWorld, takeOver, type World } from '../../support/engine.ts'
import { type RpcProxy, startRpcProxy } from '../../support/rpcProxy.ts'
import { type TestClock, testClock } from '../../support/testClock.ts'

let world: World
let second: RpcProxy
let clock: TestClock
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
  second = await startRpcProxy(world.a.rpcUrl)
})
afterAll(async () => {
  await second.close()
  await world.stop()
})

beforeEach(() => {
  world.a.proxy.reset()
  second.reset()
  clock = testClock()
  engine = startEngine({ lanes: [world.a], clock })
  return () => engine.stop()
})

const sent = () => world.a.proxy.calls.filter(({ method }) => method === 'eth_sendRawTransaction')
const history = () =>
  engine
    .rows("select event from audit where event like 'step.%' or event = 'attempt.sent' order by seq")
    .map(({ event }) => event)

async function pay() {
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.3', idempotencyKey: 'dropped' })
  const { operationId, steps } = await engine.execute(intentId)
  return { operationId, hash: steps[0]?.attempts[0]?.hash }
}

it('F10, R2: what the network has lost is told as dropped and sent again as the same bytes; one payment', async () => {
  const before = await world.a.balance(MERCHANT)
  const { operationId, hash } = await pay()
  await world.a.ask('anvil_dropTransaction', hash)
  await world.a.mine()
  expect(await world.a.balance(MERCHANT)).toBe(before)
  // The bytes wait on their way while it is looked at.
  let letThrough = (_: unknown) => {}
  const through = new Promise((resolve) => {
    letThrough = resolve
  })
  world.a.proxy.setFault(([call]) =>
    call?.method === 'eth_sendRawTransaction' ? { kind: 'hold', until: through } : undefined,
  )
  const other = takeOver(engine, [world.a], operationId)
  await expect
    .poll(() => engine.get(operationId))
    .toMatchObject({
      state: 'running',
      sideEffect: 'possible',
      steps: [{ state: 'dropped', note: 'the network no longer has it; the same bytes are sent again' }],
      next: 'The network had it and lost it. Do not pay again: the same bytes are sent again. Call get_operation again.',
    })
  letThrough(undefined)
  const again = await other
  expect(again).toMatchObject({ steps: [{ state: 'sent', attempts: [{ hash }] }] })
  expect(again.steps[0]).not.toHaveProperty('note')
  expect(sent()).toHaveLength(2)
  expect(sent()[1]?.params).toEqual(sent()[0]?.params)
  await world.a.mine(2)
  expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ state: 'committed' })
  expect((await world.a.balance(MERCHANT)) - before).toBe(300_000_000_000_000_000n)
  expect(history()).toEqual(['attempt.sent', 'step.dropped', 'attempt.sent'])
})

/** The first endpoint does not know of any transaction, or of whether there is one. */
const forgetful = (...what: string[]) =>
  world.a.proxy.setFault((calls) => {
    const asked = calls.map(({ method }) => what.includes(method))
    if (!asked.includes(true)) return undefined
    return {
      kind: 'rewrite',
      text: (answer) => {
        const answers = JSON.parse(answer) as { id: number; result: unknown }[]
        return JSON.stringify(answers.map((one, at) => (asked[at] ? { ...one, result: null } : one)))
      },
    }
  })

it('R14: what another endpoint still has is not called dropped: it goes out again, and stays sent', async () => {
  const { operationId } = await pay()
  forgetful('eth_getTransactionByHash')
  const lanes = [{ ...world.a, others: [second] }]
  const other = startEngine({ lanes, home: engine.home, clock })
  await other.driver.drive(operationId)
  expect(await other.get(operationId)).toMatchObject({ steps: [{ state: 'sent' }] })
  await other.stop()
  expect(second.count('eth_getTransactionByHash')).toBeGreaterThan(0)
  expect(sent()).toHaveLength(2)
  expect(history()).toEqual(['attempt.sent'])
  world.a.proxy.reset()
  await world.a.mine(2)
  expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ state: 'committed' })
})

it('R14: a dropped payment whose second send brings no proof is unknown, and is one payment all the same', async () => {
  const before = await world.a.balance(MERCHANT)
  const { operationId, hash } = await pay()
  await world.a.ask('anvil_dropTransaction', hash)
  world.a.proxy.setFault(([call]) =>
    call?.method === 'eth_sendRawTransaction' ? { kind: 'forward-then-drop' } : undefined,
  )
  expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ steps: [{ state: 'unknown' }] })
  world.a.proxy.reset()
  await world.a.mine(2)
  expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ state: 'committed' })
  expect((await world.a.balance(MERCHANT)) - before).toBe(300_000_000_000_000_000n)
  expect(history()).toEqual(['attempt.sent', 'step.dropped', 'step.unknown'])
})

it('C3: a dropped payment can be cancelled: what is known of it is enough to take its place', async () => {
  const before = await world.a.balance(MERCHANT)
  const { operationId, hash } = await pay()
  await world.a.ask('anvil_dropTransaction', hash)
  // The process dies before it has sent it again.
  await engine.steps.dropped((await engine.operations.find(operationId))?.steps[0]?.step.id ?? '')
  expect(await engine.get(operationId)).toMatchObject({ steps: [{ state: 'dropped' }] })
  const { intentId } = await engine.replace({ operation: operationId, kind: 'cancel' })
  expect(await engine.execute(intentId)).toMatchObject({ operationId, steps: [{ state: 'sent' }] })
  await world.a.mine(2)
  expect(await takeOver(engine, [world.a], operationId)).toMatchObject({
    state: 'failed',
    steps: [{ state: 'replaced' }],
  })
  expect(await world.a.balance(MERCHANT)).toBe(before)
})
