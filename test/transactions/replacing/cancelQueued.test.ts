import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  AGENT,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  takeOver,
  type World,
} from '../../support/engine.ts'
import { openOperations } from '../../support/openOperations.ts'

let world: World
let engine: Engine
let before: bigint

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

beforeEach(async () => {
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a] })
  before = await world.a.balance(MERCHANT)
  await baseFee(50_000_000_000)
  return () => engine.stop()
})

/** The next block has this base fee, and so, about, has the one after it. */
async function baseFee(wei: number): Promise<void> {
  await world.a.ask('anvil_setNextBlockBaseFeePerGas', `0x${wei.toString(16)}`)
  await world.a.mine()
}

async function queued(idempotencyKey = 'cheap') {
  const { intentId } = await engine.prepare({
    ...{ to: 'merchant', amount: '0.5', maxFeeGwei: '2', waitHours: 2 },
    idempotencyKey,
  })
  const { operationId, steps, next } = await engine.execute(intentId)
  expect(steps).toMatchObject([{ state: 'queued', attempts: [] }])
  expect(next).toContain('replace_transaction cancels it')
  return { operationId, intentId }
}

const cancel = (operation: string, idempotencyKey = 'no longer') =>
  engine.replace({ operation, kind: 'cancel', idempotencyKey })

const sent = () => world.a.proxy.count('eth_sendRawTransaction')
const count = (what: string) => Number(engine.rows(`select count(*) as n from ${what}`)[0]?.['n'])

/** Nothing of it is left that could be signed, or keep others from being paid. */
function expectNothingLeft(): void {
  expect(count("reservations where state = 'held'")).toBe(0)
  expect(count('nonces')).toBe(0)
  expect(count('attempts')).toBe(0)
  expect(sent()).toBe(0)
}

const CANCELLED = {
  state: 'failed',
  sideEffect: 'none',
  steps: [{ state: 'failed', attempts: [], note: 'it was cancelled while it waited for lower fees' }],
}

describe('C3, C9: cancelling a payment that waits for lower fees', () => {
  it('ends it without a transaction: nothing is signed, and its funds are free', async () => {
    const { operationId, intentId } = await queued()
    const asked = world.a.proxy.calls.length
    expect(await cancel(operationId)).toMatchObject({
      status: 'executed',
      replaces: { operationId, kind: 'cancel' },
      to: AGENT,
      amount: { raw: '0' },
      fees: { expected: { raw: '0' }, ceiling: { raw: '0' }, maxFeePerGasGwei: '0' },
      next: expect.stringMatching(
        /^Cancelled: nothing was signed and nothing moved; there is nothing to send\./,
      ),
    })
    // The chain has no say in it, and need not answer.
    expect(world.a.proxy.calls.length).toBe(asked)
    expect(await engine.get(operationId)).toMatchObject(CANCELLED)
    expectNothingLeft()
    await baseFee(1_000_000_000)
    expect(await takeOver(engine, [world.a], operationId)).toMatchObject(CANCELLED)
    expect(await engine.execute(intentId)).toMatchObject({ operationId, ...CANCELLED })
    expectNothingLeft()
    expect(await world.a.balance(MERCHANT)).toBe(before)
  })

  it('R3: says the same when it is asked again, and sending what it answered does nothing', async () => {
    const { operationId } = await queued()
    const first = await cancel(operationId)
    expect(await cancel(operationId)).toEqual(first)
    expect(await cancel(operationId, 'by another')).toMatchObject({ status: 'executed', next: first.next })
    expect(await engine.execute(first.intentId)).toMatchObject({ operationId, ...CANCELLED })
    expectNothingLeft()
    expect(count("audit where event = 'step.abandoned'")).toBe(1)
  })

  it('R3: a key that stands for something else is a conflict, and the payment goes on waiting', async () => {
    const { operationId } = await queued()
    await expect(cancel(operationId, 'cheap')).rejects.toMatchObject({ code: 'idempotency_conflict' })
    expect(await engine.get(operationId)).toMatchObject({ state: 'running', steps: [{ state: 'queued' }] })
  })

  it('speeds nothing up that was not signed', async () => {
    const { operationId } = await queued()
    await expect(engine.replace({ operation: operationId, kind: 'speed_up' })).rejects.toMatchObject({
      code: 'not_replaceable',
    })
    expect(await engine.get(operationId)).toMatchObject({ state: 'running' })
  })

  it('T23: is for nobody but its own caller', async () => {
    const { operationId } = await queued()
    const other = { principal: 'other', signal: new AbortController().signal, progress() {} }
    await expect(engine.replace({ operation: operationId, kind: 'cancel' }, other)).rejects.toMatchObject({
      code: 'operation_unknown',
    })
    expect(await engine.get(operationId)).toMatchObject({ state: 'running' })
  })
})

