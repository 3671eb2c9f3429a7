import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { allChains } from '../../../src/chains/allChains.ts'
import { checksum } from '../../../src/evm/address.ts'
import { readRules } from '../../../src/policy/rules/readRules.ts'
import {
  AWKWARD,
  finishOf,
  installAwkward,
  STRANGER,
  taking,
  tokenBalance,
} from '../../support/awkwardTokens.ts'
import { beginOnly } from '../../support/begun.ts'
import {
  AGENT,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  TIP_JAR,
  USDC,
  type World,
} from '../../support/engine.ts'

// The rules of a policy file on real payments: what they refuse is refused before anything is signed.

let world: World
const engines: Engine[] = []
beforeAll(async () => {
  world = await startWorld()
  await installAwkward(world.a)
})
afterAll(() => world.stop())
beforeEach(() => async () => {
  for (const engine of engines.splice(0)) await engine.stop()
})

const bookOf = (...rules: readonly object[]) => readRules(JSON.stringify({ version: 1, rules }), allChains)
function engineWith(...rules: readonly object[]): Engine {
  const engine = startEngine({ lanes: [world.a], rules: bookOf(...rules) })
  engines.push(engine)
  return engine
}
const daily = { id: 'daily', cap: { asset: 'USDC', max: '100', per: '24h' } }
const denial = (rule: string) => ({ code: 'policy_denied', context: { rule }, sideEffect: 'none' })
const pay = (engine: Engine, amount: string, idempotencyKey: string, more: object = {}) =>
  engine.prepare({ to: 'merchant', amount, asset: 'USDC', idempotencyKey, ...more })
const signed = (engine: Engine) => engine.rows('select count(*) as n from attempts')

it('R5, T20: two payments that each fit under a daily cap and together do not: the second is not signed', async () => {
  const engine = engineWith(daily)
  const [first, second] = [await pay(engine, '60', 'first'), await pay(engine, '40.000001', 'second')]
  await engine.execute(first.intentId)
  await expect(engine.execute(second.intentId)).rejects.toMatchObject({
    ...denial('daily'),
    message: expect.stringContaining('40.000001 USDC would leave, with the 60 that count already'),
  })
  // Another one is told before anything is prepared; what fits exactly is paid.
  await expect(pay(engine, '40.000001', 'third')).rejects.toMatchObject(denial('daily'))
  await engine.execute((await pay(engine, '40', 'rest')).intentId)
  expect(signed(engine)).toEqual([{ n: 2 }])
})

it('T21, F20: a clock that runs two days ahead or behind refills no cap', async () => {
  const engine = engineWith(daily)
  await engine.execute((await pay(engine, '100', 'all')).intentId)
  const DAY = 86_400_000
  for (const ms of [2 * DAY, -4 * DAY, 2 * DAY]) {
    engine.clock.advance(ms)
    await expect(pay(engine, '0.000001', `after ${ms}`)).rejects.toMatchObject(denial('daily'))
  }
})

it('T21: what is paid while the clock runs behind counts as of the chain’s time, not as of long ago', async () => {
  const engine = engineWith(daily)
  const DAY = 86_400_000
  engine.clock.advance(-2 * DAY)
  await engine.execute((await pay(engine, '100', 'behind')).intentId)
  engine.clock.advance(2 * DAY)
  await expect(pay(engine, '0.000001', 'in time again')).rejects.toMatchObject(denial('daily'))
})

it('R5: what is sped up does not count twice, and what is cancelled frees the cap', async () => {
  const engine = engineWith(daily)
  const { operationId } = await engine.execute((await pay(engine, '100', 'waits')).intentId)
  const { intentId } = await engine.replace({ operation: operationId, kind: 'speed_up' })
  await engine.execute(intentId)
  await expect(pay(engine, '1', 'more')).rejects.toMatchObject(denial('daily'))
  const cancel = await engine.replace({ operation: operationId, kind: 'cancel' })
  await engine.execute(cancel.intentId)
  await engine.driver.drive(operationId)
  await world.a.mine(13)
  await engine.driver.drive(operationId)
  expect(await engine.get(operationId)).toMatchObject({ state: 'failed' })
  await pay(engine, '100', 'again')
})

