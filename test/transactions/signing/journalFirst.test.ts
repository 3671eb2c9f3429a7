import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import {
  AGENT,
  caller,
  type Engine,
  MERCHANT,
  type Row,
  readRows,
  startEngine,
  startWorld,
  type World,
} from '../../support/engine.ts'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

beforeEach(() => {
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a] })
  return () => engine.stop()
})

const sent = () => world.a.proxy.calls.filter(({ method }) => method === 'eth_sendRawTransaction')

it('R2: the bytes and their hash are in the file when the first broadcast leaves', async () => {
  let journal: Row[] = []
  world.a.proxy.setFault(([call]) => {
    if (call?.method === 'eth_sendRawTransaction') {
      journal = readRows(
        engine.path,
        'select a.raw, a.hash, a.nonce, a.state, s.state as step, n.state as fence ' +
          'from attempts a join steps s on s.id = a.step_id join nonces n on n.step_id = s.id',
      )
    }
    return undefined
  })
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.5', idempotencyKey: 'first' })
  const operation = await engine.execute(intentId)

  expect(journal).toEqual([
    {
      raw: sent()[0]?.params[0],
      hash: operation.steps[0]?.attempts[0]?.hash,
      nonce: '00000000000000000000',
      state: 'signed',
      step: 'signed',
      fence: 'signed',
    },
  ])
  expect(sent()).toHaveLength(1)
  await world.a.mine()
  expect(await world.a.ask('eth_getTransactionReceipt', journal[0]?.['hash'])).toMatchObject({
    status: '0x1',
  })
})

it('R2, F2: an answer that is lost has the same bytes sent again, and one payment made', async () => {
  const before = await world.a.balance(MERCHANT)
  world.a.proxy.setFault(([call]) =>
    call?.method === 'eth_sendRawTransaction' ? { kind: 'reset' } : undefined,
  )
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.25', idempotencyKey: 'again' })
  const { operationId, steps } = await engine.execute(intentId)
  expect(steps[0]?.state).toBe('unknown')
  // Another process, which remembers nothing of the first send, takes over.
  world.a.proxy.setFault(undefined)
  const other = startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock })
  await other.driver.drive(operationId)
  const [first, second] = sent()
  expect(sent()).toHaveLength(2)
  expect(second?.params).toEqual(first?.params)
  await world.a.mine(2)
  await other.driver.drive(operationId)
  expect(await other.get(operationId)).toMatchObject({ state: 'committed', sideEffect: 'done' })
  expect((await world.a.balance(MERCHANT)) - before).toBe(250_000_000_000_000_000n)
  await other.stop()
})

it('R3: one key with the same arguments is one intent, however the wallet is spelled', async () => {
  const request = { to: 'merchant', amount: '0.1', idempotencyKey: 'same' }
  const first = await engine.prepare(request)
  const again = await engine.prepare(request)
  const spelled = await engine.prepare({ ...request, to: MERCHANT.toLowerCase(), wallet: AGENT })
  expect([again.intentId, spelled.intentId]).toEqual([first.intentId, first.intentId])
  expect(engine.rows('select count(*) as intents from intents')).toEqual([{ intents: 1 }])
})

it.each([
  ['amount', { amount: '0.2' }],
  ['to', { to: 'payroll' }],
  ['asset', { asset: 'USDC' }],
  ['wallet', { wallet: 'treasury' }],
  ['urgency', { urgency: 'fast' as const }],
])('R3, T22: one key with another %s is a conflict that names it', async (name, change) => {
  const request = { to: 'merchant', amount: '0.1', idempotencyKey: 'conflict' }
  const { intentId } = await engine.prepare(request)
  await expect(engine.prepare({ ...request, ...change })).rejects.toMatchObject({
    code: 'idempotency_conflict',
    context: { key: 'conflict', intentId, differs: [name] },
    sideEffect: 'none',
  })
})

it('R3, T22: the key of an executed payment answers with that payment, and conflicts all the same', async () => {
  const request = { to: 'merchant', amount: '0.1', idempotencyKey: 'executed' }
  const { intentId } = await engine.prepare(request)
  const { operationId } = await engine.execute(intentId)
  expect(await engine.prepare(request)).toMatchObject({ intentId, operationId, status: 'executed' })
  await expect(engine.prepare({ ...request, amount: '0.2' })).rejects.toMatchObject({
    code: 'idempotency_conflict',
  })
  expect(sent()).toHaveLength(1)
  await world.a.mine()
})

it('R3, F5: eight calls at once, from two processes, execute one intent once', async () => {
  const before = await world.a.balance(MERCHANT)
  const other = startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock })
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.75', idempotencyKey: 'many' })
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) => (index % 2 ? engine : other).execute(intentId)),
  )
  expect(new Set(answers.map(({ operationId }) => operationId)).size).toBe(1)
  expect(new Set(sent().map(({ params }) => params[0])).size).toBe(1)
  await world.a.mine(2)
  expect((await world.a.balance(MERCHANT)) - before).toBe(750_000_000_000_000_000n)
  await other.stop()
})

it('T23: an intent of one principal is unknown to another, and so are its operations', async () => {
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: 'mine' })
  await expect(engine.execute(intentId, caller('mallory'))).rejects.toMatchObject({ code: 'intent_unknown' })
  const { operationId } = await engine.execute(intentId)
  for (const reference of [operationId, intentId, 'mine']) {
    expect(await engine.get(reference)).toMatchObject({ operationId })
    await expect(engine.get(reference, caller('mallory'))).rejects.toMatchObject({
      code: 'operation_unknown',
    })
  }
  await world.a.mine()
})

it.each([
  ['amount', /"value":"100000000000000000"/, '"value":"900000000000000000"'],
  ['price of gas', /"maxFeePerGas":"\d+"/, '"maxFeePerGas":"400000000000"'],
  ['tip', /"maxPriorityFeePerGas":"\d+"/, '"maxPriorityFeePerGas":"1"'],
  ['gas limit', /"gasLimit":"21000"/, '"gasLimit":"30000"'],
])('T10: an intent whose %s was changed after it was shown is not executed', async (field, from, to) => {
  const idempotencyKey = `forged ${field}`
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey })
  await engine.journal.transact(async (tx) => {
    const { plan } = await tx.selectFrom('intents').select('plan').executeTakeFirstOrThrow()
    expect(plan).toMatch(from)
    await tx
      .updateTable('intents')
      .set({ plan: plan.replace(from, to) })
      .execute()
  })
  await expect(engine.execute(intentId)).rejects.toMatchObject({ code: 'intent_changed', sideEffect: 'none' })
  expect(sent()).toEqual([])
})

it('F24: a client that leaves before execution begins has nothing executed', async () => {
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: 'gone' })
  const leaving = new AbortController()
  world.a.proxy.setFault(() => {
    leaving.abort(new Error('the client left'))
    return undefined
  })
  await expect(engine.execute(intentId, caller('local', leaving.signal))).rejects.toThrow('the client left')
  expect(engine.rows('select * from operations')).toEqual([])
  expect(sent()).toEqual([])
})

it('F20: an intent that expired is not executed, and its key renews it', async () => {
  const request = { to: 'merchant', amount: '0.1', idempotencyKey: 'late' }
  const { intentId } = await engine.prepare(request)
  engine.clock.advance(600_000)
  await expect(engine.execute(intentId)).rejects.toMatchObject({ code: 'intent_expired', sideEffect: 'none' })
  expect(sent()).toEqual([])
  expect(await engine.prepare(request)).toMatchObject({ intentId, status: 'ready' })
})
