import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  AGENT,
  caller,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  takeOver,
  type World,
} from '../../support/engine.ts'
import type { FaultAction } from '../../support/rpcProxy.ts'

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

const sent = () =>
  world.a.proxy.calls
    .filter(({ method }) => method === 'eth_sendRawTransaction')
    .map(({ params }) => params?.[0])

/** What is sent does not arrive. */
const swallowsSends = (calls: readonly { readonly method: string }[]): FaultAction | undefined =>
  calls.some(({ method }) => method === 'eth_sendRawTransaction') ? { kind: 'reset' } : undefined

async function pay(idempotencyKey: string): Promise<string> {
  const { intentId } = await engine.prepare({
    to: 'merchant',
    amount: '0.5',
    urgency: 'slow',
    idempotencyKey,
  })
  return (await engine.execute(intentId)).operationId
}

const driveAfresh = (operationId: string) => takeOver(engine, [world.a], operationId)

describe('C3: speed up', () => {
  it('F11, F12: other bytes at the same nonce with higher fees; one of them is included, and the payment is made once', async () => {
    const before = await world.a.balance(MERCHANT)
    const operationId = await pay('speed')
    const intent = await engine.replace({ operation: operationId, kind: 'speed_up' })
    expect(intent).toMatchObject({
      status: 'ready',
      replaces: { operationId, kind: 'speed_up' },
      to: MERCHANT,
      amount: { display: '0.5' },
    })
    expect(sent()).toHaveLength(1)
    const view = await engine.execute(intent.intentId)
    expect(view).toMatchObject({
      operationId,
      state: 'running',
      sideEffect: 'possible',
      steps: [
        {
          state: 'sent',
          attempts: [
            { kind: 'original', state: 'superseded' },
            { kind: 'speed_up', state: 'sent' },
          ],
        },
      ],
    })
    expect(sent()).toHaveLength(2)
    await world.a.mine(2)
    const done = await driveAfresh(operationId)
    expect(done).toMatchObject({
      state: 'committed',
      sideEffect: 'done',
      steps: [
        {
          state: 'final',
          attempts: [
            { kind: 'original', state: 'superseded' },
            { kind: 'speed_up', state: 'included' },
          ],
        },
      ],
    })
    expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
    expect(engine.rows("select count(*) as held from reservations where state = 'held'")).toEqual([
      { held: 0 },
    ])
  })

  it('raises both fees by a tenth at least, and to those of the market', async () => {
    const operationId = await pay('fees')
    const first = await engine.replace({ operation: operationId, kind: 'speed_up', urgency: 'slow' })
    await engine.execute(first.intentId)
    const attempts = engine.rows(
      `select raw from attempts where step_id = (select id from steps where operation_id = '${operationId}') order by created_at`,
    )
    const { adapter } = await engine.chains.open('sandbox-a')
    const [old, raised] = await Promise.all(attempts.map(({ raw }) => adapter.codec.parse(String(raw))))
    for (const fee of ['maxFeePerGas', 'maxPriorityFeePerGas'] as const) {
      const [was, is] = [BigInt(old?.terms[fee] ?? 0), BigInt(raised?.terms[fee] ?? 0)]
      expect(is * 100n).toBeGreaterThanOrEqual(was * 110n)
    }
    expect(raised?.payload).toEqual(old?.payload)
    expect(raised?.nonce).toBe(old?.nonce)
  })

  it('D4: never goes above the cap on the price of gas, and what waits goes on waiting', async () => {
    const operationId = await pay('cap')
    const capped = startEngine({
      lanes: [world.a],
      home: engine.home,
      clock: engine.clock,
      maxGasPriceGwei: '0.000000001',
    })
    await expect(capped.replace({ operation: operationId, kind: 'speed_up' })).rejects.toMatchObject({
      code: 'gas_price_above_cap',
    })
    await capped.stop()
    await world.a.mine(2)
    expect(await driveAfresh(operationId)).toMatchObject({ state: 'committed' })
  })

  it('F12: what was replaced is included all the same, and is what counts', async () => {
    const before = await world.a.balance(MERCHANT)
    const operationId = await pay('race')
    const { intentId } = await engine.replace({ operation: operationId, kind: 'speed_up' })
    world.a.proxy.setFault(swallowsSends)
    expect(await engine.execute(intentId)).toMatchObject({
      sideEffect: 'possible',
      steps: [{ state: 'unknown' }],
    })
    world.a.proxy.setFault(undefined)
    await world.a.mine(2)
    expect(await driveAfresh(operationId)).toMatchObject({
      state: 'committed',
      steps: [
        {
          state: 'final',
          attempts: [
            { kind: 'original', state: 'included' },
            { kind: 'speed_up', state: 'superseded' },
          ],
        },
      ],
    })
    expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
  })

  it('F1, R2: a process that dies after it recorded the bytes leaves them to be sent by another', async () => {
    const operationId = await pay('dies')
    const { intentId } = await engine.replace({ operation: operationId, kind: 'speed_up' })
    const leaving = new AbortController()
    engine.driver.drive = () => {
      leaving.abort(new Error('the process is gone'))
      return Promise.reject(new Error('the process is gone'))
    }
    await engine.execute(intentId, caller('local', leaving.signal))
    expect(sent()).toHaveLength(1)
    expect(await driveAfresh(operationId)).toMatchObject({
      steps: [{ state: 'sent', attempts: [{ state: 'superseded' }, { kind: 'speed_up', state: 'sent' }] }],
    })
    expect(sent()).toHaveLength(2)
  })

  it('F9: after a reorganisation the newest bytes go out again, and either is counted once', async () => {
    const before = await world.a.balance(MERCHANT)
    const operationId = await pay('reorg')
    const { intentId } = await engine.replace({ operation: operationId, kind: 'speed_up' })
    await engine.execute(intentId)
    await world.a.mine()
    expect(await driveAfresh(operationId)).toMatchObject({ steps: [{ state: 'included' }] })
    await world.a.ask('anvil_rollback', 1)
    expect(await driveAfresh(operationId)).toMatchObject({
      state: 'running',
      steps: [
        {
          state: 'sent',
          attempts: [
            { kind: 'original', state: 'superseded' },
            { kind: 'speed_up', state: 'sent' },
          ],
        },
      ],
    })
    expect(sent().at(-1)).toBe(sent().at(-2))
    await world.a.mine(2)
    expect(await driveAfresh(operationId)).toMatchObject({ state: 'committed' })
    expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
  })
})

