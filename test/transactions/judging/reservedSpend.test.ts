import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { AGENT, type Engine, startEngine, startWorld, USDC, type World } from '../../support/engine.ts'
import { fromTheStart } from '../../support/ledger.ts'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

beforeEach(() => {
  engine = startEngine({ lanes: [world.a] })
  return () => engine.stop()
})

const pay = (amount: string, idempotencyKey: string, asset = 'USDC') =>
  engine.prepare({ to: 'merchant', amount, asset, idempotencyKey })

it('R5: two payments that each fit and together do not: the second is refused with the exact shortfall', async () => {
  const first = await pay('600000', 'first')
  const second = await pay('600000.000001', 'second')
  await engine.execute(first.intentId)
  await expect(engine.execute(second.intentId)).rejects.toMatchObject({
    code: 'insufficient_funds',
    context: {
      wallet: 'agent',
      asset: 'USDC',
      needed: '600000.000001',
      available: '400000',
      shortfall: '200000.000001',
      detail: 'the amount; 600000 is held for payments in flight',
    },
    sideEffect: 'none',
  })
  // A new payment is told the same before anything is prepared.
  await expect(pay('400000.000001', 'third')).rejects.toMatchObject({
    code: 'insufficient_funds',
    context: { shortfall: '0.000001' },
  })
  const rest = await pay('400000', 'rest')
  await engine.execute(rest.intentId)
  await world.a.mine()
  expect(BigInt((await balanceOfAgent()) as string)).toBe(0n)
})

const balanceOfAgent = () =>
  world.a.ask('eth_call', { to: USDC, data: `0x70a08231${AGENT.slice(2).padStart(64, '0')}` }, 'latest')

it('R5: the ceiling of the fee is held with the amount', async () => {
  // One native token and the ceiling of two plain transfers, less one wei.
  const { fees } = await engine.prepare({ to: 'merchant', amount: '0.5', idempotencyKey: 'quote' })
  const ceiling = BigInt(fees.ceiling.raw)
  const funds = 1_000_000_000_000_000_000n + 2n * ceiling - 1n
  await world.a.ask('anvil_setBalance', AGENT, `0x${funds.toString(16)}`)
  const first = await engine.prepare({ to: 'merchant', amount: '0.5', idempotencyKey: 'half' })
  const second = await engine.prepare({ to: 'merchant', amount: '0.5', idempotencyKey: 'other half' })
  expect([first.fees.ceiling.raw, second.fees.ceiling.raw]).toEqual([String(ceiling), String(ceiling)])
  await engine.execute(first.intentId)
  await expect(engine.execute(second.intentId)).rejects.toMatchObject({
    code: 'insufficient_funds',
    context: { asset: 'ETH', shortfall: '0.000000000000000001' },
  })
  await world.a.mine()
})

it('R5: two processes that execute at once never take more than there is', async () => {
  await world.a.ask('anvil_setBalance', AGENT, '0x1bc16d674ec80000')
  const other = startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock })
  const intents = await Promise.all(
    Array.from({ length: 6 }, (_, index) =>
      engine.prepare({ to: 'merchant', amount: '0.6', idempotencyKey: `rush ${index}` }),
    ),
  )
  const outcomes = await Promise.allSettled(
    intents.map(({ intentId }, index) => (index % 2 ? engine : other).execute(intentId)),
  )
  // Two native tokens hold three payments of 0.6 and their fees.
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
  expect(outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))).toEqual(
    ['insufficient_funds', 'insufficient_funds', 'insufficient_funds'],
  )
  await world.a.mine()
  await other.stop()
})

it('R5: what was held is settled by inclusion and counts no more', async () => {
  await world.a.ask('anvil_setBalance', AGENT, '0x8ac7230489e80000')
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '1', idempotencyKey: 'settled' })
  const { operationId } = await engine.execute(intentId)
  const state = () => engine.rows('select kind, state from reservations order by kind')
  expect(state()).toEqual([
    { kind: 'fee', state: 'held' },
    { kind: 'spend', state: 'held' },
  ])
  await world.a.mine()
  await engine.driver.drive(operationId)
  expect(state()).toEqual([
    { kind: 'fee', state: 'settled' },
    { kind: 'spend', state: 'settled' },
  ])
  expect(
    (
      await engine.operations.ledger({
        chain: 'eip155:31337',
        account: AGENT,
        policy: '',
        asOf: { block: '99999999', minedCount: 0n },
        windows: [],
      })
    ).held.size,
  ).toBe(0)
})

it('R5: what one account holds counts on its own chain, and for no other account', async () => {
  await world.a.ask('anvil_setBalance', AGENT, '0x8ac7230489e80000')
  const treasury = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '1', idempotencyKey: 'mine' })
  const { operationId } = await engine.execute(intentId)
  const held = async (account: string, chain = 'eip155:31337') => {
    const ledger = await engine.operations.ledger({ chain, account, ...fromTheStart })
    return [...ledger.held.keys()]
  }
  const holders = async () => [await held(AGENT), await held(treasury), await held(AGENT, 'eip155:31338')]
  // First while it waits, then when it is mined and the balance of an older block does not show it yet.
  expect(await holders()).toEqual([['eip155:31337/slip44:1'], [], []])
  await world.a.mine()
  await engine.driver.drive(operationId)
  expect(engine.rows('select distinct state from reservations')).toEqual([{ state: 'settled' }])
  expect(await holders()).toEqual([['eip155:31337/slip44:1'], [], []])
})
