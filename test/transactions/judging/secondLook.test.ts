import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { beginOnly } from '../../support/begun.ts'
import {
  AGENT,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  USDC,
  type World,
} from '../../support/engine.ts'
import { compile, setHoldings } from '../../support/tokens.ts'

// What may have changed between the moment when a payment was shown and the moment when it is signed.

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

beforeEach(() => {
  world.a.proxy.reset()
  world.b.proxy.reset()
  engine = startEngine({ lanes: [world.a, world.b] })
  return () => engine.stop()
})

function gate() {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

const sent = () => world.a.proxy.count('eth_sendRawTransaction')

describe('T11: a contract that takes what its storage says', () => {
  const TILL = '0x0000000000000000000000000000000000717171'
  const price = (raw: number) =>
    world.a.ask('anvil_setStorageAt', TILL, '0x0', `0x${raw.toString(16).padStart(64, '0')}`)

  beforeAll(async () => {
    const code = compile(`interface Token { function transferFrom(address, address, uint256) external; }
      contract Subject {
        uint256 price;
        function pay() external { Token(${USDC}).transferFrom(msg.sender, address(this), price); }
      }`)
    await world.a.ask('anvil_setCode', TILL, code)
  })

  async function prepared(idempotencyKey: string) {
    const allowance = await engine.prepare({
      to: USDC,
      function: 'approve(address,uint256)',
      args: [TILL, '900000000'],
      idempotencyKey: `allowance for ${idempotencyKey}`,
    })
    await engine.execute(allowance.intentId)
    await world.a.mine()
    await price(100_000_000)
    return engine.prepare({ to: TILL, function: 'pay()', idempotencyKey })
  }

  it('T11: is not paid when it takes more than was shown', async () => {
    const { intentId, simulation } = await prepared('more')
    expect(simulation.effects).toMatchObject([{ kind: 'transfer', to: TILL, amount: { raw: '100000000' } }])
    world.a.proxy.reset()
    await price(102_000_001)
    await expect(engine.execute(intentId)).rejects.toMatchObject({
      code: 'effects_changed',
      sideEffect: 'none',
      context: { what: `102.000001 USDC would go to ${TILL}, not 100 USDC` },
    })
    expect(sent()).toBe(0)
    expect((await engine.list()).operations).toHaveLength(1)
  })

  it('T11: is paid when it takes more by no more than MAX_SLIPPAGE_PERCENT', async () => {
    const { intentId } = await prepared('a little more')
    await price(102_000_000)
    await engine.execute(intentId)
    await world.a.mine()
    expect(await balanceOf(TILL)).toBe(102_000_000n)
  })

  it('T11, F1: is judged against what was shown also by the process that takes over', async () => {
    const { intentId } = await prepared('taken over')
    const { operationId } = await beginOnly(engine, intentId)
    world.a.proxy.reset()
    await price(200_000_000)
    await engine.driver.drive(operationId)
    expect(sent()).toBe(0)
    expect(await engine.get(operationId)).toMatchObject({
      state: 'failed',
      sideEffect: 'none',
      steps: [{ state: 'failed', note: expect.stringContaining('200 USDC would go to') }],
    })
  })

  const balanceOf = async (account: string) =>
    BigInt(
      (await world.a.ask(
        'eth_call',
        { to: USDC, data: `0x70a08231${account.slice(2).padStart(64, '0')}` },
        'latest',
      )) as string,
    )
})

describe('R5: what is held', () => {
  it('R5, C6: is also what a contract call moves, in every token that it moves', async () => {
    await setHoldings(world.a, [{ token: USDC, account: AGENT, raw: 999_898_000_000n }])
    const call = (amount: string, idempotencyKey: string) =>
      engine.prepare({
        to: USDC,
        function: 'transfer(address,uint256)',
        args: [MERCHANT, amount],
        idempotencyKey,
      })
    const most = await call('700000000000', 'by call')
    const rest = await engine.prepare({
      to: 'merchant',
      amount: '300000',
      asset: 'USDC',
      idempotencyKey: 'rest',
    })
    await engine.execute(most.intentId)
    const short = {
      code: 'insufficient_funds',
      context: { asset: 'USDC', needed: '300000', available: '299898', shortfall: '102' },
    }
    await expect(engine.execute(rest.intentId)).rejects.toMatchObject(short)
    await expect(call('300000000000', 'another call')).rejects.toMatchObject(short)
    await world.a.mine()
  })

  it('R5: counts on its own chain only', async () => {
    for (const [lane, chain] of [
      [world.a, 'sandbox-a'],
      [world.b, 'sandbox-b'],
    ] as const) {
      await lane.ask('anvil_setBalance', AGENT, '0xde0b6b3a7640000')
      const { intentId } = await engine.prepare({
        chain,
        to: 'merchant',
        amount: '0.6',
        idempotencyKey: chain,
      })
      await engine.execute(intentId)
    }
    // With the holds of both chains added up nothing of the one token would be left.
    const { status } = await engine.prepare({ to: 'merchant', amount: '0.3', idempotencyKey: 'still fits' })
    expect(status).toBe('ready')
    await expect(
      engine.prepare({ to: 'merchant', amount: '0.41', idempotencyKey: 'does not' }),
    ).rejects.toMatchObject({ code: 'insufficient_funds' })
    await Promise.all([world.a.mine(), world.b.mine()])
  })

  it('R5, C6: counts until the balance shows it: an inclusion after the balance was read', async () => {
    await world.a.ask('anvil_setBalance', AGENT, '0xde0b6b3a7640000')
    const pay = (idempotencyKey: string) => engine.prepare({ to: 'merchant', amount: '0.6', idempotencyKey })
    const [first, second] = [await pay('in flight'), await pay('too late')]
    const { operationId } = await engine.execute(first.intentId)
    const [released, asked] = [gate(), gate()]
    world.a.proxy.setFault((calls) => {
      if (!calls.some(({ method }) => method === 'eth_simulateV1')) return undefined
      asked.open()
      return { kind: 'hold', until: released.opened }
    })
    const executing = engine.execute(second.intentId)
    await asked.opened
    // Its balance is of the block before this one, whose inclusion settles what the first payment held.
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    expect((await engine.get(operationId)).steps[0]?.state).toBe('final')
    released.open()
    await expect(executing).rejects.toMatchObject({
      code: 'insufficient_funds',
      context: { detail: expect.stringContaining('is held for payments in flight') },
    })
    expect(sent()).toBe(1)
  })
})

describe('what a process finds that takes over', () => {
  const fund = (wei: bigint) => world.a.ask('anvil_setBalance', AGENT, `0x${wei.toString(16)}`)
  const ETHER = 10n ** 18n

  it('C6: a payment that is mined holds nothing, also before anybody has looked at it', async () => {
    await fund(ETHER)
    const pay = async (amount: string, idempotencyKey: string) =>
      (await engine.prepare({ to: 'merchant', amount, idempotencyKey })).intentId
    const [mined, queued] = [await pay('0.6', 'mined'), await pay('0.3', 'queued')]
    await engine.execute(mined)
    await world.a.mine()
    // A new payment is not refused either.
    expect(await pay('0.05', 'new')).toMatch(/^int_/)
    const { operationId } = await beginOnly(engine, queued)
    await engine.driver.drive(operationId)
    expect((await engine.get(operationId)).steps[0]?.state).toBe('sent')
    await world.a.mine()
  })

  it('C6: waits when only what others hold is missing, and goes on when it comes free', async () => {
    await fund(ETHER)
    const [first, second] = await Promise.all(
      ['holds', 'waits'].map((idempotencyKey) =>
        engine.prepare({ to: 'merchant', amount: '0.6', idempotencyKey }),
      ),
    )
    await engine.execute(first?.intentId ?? '')
    const { operationId } = await beginOnly(engine, second?.intentId ?? '')
    await expect(engine.driver.drive(operationId)).rejects.toMatchObject({ code: 'insufficient_funds' })
    expect((await engine.get(operationId)).state).toBe('running')
    await world.a.mine()
    await fund(ETHER)
    await engine.driver.drive(operationId)
    expect((await engine.get(operationId)).steps[0]?.state).toBe('sent')
    await world.a.mine()
  })

  it('R5: holds what it needs now, and not what it needed when it began', async () => {
    const { intentId } = await engine.prepare({
      to: 'merchant',
      amount: '0.01',
      idempotencyKey: 'more to hold',
    })
    const { operationId } = await beginOnly(engine, intentId)
    const kinds = () =>
      engine
        .rows(`select kind, raw from reservations where state = 'held' order by kind`)
        .map(({ kind, raw }) => [kind, raw])
    expect(kinds()).toEqual([['spend', '10000000000000000']])
    const { fees } = await engine.prepare({ to: 'merchant', amount: '0.01', idempotencyKey: 'more to hold' })
    await engine.driver.drive(operationId)
    expect(kinds()).toEqual([
      ['fee', fees.ceiling.raw],
      ['spend', '10000000000000000'],
    ])
    await world.a.mine()
  })

  it('F20: a clock that was set back signs nothing of what was begun', async () => {
    const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.01', idempotencyKey: 'two days' })
    const { operationId } = await beginOnly(engine, intentId)
    world.a.proxy.reset()
    engine.clock.advance(-2 * 86_400_000)
    await engine.driver.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'failed', sideEffect: 'none' })
    expect(sent()).toBe(0)
  })
})

