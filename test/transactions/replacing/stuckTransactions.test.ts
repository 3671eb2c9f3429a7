import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
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
  await world.a.mine()
  return () => engine.stop()
})

const driveAfresh = (operationId: string) => takeOver(engine, [world.a], operationId)

async function pay(idempotencyKey: string): Promise<string> {
  const { intentId } = await engine.prepare({
    to: 'merchant',
    amount: '0.5',
    urgency: 'slow',
    idempotencyKey,
  })
  return (await engine.execute(intentId)).operationId
}

describe('C3: what waits for too long, where the operator wants it sped up', () => {
  /** Makes blocks that take nothing from the pool. */
  async function pass(blocks: number) {
    await world.a.ask('anvil_setBlockGasLimit', '0x5208')
    await world.a.ask('anvil_dropAllTransactions')
    await world.a.mine(blocks)
    await world.a.ask('anvil_setBlockGasLimit', '0x1c9c380')
  }
  /** Anvil forgets what no block takes; this node keeps it, as most do. */
  function keepPool() {
    world.a.proxy.setFault((calls) => {
      const asked = calls.findIndex(({ method }) => method === 'eth_getTransactionByHash')
      if (asked < 0) return undefined
      const text = (answer: string) => {
        const answers = JSON.parse(answer) as { id: number }[]
        const [one] = [...answers].sort((x, y) => x.id - y.id).slice(asked)
        return JSON.stringify(answers.map((each) => (each === one ? { ...each, result: {} } : each)))
      }
      return { kind: 'rewrite', text }
    })
  }
  const swift = () =>
    startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock, speedUpAfterBlocks: 3n })
  const attempts = () => engine.rows('select kind, state from attempts order by created_at')

  it('F11: is sped up once for its attempt, however many processes see it wait', async () => {
    const before = await world.a.balance(MERCHANT)
    const operationId = await pay('stuck')
    await pass(3)
    const others = [swift(), swift()]
    await Promise.all(others.map((other) => other.driver.drive(operationId)))
    await Promise.all(others.map((other) => other.stop()))
    expect(attempts()).toEqual([
      { kind: 'original', state: 'superseded' },
      { kind: 'speed_up', state: 'sent' },
    ])
    await world.a.mine(2)
    expect(await driveAfresh(operationId)).toMatchObject({ state: 'committed' })
    expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
  })

  it('is left alone before that, and where nobody asked for it', async () => {
    const operationId = await pay('patient')
    await pass(2)
    const other = swift()
    await other.driver.drive(operationId)
    await other.stop()
    await pass(3)
    await driveAfresh(operationId)
    expect(attempts()).toHaveLength(1)
    await world.a.mine(2)
  })

  it('F11: is sped up at once when the base fee has risen above what it offers', async () => {
    const operationId = await pay('base fee')
    await pass(2)
    await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x2540be400')
    await pass(1)
    const other = startEngine({
      lanes: [world.a],
      home: engine.home,
      clock: engine.clock,
      speedUpAfterBlocks: 1_000n,
    })
    await other.driver.drive(operationId)
    await other.stop()
    expect(attempts()).toMatchObject([{ state: 'superseded' }, { kind: 'speed_up' }])
    await world.a.mine(2)
    expect(await driveAfresh(operationId)).toMatchObject({ state: 'committed' })
  })

  it('F11: is told to its caller when the next block takes more than it offers', async () => {
    await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00')
    await world.a.mine()
    const [first, second] = [await pay('outbid'), await pay('behind it')]
    for (let block = 0; block < 3; block++) {
      await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x2540be400')
      await world.a.mine()
    }
    keepPool()
    expect(await driveAfresh(first)).toMatchObject({
      state: 'stuck',
      sideEffect: 'possible',
      steps: [
        {
          state: 'sent',
          note: 'the next block takes more per gas than it offers; replace_transaction with kind speed_up offers more',
        },
      ],
      next: expect.stringMatching(/^Sent, and it waits for too long: .*Do not pay again/),
    })
    // What waits behind it is kept by it.
    const behind = await driveAfresh(second)
    expect(behind.state).toBe('running')
    expect(behind.steps[0]).not.toHaveProperty('note')
    expect(await engine.operations.countByState()).toMatchObject({ running: 1, stuck: 1 })
    expect((await engine.list({ state: 'stuck' })).operations).toMatchObject([{ operationId: first }])
    world.a.proxy.setFault(undefined)
    await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x1')
    await world.a.mine()
    for (const each of [first, second]) expect((await driveAfresh(each)).state).toBe('running')
    await world.a.mine(2)
    for (const each of [first, second]) {
      const done = await driveAfresh(each)
      expect(done).toMatchObject({ state: 'committed' })
      expect(done.steps[0]).not.toHaveProperty('note')
    }
    expect(attempts()).toHaveLength(2)
  })

  it('is told to its caller when twenty blocks could have taken it and have not', async () => {
    const operationId = await pay('passed over')
    await pass(19)
    expect((await driveAfresh(operationId)).steps[0]).not.toHaveProperty('note')
    await pass(1)
    expect(await driveAfresh(operationId)).toMatchObject({
      state: 'stuck',
      steps: [
        {
          state: 'sent',
          note: 'no block has taken it for a while, although its fees fit; replace_transaction with kind speed_up offers more',
        },
      ],
    })
    // As long as it waits, also where the network forgets it again and again.
    await pass(1)
    expect(await driveAfresh(operationId)).toMatchObject({
      state: 'stuck',
      steps: [{ state: 'sent', note: expect.stringMatching(/^no block has taken it/) }],
    })
    await world.a.mine()
    const included = await driveAfresh(operationId)
    expect(included).toMatchObject({ state: 'running', steps: [{ state: 'included' }] })
    await world.a.mine()
    const done = await driveAfresh(operationId)
    expect(done).toMatchObject({ state: 'committed' })
    expect(done.steps[0]).not.toHaveProperty('note')
  })

  it('F9: is told also when a reorganisation had taken it back before', async () => {
    const operationId = await pay('back and stuck')
    await world.a.mine()
    expect((await driveAfresh(operationId)).steps).toMatchObject([{ state: 'included' }])
    await world.a.ask('anvil_rollback', 1)
    keepPool()
    const back = { state: 'sent', note: expect.stringMatching(/^the chain reorganised/) }
    expect(await driveAfresh(operationId)).toMatchObject({ state: 'running', steps: [back] })
    await pass(10)
    expect(await driveAfresh(operationId)).toMatchObject({ state: 'running', steps: [back] })
    await pass(10)
    const stuck = { state: 'sent', note: expect.stringMatching(/^no block has taken it for a while/) }
    expect(await driveAfresh(operationId)).toMatchObject({ state: 'stuck', steps: [stuck] })
    world.a.proxy.setFault(undefined)
    await driveAfresh(operationId)
    await world.a.mine(2)
    expect(await driveAfresh(operationId)).toMatchObject({ state: 'committed' })
  })

  it('F1: is followed on by whoever takes over, and is no longer stuck once it was replaced', async () => {
    const operationId = await pay('stuck and replaced')
    await pass(20)
    expect((await driveAfresh(operationId)).state).toBe('stuck')
    engine.clock.advance(6_000)
    const claimed = await engine.operations.claim(engine.leases.take(), 10)
    expect(claimed.map(({ id }) => id)).toEqual([operationId])
    const { intentId } = await engine.replace({ operation: operationId, kind: 'speed_up' })
    expect(await engine.execute(intentId)).toMatchObject({ state: 'running', steps: [{ state: 'sent' }] })
    await world.a.mine(2)
    expect(await driveAfresh(operationId)).toMatchObject({ state: 'committed' })
  })

  it('D4: is never sped up above the cap, and is not lost', async () => {
    const operationId = await pay('capped')
    await pass(3)
    const capped = startEngine({
      lanes: [world.a],
      home: engine.home,
      clock: engine.clock,
      speedUpAfterBlocks: 3n,
      maxGasPriceGwei: '0.000000001',
    })
    await capped.driver.drive(operationId)
    await capped.stop()
    expect(attempts()).toMatchObject([{ kind: 'original' }])
    await world.a.mine(2)
    expect(await driveAfresh(operationId)).toMatchObject({ state: 'committed' })
  })
})
