import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Engine, MERCHANT, startEngine, startWorld, type World } from '../../support/engine.ts'

// anvil calls the block safe that has 32 above it.

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

beforeEach(async () => {
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a], confirmations: 40 })
  await world.a.mine(60)
  return () => engine.stop()
})

async function included() {
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.3', idempotencyKey: 'safe' })
  const { operationId } = await engine.execute(intentId)
  await world.a.mine()
  expect(await look(operationId)).toMatchObject({ steps: [{ state: 'included', confirmations: 1 }] })
  return operationId
}

/** As a process that has just taken over, and so need not wait before it sends again. */
async function look(operationId: string) {
  const { home, clock } = engine
  const other = startEngine({ lanes: [world.a], confirmations: 40, home, clock })
  await other.driver.drive(operationId)
  const view = await other.get(operationId)
  await other.stop()
  return view
}

it('A4: a payment is included, then safe when the chain says so of its block, then final', async () => {
  const before = await world.a.balance(MERCHANT)
  const operationId = await included()
  await world.a.mine(31)
  expect(await look(operationId)).toMatchObject({ steps: [{ state: 'included', confirmations: 32 }] })
  await world.a.mine()
  const safe = {
    state: 'running',
    sideEffect: 'done',
    next: 'Included in a block that the chain calls safe, not yet final. Call get_operation with until "final" when finality matters.',
  }
  expect(await look(operationId)).toMatchObject({ ...safe, steps: [{ state: 'safe', confirmations: 33 }] })
  await world.a.mine(6)
  expect(await look(operationId)).toMatchObject({ ...safe, steps: [{ state: 'safe', confirmations: 39 }] })
  await world.a.mine()
  expect(await look(operationId)).toMatchObject({
    state: 'committed',
    steps: [{ state: 'final', confirmations: 40 }],
  })
  expect((await world.a.balance(MERCHANT)) - before).toBe(300_000_000_000_000_000n)
  expect(engine.rows("select event from audit where event like 'step.%' order by seq")).toEqual([
    { event: 'step.included' },
    { event: 'step.safe' },
  ])
})

it('A4: where an endpoint serves no safe block, what is included stays so until it is final', async () => {
  world.a.proxy.setFault((calls) => {
    const at = calls.findIndex(({ params }) => params[0] === 'safe')
    if (at < 0) return undefined
    return {
      kind: 'rewrite',
      text: (answer) => {
        const answers = JSON.parse(answer) as { id: number }[]
        const error = { code: -32602, message: 'invalid block tag' }
        return JSON.stringify(
          answers.map((one, index) => (index === at ? { jsonrpc: '2.0', id: one.id, error } : one)),
        )
      },
    }
  })
  const operationId = await included()
  await world.a.mine(38)
  expect(await look(operationId)).toMatchObject({ steps: [{ state: 'included', confirmations: 39 }] })
  await world.a.mine()
  expect(await look(operationId)).toMatchObject({ state: 'committed', steps: [{ state: 'final' }] })
  expect(world.a.proxy.calls.filter(({ params }) => params[0] === 'safe').length).toBeGreaterThan(0)
})

it('F9: a reorganisation takes back what was safe as well: the same bytes go out again, one payment', async () => {
  const before = await world.a.balance(MERCHANT)
  const operationId = await included()
  await world.a.mine(32)
  expect(await look(operationId)).toMatchObject({ steps: [{ state: 'safe' }] })
  await world.a.ask('anvil_rollback', 33)
  expect(await look(operationId)).toMatchObject({
    state: 'running',
    sideEffect: 'possible',
    steps: [{ state: 'sent', confirmations: 0 }],
  })
  await world.a.mine(40)
  expect(await look(operationId)).toMatchObject({ state: 'committed' })
  expect((await world.a.balance(MERCHANT)) - before).toBe(300_000_000_000_000_000n)
  expect(engine.rows('select count(*) as attempts from attempts')).toEqual([{ attempts: 1 }])
})