it('R1: an intent that is renewed while it is being executed is not executed', async () => {
  const request = { to: 'merchant', amount: '0.01', idempotencyKey: 'renewed meanwhile' }
  const { intentId } = await engine.prepare(request)
  const [released, asked] = [gate(), gate()]
  world.a.proxy.setFault((calls) => {
    if (!calls.some(({ method }) => method === 'eth_simulateV1')) return undefined
    asked.open()
    return { kind: 'hold', until: released.opened }
  })
  const executing = engine.execute(intentId)
  await asked.opened
  world.a.proxy.setFault(undefined)
  await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x77359400')
  await world.a.mine()
  await engine.prepare(request)
  released.open()
  await expect(executing).rejects.toMatchObject({ code: 'receipt_refused', sideEffect: 'none' })
  expect(sent()).toBe(0)
})

it('F20: a clock that was set back does not make an intent younger', async () => {
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.01', idempotencyKey: 'back' })
  engine.clock.advance(-7_200_000)
  await expect(engine.execute(intentId)).rejects.toMatchObject({ code: 'intent_expired', sideEffect: 'none' })
  expect(sent()).toBe(0)
})

describe('R13: a chain that is replaced under a running process', () => {
  const replaced = () =>
    world.a.proxy.setFault((calls) => {
      const index = calls.findIndex(({ params }) => params[0] === '0x0')
      if (index < 0) return undefined
      return {
        kind: 'rewrite',
        text: (answer) => {
          const entries = [JSON.parse(answer)].flat() as { result: { hash: string } }[]
          for (const { result } of entries) if (result?.hash) result.hash = `0x${'ab'.repeat(32)}`
          return JSON.stringify(answer.startsWith('[') ? entries : entries[0])
        },
      }
    })

  it('R13: is noticed before anything is signed there', async () => {
    const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.01', idempotencyKey: 'replaced' })
    replaced()
    engine.clock.advance(10_001)
    await expect(engine.execute(intentId)).rejects.toMatchObject({
      code: 'chain_replaced',
      sideEffect: 'none',
    })
    expect(sent()).toBe(0)
  })

  it('R14: keeps nothing that was sent before from being told as unknown, and why', async () => {
    const { intentId } = await engine.prepare({
      to: 'merchant',
      amount: '0.01',
      idempotencyKey: 'sent before',
    })
    const { operationId } = await engine.execute(intentId)
    replaced()
    engine.clock.advance(10_001)
    await expect(engine.driver.drive(operationId)).rejects.toMatchObject({ code: 'chain_replaced' })
    expect((await engine.get(operationId)).steps).toMatchObject([
      { state: 'unknown', note: expect.stringContaining('is not the chain that this journal knows') },
    ])
    await world.a.mine()
  })

  it('R14: says so once, however often it is looked at: what has not changed is not recorded again', async () => {
    const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.01', idempotencyKey: 'said once' })
    const { operationId } = await engine.execute(intentId)
    replaced()
    for (let look = 0; look < 3; look++) {
      engine.clock.advance(10_001)
      await expect(engine.driver.drive(operationId)).rejects.toMatchObject({ code: 'chain_replaced' })
    }
    expect(engine.rows("select event from audit where event = 'step.unknown'")).toHaveLength(1)
    await world.a.mine()
  })

  it('R5: keeps no funds held for what was never signed, once its intent has expired', async () => {
    const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.01', idempotencyKey: 'stranded' })
    const { operationId } = await beginOnly(engine, intentId)
    replaced()
    engine.clock.advance(600_000)
    await engine.driver.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'failed', sideEffect: 'none' })
    const open = engine.rows("select count(*) as held from reservations where state = 'held'")
    expect(open).toEqual([{ held: 0 }])
  })
})