describe('C3: cancel', () => {
  it('the nonce goes to a transaction that moves nothing; the operation has failed, and says what it cost', async () => {
    const before = await world.a.balance(MERCHANT)
    const operationId = await pay('cancel')
    const intent = await engine.replace({ operation: operationId, kind: 'cancel' })
    expect(intent).toMatchObject({ replaces: { kind: 'cancel' }, to: AGENT, amount: { display: '0' } })
    await engine.execute(intent.intentId)
    await world.a.mine()
    expect(await driveAfresh(operationId)).toMatchObject({
      state: 'running',
      sideEffect: 'possible',
      steps: [
        { state: 'included', note: 'it was cancelled: its nonce went to a transaction that moves nothing' },
      ],
      next: expect.stringContaining('not yet final'),
    })
    await world.a.mine()
    expect(await driveAfresh(operationId)).toMatchObject({
      state: 'failed',
      sideEffect: 'none',
      steps: [
        { state: 'replaced', gasUsed: '21000', attempts: [{ state: 'superseded' }, { state: 'included' }] },
      ],
      next: expect.stringContaining('Cancelled: nothing was paid but gas.'),
    })
    expect(await world.a.balance(MERCHANT)).toBe(before)
  })

  it('F12: comes too late when the payment is included first: it is committed', async () => {
    const before = await world.a.balance(MERCHANT)
    const operationId = await pay('late cancel')
    const { intentId } = await engine.replace({ operation: operationId, kind: 'cancel' })
    world.a.proxy.setFault(swallowsSends)
    await engine.execute(intentId)
    world.a.proxy.setFault(undefined)
    await world.a.mine(2)
    expect(await driveAfresh(operationId)).toMatchObject({
      state: 'committed',
      sideEffect: 'done',
      steps: [
        {
          attempts: [
            { kind: 'original', state: 'included' },
            { kind: 'cancel', state: 'superseded' },
          ],
        },
      ],
    })
    expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
  })

  it('of a cancellation is speeding it up: a payment that is being cancelled is not made again', async () => {
    const before = await world.a.balance(MERCHANT)
    const operationId = await pay('twice')
    const cancel = await engine.replace({ operation: operationId, kind: 'cancel' })
    await engine.execute(cancel.intentId)
    const faster = await engine.replace({ operation: operationId, kind: 'speed_up' })
    expect(faster).toMatchObject({ to: AGENT, amount: { display: '0' } })
    await engine.execute(faster.intentId)
    await world.a.mine(2)
    expect(await driveAfresh(operationId)).toMatchObject({ state: 'failed', sideEffect: 'none' })
    expect(await world.a.balance(MERCHANT)).toBe(before)
  })
})