/** Another process that has just taken over, stopped at one place until it is told to go on. */
function worker(place: 'simulating' | 'signing') {
  const other = startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock })
  let goOn = () => {}
  const told = new Promise<void>((resolve) => {
    goOn = resolve
  })
  let arrive = () => {}
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const stop = async () => {
    arrive()
    await told
  }
  if (place === 'signing') {
    const find = other.wallets.find.bind(other.wallets)
    other.wallets.find = (...given) => {
      const wallet = find(...given)
      const sign: typeof wallet.signer.sign = async (...order) => {
        await stop()
        return wallet.signer.sign(...order)
      }
      return { ...wallet, signer: { ...wallet.signer, sign } }
    }
  } else {
    const readmit = other.operations.readmit.bind(other.operations)
    other.operations.readmit = async (...given) => {
      await stop()
      return readmit(...given)
    }
  }
  return {
    arrived,
    goOn,
    async run(operationId: string) {
      const failure = await other.driver.drive(operationId).then(
        () => undefined,
        (error: { code?: string }) => error.code,
      )
      await other.stop()
      return failure
    },
  }
}

describe('R4, R5: the worker that would sign it at the same moment', () => {
  it.each([
    ['simulating', undefined],
    ['signing', 'receipt_refused'],
  ] as const)('signs nothing that was cancelled while it was %s', async (place, failure) => {
    const { operationId } = await queued()
    await baseFee(1_000_000_000)
    const other = worker(place)
    const ran = other.run(operationId)
    await other.arrived
    expect(await cancel(operationId)).toMatchObject({ status: 'executed' })
    other.goOn()
    expect(await ran).toBe(failure)
    expect(await engine.get(operationId)).toMatchObject(CANCELLED)
    expectNothingLeft()
    await world.a.mine(2)
    expect(await world.a.balance(MERCHANT)).toBe(before)
  })

  it('has signed it first: then the cancellation is a transaction at its nonce, and one of the two is included', async () => {
    const { operationId } = await queued()
    await baseFee(1_000_000_000)
    // The cancellation has looked at it, and has not ended it yet, when it is signed and sent.
    const abandon = engine.steps.abandon.bind(engine.steps)
    engine.steps.abandon = async (...given) => {
      engine.steps.abandon = abandon
      expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ steps: [{ state: 'sent' }] })
      return abandon(...given)
    }
    const intent = await cancel(operationId)
    const nonce = (await engine.get(operationId)).steps[0]?.nonce
    expect(intent).toMatchObject({
      status: 'ready',
      replaces: { operationId, kind: 'cancel', nonce },
      to: AGENT,
      amount: { raw: '0' },
    })
    expect(await engine.get(operationId)).toMatchObject({ state: 'running', steps: [{ state: 'sent' }] })
    expect(await engine.execute(intent.intentId)).toMatchObject({
      operationId,
      steps: [{ nonce, attempts: [{ state: 'superseded' }, { kind: 'cancel' }] }],
    })
    await world.a.mine(2)
    expect(await takeOver(engine, [world.a], operationId)).toMatchObject({
      state: 'failed',
      sideEffect: 'none',
      steps: [{ state: 'replaced' }],
    })
    expect(await world.a.balance(MERCHANT)).toBe(before)
  })

  it('either has it signed or finds it cancelled, whoever is first: 20 times at once', async () => {
    const operations = []
    for (let index = 0; index < 20; index++) operations.push((await queued(`cheap ${index}`)).operationId)
    await baseFee(1_000_000_000)
    const other = startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock })
    const pauseMs = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
    const outcomes = await Promise.all(
      operations.map(async (operationId, index) => {
        const [, answer] = await Promise.all([
          other.driver.drive(operationId).catch(() => undefined),
          pauseMs(index * 15).then(() => cancel(operationId, `no longer ${index}`)),
        ])
        const { state, steps } = await engine.get(operationId)
        return `${answer.status}, ${state}, ${steps[0]?.attempts.length} signed`
      }),
    )
    await other.stop()
    const ended = outcomes.filter((outcome) => outcome === 'executed, failed, 0 signed').length
    const signed = outcomes.filter((outcome) => outcome === 'ready, running, 1 signed').length
    expect(ended + signed).toBe(20)
    expect(sent()).toBe(signed)
    expect(count("reservations where state = 'held'")).toBe(2 * signed)
    expect(count('nonces')).toBe(signed)
    // One that was cancelled may leave a nonce free below those that were signed: that gap is healed.
    for (let round = 0; round < 20 && openOperations(engine).length > 0; round++) {
      await baseFee(1_000_000_000)
      for (const id of openOperations(engine)) await engine.driver.drive(id)
    }
    expect(openOperations(engine)).toEqual([])
    expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n * BigInt(signed))
  })
})