it('R5: an approval and the call that takes what it allows count once', async () => {
  const engine = engineWith(daily)
  const { operationId } = await engine.execute((await engine.prepare(taking(USDC, '100'))).intentId)
  const total = "select sum(raw) as sum from spends where recipient = '' and asset like '%erc20%'"
  expect(engine.rows(total)).toEqual([{ sum: 100_000_000 }])
  await expect(pay(engine, '0.000001', 'more')).rejects.toMatchObject(denial('daily'))
  await finishOf(world.a, engine, operationId)
  expect(await engine.get(operationId)).toMatchObject({ state: 'committed' })
  expect(engine.rows(total)).toEqual([{ sum: 100_000_000 }])
})

const perRecipient = (max: string) => ({
  ...{ id: 'each', cap: { asset: 'USDC', max, per: '24h', each: ['recipient'] } },
})

const countsForTaker = (engine: Engine) => {
  const recipient = checksum(AWKWARD.taker)
  const rows = engine.rows(`select raw from spends where recipient = '${recipient}' and asset like '%erc20%'`)
  return rows.map(({ raw }) => raw).filter((raw) => raw !== '0')
}

it('R5: who takes what it was allowed has got it once, by a window of its own, whenever it is signed', async () => {
  const engine = engineWith(perRecipient('100'))
  const before = await tokenBalance(world.a, USDC, AWKWARD.taker)
  // Nobody is known to have the approval: the call is judged again when somebody is.
  world.a.proxy.setFault(([call]) =>
    call?.method === 'eth_sendRawTransaction' ? { kind: 'reset' } : undefined,
  )
  const { operationId } = await engine.execute((await engine.prepare(taking(USDC, '60'))).intentId)
  expect(signed(engine)).toEqual([{ n: 1 }])
  expect(countsForTaker(engine)).toEqual(['60000000'])
  world.a.proxy.reset()
  await finishOf(world.a, engine, operationId)
  expect(await engine.get(operationId)).toMatchObject({ state: 'committed' })
  expect((await tokenBalance(world.a, USDC, AWKWARD.taker)) - before).toBe(60_000_000n)
  expect(countsForTaker(engine)).toEqual(['60000000'])
  await expect(engine.prepare(taking(USDC, '40.000001', '40000001'))).rejects.toMatchObject(denial('each'))
  const rest = await engine.execute((await engine.prepare(taking(USDC, '40'))).intentId)
  await finishOf(world.a, engine, rest.operationId)
  expect(countsForTaker(engine)).toEqual(['60000000', '40000000'])
  expect((await tokenBalance(world.a, USDC, AWKWARD.taker)) - before).toBe(100_000_000n)
})

it('R5: a call whose approval is mined is sped up within caps that the two fill, and counts once', async () => {
  const engine = engineWith(daily, perRecipient('100'))
  const before = await tokenBalance(world.a, USDC, AWKWARD.taker)
  const { operationId } = await engine.execute((await engine.prepare(taking(USDC, '100'))).intentId)
  const call = (await engine.get(operationId)).steps[1]?.attempts[0]?.hash
  await world.a.ask('anvil_dropTransaction', call)
  await world.a.mine(1)
  await engine.driver.drive(operationId)
  expect((await engine.get(operationId)).steps.map(({ state }) => state)).toEqual(['included', 'sent'])
  const { intentId } = await engine.replace({ operation: operationId, kind: 'speed_up' })
  await engine.execute(intentId)
  expect(countsForTaker(engine)).toEqual(['100000000'])
  await finishOf(world.a, engine, operationId)
  const done = await engine.get(operationId)
  expect([done.state, done.steps[1]?.attempts.map(({ kind, state }) => `${kind} ${state}`)]).toEqual([
    ...['committed', ['original superseded', 'speed_up included']],
  ])
  expect(countsForTaker(engine)).toEqual(['100000000'])
  expect((await tokenBalance(world.a, USDC, AWKWARD.taker)) - before).toBe(100_000_000n)
  await expect(pay(engine, '0.000001', 'more')).rejects.toMatchObject(denial('daily'))
})

it('F3: what the operator forbade since is neither prepared nor sent, and can still be cancelled', async () => {
  const engine = engineWith()
  const [waits, later] = [await pay(engine, '1', 'waits'), await pay(engine, '1', 'later')]
  const { operationId } = await engine.execute(waits.intentId)
  engine.judge.policy.use(bookOf({ id: 'nobody', deny: { recipients: [MERCHANT] } }))
  await expect(engine.execute(later.intentId)).rejects.toMatchObject(denial('nobody'))
  await expect(pay(engine, '1', 'more')).rejects.toMatchObject(denial('nobody'))
  await expect(engine.replace({ operation: operationId, kind: 'speed_up' })).rejects.toMatchObject(
    denial('nobody'),
  )
  const cancel = await engine.replace({ operation: operationId, kind: 'cancel' })
  await engine.execute(cancel.intentId)
})

