import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { allChains } from '../../../src/chains/allChains.ts'
import { readRules } from '../../../src/policy/rules/readRules.ts'
import { STRANGER } from '../../support/awkwardTokens.ts'
import { type Engine, MERCHANT, startEngine, TIP_JAR, type World } from '../../support/engine.ts'
import { openOperations } from '../../support/openOperations.ts'
import { compile, tokenAt } from '../../support/tokens.ts'
import { startVaultWorld, VAULT } from '../../support/vault.ts'

// The rules of a policy file on what contract accounts pay: on the account's own payments, and not on what brings them.

let world: World
let engine: Engine
beforeAll(async () => {
  world = await startVaultWorld()
})
afterAll(() => world.stop())
beforeEach(() => {
  const rules = [
    { id: 'friends', allow: { recipients: [MERCHANT] } },
    { id: 'tips', allow: { contracts: [TIP_JAR] } },
    { id: 'hourly', wallets: ['vault'], cap: { asset: 'native', max: '2', per: '1h' } },
  ]
  engine = startEngine({
    lanes: [world.a],
    rules: readRules(JSON.stringify({ version: 1, rules }), allChains),
  })
  return () => engine.stop()
})

const prepare = (request: object, idempotencyKey: string) =>
  engine.prepare({ wallet: 'vault', idempotencyKey, ...request })
const denial = (rule: string) => ({ code: 'policy_denied', context: { rule }, sideEffect: 'none' })
const tip = { to: TIP_JAR, function: 'tip(string)', args: ['thanks'], amount: '0.1' }

it('F3, T18: a contract account pays whom it may, by itself and in batches, and nobody else', async () => {
  await prepare({ to: MERCHANT, amount: '0.1' }, 'friend')
  await prepare({ calls: [tip, { to: MERCHANT, amount: '0.1' }] }, 'batch')
  await expect(prepare({ to: STRANGER, amount: '0.1' }, 'stranger')).rejects.toMatchObject(denial('friends'))
  await expect(prepare({ calls: [tip, { to: STRANGER, amount: '0.1' }] }, 'hidden')).rejects.toMatchObject(
    denial('friends'),
  )
})

it('R5: what it pays counts as its own, and what brings it is not held up by a list that does not name the entry point', async () => {
  const { intentId } = await prepare({ to: MERCHANT, amount: '1.5' }, 'first')
  const { operationId } = await engine.execute(intentId)
  await expect(prepare({ to: MERCHANT, amount: '0.6' }, 'second')).rejects.toMatchObject(denial('hourly'))
  await driven()
  expect(await engine.get(operationId)).toMatchObject({ state: 'committed' })
  expect(engine.rows('select state from operations')).toEqual([
    { state: 'committed' },
    { state: 'committed' },
  ])
})

it('R5, T17: a contract that it calls is no wallet of its: what that pays of its own, and becomes, is its own affair', async () => {
  const pool = tokenAt(900)
  const source = `contract Subject {
    event Upgraded(address indexed implementation);
    function pay(address payable to) external payable { to.transfer(5 ether); }
    function become(address next) external { emit Upgraded(next); }
  }`
  await world.a.ask('anvil_setCode', pool, compile(source))
  await world.a.ask('anvil_setBalance', pool, '0x8ac7230489e80000')
  await world.a.mine(1)
  const rules = [
    { id: 'pools', allow: { recipients: [pool] } },
    { id: 'hourly', cap: { asset: 'native', max: '2', per: '1h' } },
  ]
  engine.judge.policy.use(readRules(JSON.stringify({ version: 1, rules }), allChains))
  const pays = { to: pool, function: 'pay(address)', args: [STRANGER], amount: '0.1' }
  expect(await prepare(pays, 'it pays')).toMatchObject({ status: 'ready' })
  const becomes = { to: pool, function: 'become(address)', args: [STRANGER] }
  const { simulation } = await prepare(becomes, 'it becomes')
  expect(simulation.findings).toContainEqual(
    expect.objectContaining({ code: 'upgrade', severity: 'warning' }),
  )
})

it('T18: its owner does not go round its rules by telling it what to do, alone or in a batch', async () => {
  const { intentId } = await prepare({ to: MERCHANT, amount: '0.1' }, 'there')
  await engine.execute(intentId)
  await driven()
  const own = { context: { rule: 'account-of-its-own' }, code: 'policy_denied', sideEffect: 'none' }
  const asOwner = (request: object, idempotencyKey: string) =>
    prepare({ wallet: 'treasury', ...request }, idempotencyKey)
  const execute = { to: VAULT, function: 'execute(address,uint256,bytes)', args: [MERCHANT, '9', '0x'] }
  await expect(asOwner(execute, 'owner')).rejects.toMatchObject(own)
  await expect(asOwner({ calls: [tip, tip], contractAccount: 'vault' }, 'through')).rejects.toMatchObject(own)
})

it('T18: what its entry point keeps for it goes to nobody else', async () => {
  const { intentId } = await prepare({ to: MERCHANT, amount: '0.1' }, 'deposits')
  await engine.execute(intentId)
  await driven()
  const rules = [{ id: 'friends', allow: { recipients: [MERCHANT] } }]
  engine.judge.policy.use(readRules(JSON.stringify({ version: 1, rules }), allChains))
  const withdraw = { to: VAULT, function: 'withdrawDepositTo(address,uint256)', args: [STRANGER, '1000'] }
  await expect(prepare(withdraw, 'withdraws')).rejects.toMatchObject(denial('friends'))
  await expect(prepare({ calls: [withdraw, withdraw] }, 'in a batch')).rejects.toMatchObject(
    denial('friends'),
  )
})

it('F3: what it may pay is cancelled and brought in place of what waits, whatever lists name', async () => {
  const { intentId } = await prepare({ to: MERCHANT, amount: '0.25' }, 'to be cancelled')
  const { operationId } = await engine.execute(intentId)
  const { intentId: cancelling } = await engine.replace({ operation: operationId, kind: 'cancel' })
  const before = await world.a.balance(MERCHANT)
  expect((await engine.execute(cancelling)).steps).toMatchObject([{ state: 'sent' }])
  await driven()
  expect(await engine.get(operationId)).toMatchObject({ state: 'failed', steps: [{ state: 'replaced' }] })
  expect((await world.a.balance(MERCHANT)) - before).toBe(0n)
  // It counts towards no cap any more but with its fee.
  await prepare({ to: MERCHANT, amount: '1.9' }, 'after it')
})

/** Until nothing is under way. */
async function driven(): Promise<void> {
  for (let looks = 0; looks < 4; looks++) {
    await world.a.mine(1)
    for (const id of openOperations(engine)) await engine.driver.drive(id)
  }
}