describe('R3: a replacement happens once', () => {
  it('executed twice it is one attempt', async () => {
    const operationId = await pay('again')
    const { intentId } = await engine.replace({ operation: operationId, kind: 'speed_up' })
    const views = await Promise.all([engine.execute(intentId), engine.execute(intentId)])
    for (const view of views) expect(view.steps[0]?.attempts).toHaveLength(2)
    expect(await engine.execute(intentId)).toMatchObject({ operationId })
    expect(await engine.replace({ operation: operationId, kind: 'speed_up' })).toMatchObject({
      intentId,
      status: 'executed',
    })
    expect(engine.rows('select count(*) as attempts from attempts')).toEqual([{ attempts: 2 }])
  })

  it('of two that were prepared for the same bytes the second is refused', async () => {
    const operationId = await pay('two')
    const faster = await engine.replace({ operation: operationId, kind: 'speed_up' })
    const cancel = await engine.replace({ operation: operationId, kind: 'cancel' })
    await engine.execute(faster.intentId)
    await expect(engine.execute(cancel.intentId)).rejects.toMatchObject({
      code: 'not_replaceable',
      message: 'The transaction cannot be replaced: another replacement was sent meanwhile.',
      sideEffect: 'none',
    })
    expect(sent()).toHaveLength(2)
  })

  it('of two that are executed at the same time one is recorded, and the bytes of the other are never sent', async () => {
    const operationId = await pay('same time')
    const faster = await engine.replace({ operation: operationId, kind: 'speed_up' })
    const cancel = await engine.replace({ operation: operationId, kind: 'cancel' })
    const other = startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock })
    const { find } = engine.wallets
    engine.wallets.find = (...given) => {
      const wallet = find.apply(engine.wallets, given)
      const sign: typeof wallet.signer.sign = async (...order) => {
        // The other one comes between what this one has looked at and what it records.
        await other.execute(cancel.intentId)
        return wallet.signer.sign(...order)
      }
      return { ...wallet, signer: { ...wallet.signer, sign } }
    }
    await expect(engine.execute(faster.intentId)).rejects.toMatchObject({ code: 'not_replaceable' })
    await other.stop()
    expect(engine.rows('select kind, state from attempts where live = 1')).toEqual([
      { kind: 'cancel', state: 'sent' },
    ])
    expect(sent()).toHaveLength(2)
  })

  it.each([
    ['included', 1, 'it is included in block'],
    ['ended', 2, 'its operation has ended as committed'],
  ])('what is %s cannot be replaced', async (name, blocks, reason) => {
    const operationId = await pay(name)
    await world.a.mine(blocks)
    await driveAfresh(operationId)
    await expect(engine.replace({ operation: operationId, kind: 'cancel' })).rejects.toMatchObject({
      code: 'not_replaceable',
      message: expect.stringContaining(reason),
    })
  })

  it('what was included since it was prepared is not replaced', async () => {
    const operationId = await pay('since')
    const { intentId } = await engine.replace({ operation: operationId, kind: 'cancel' })
    await world.a.mine()
    await expect(engine.execute(intentId)).rejects.toMatchObject({
      code: 'not_replaceable',
      message: expect.stringMatching(/its nonce \d+ is used by now/),
    })
    expect(sent()).toHaveLength(1)
  })

  it("T19: another principal's operation is not found", async () => {
    const operationId = await pay('mine')
    await expect(
      engine.replace({ operation: operationId, kind: 'cancel' }, caller('somebody')),
    ).rejects.toMatchObject({ code: 'operation_unknown' })
  })
})