it('F3, T18: only the call that is allowed, with the arguments that are, by itself or in a batch', async () => {
  const tip = { contract: TIP_JAR, function: 'tip(string)', arguments: [{ index: 0, oneOf: ['thanks'] }] }
  const engine = engineWith(
    { id: 'tips', allow: { calls: [tip] } },
    { id: 'friends', allow: { recipients: [MERCHANT] } },
  )
  const call = (args: readonly string[]) => ({ to: TIP_JAR, function: 'tip(string)', args, amount: '0.01' })
  const prepare = (request: object, idempotencyKey: string) => engine.prepare({ ...request, idempotencyKey })
  await prepare(call(['thanks']), 'thanks')
  await expect(prepare(call(['drain']), 'other words')).rejects.toMatchObject(denial('tips'))
  await prepare({ to: MERCHANT, amount: '0.01' }, 'friend')
  await expect(prepare({ to: STRANGER, amount: '0.01' }, 'stranger')).rejects.toMatchObject(denial('friends'))
  await prepare({ calls: [call(['thanks']), { to: MERCHANT, amount: '0.01' }] }, 'batch')
  await expect(
    prepare({ calls: [call(['thanks']), { to: STRANGER, amount: '0.01' }] }, 'hidden'),
  ).rejects.toMatchObject(denial('friends'))
  await expect(prepare({ calls: [call(['thanks']), call(['drain'])] }, 'two')).rejects.toMatchObject(
    denial('tips'),
  )
})

/** Calls its caller, as a wallet contract does that its caller owns. */
const CALLS_BACK = '0x00000000000000000000000000000000000ca11b'

it('T18: a stranger’s contract that follows the account’s command is no account of its own', async () => {
  await world.a.ask('anvil_setCode', CALLS_BACK, '0x5f5f5f5f5f335af100')
  const engine = engineWith(
    { id: 'friends', allow: { recipients: [MERCHANT] } },
    { id: 'never', wallets: ['treasury'], deny: { recipients: [CALLS_BACK] } },
    {
      id: 'each',
      wallets: ['payroll'],
      cap: { asset: 'native', max: '0.001', per: '24h', each: ['recipient'] },
    },
  )
  const call = (wallet: string, account: string) =>
    engine.prepare({
      ...{ wallet, to: CALLS_BACK, function: 'execute(address,uint256,bytes)', args: [account, '0', '0x'] },
      ...{ amount: '0.5', idempotencyKey: `calls back ${wallet}` },
    })
  await expect(call('agent', AGENT)).rejects.toMatchObject(denial('friends'))
  await expect(call('treasury', '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266')).rejects.toMatchObject({
    code: 'policy_denied',
  })
})

it('T18: the functions of a token name whom they pay, also where the token itself may be called', async () => {
  const engine = engineWith(
    { id: 'friends', allow: { recipients: [MERCHANT] } },
    { id: 'usdc', allow: { contracts: [USDC] } },
  )
  const from = (to: string, idempotencyKey: string) =>
    engine.prepare({
      ...{ to: USDC, function: 'transferFrom(address,address,uint256)', args: [AGENT, to, '0'] },
      idempotencyKey,
    })
  await from(MERCHANT, 'friend')
  await expect(from(STRANGER, 'stranger')).rejects.toMatchObject(denial('friends'))
})

it('F3: what was begun and may be signed at another hour waits for it', async () => {
  const engine = engineWith()
  const { intentId } = await pay(engine, '1', 'later')
  const { operationId } = await beginOnly(engine, intentId)
  const hour = new Date().getUTCHours()
  const at = (hours: number) => `${String((hour + hours) % 24).padStart(2, '0')}:00`
  engine.judge.policy.use(bookOf({ id: 'office', hours: { from: at(2), to: at(3), zone: 'UTC' } }))
  await engine.driver.drive(operationId)
  expect(await engine.get(operationId)).toMatchObject({ state: 'running' })
  expect(signed(engine)).toEqual([{ n: 0 }])
  engine.judge.policy.use(bookOf({ id: 'nobody', deny: { recipients: [MERCHANT] } }))
  await engine.driver.drive(operationId)
  expect(await engine.get(operationId)).toMatchObject({ state: 'failed' })
  expect(signed(engine)).toEqual([{ n: 0 }])
})
