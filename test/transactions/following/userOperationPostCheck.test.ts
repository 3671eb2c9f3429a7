import { encodeFunctionData, type Hex, toHex } from 'viem'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { ENTRY_POINT } from '../../../src/evm/userOperations/smartAccount.ts'
import { entryPointAbi, recorded } from '../../../src/evm/userOperations/userOperation.ts'
import { AGENT, type Engine, MERCHANT, startEngine, type World } from '../../support/engine.ts'
import { withoutMethods } from '../../support/missingMethods.ts'
import { snapshot } from '../../support/snapshot.ts'
import { compile } from '../../support/tokens.ts'
import { startVaultWorld, VAULT } from '../../support/vault.ts'

// T11: what a contract does to an account once nobody simulates it any more.
const NEW: Hex = '0x0000000000000000000000000000000077777024'
/** It passes whether it gives anything or not. */
const GIVER: Hex = '0x0000000000000000000000000000000009140e01'
const GIVING = 'contract Subject { function give() external { payable(msg.sender).send(1 ether); } }'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startVaultWorld()
  await world.a.ask('anvil_setBalance', GIVER, '0xde0b6b3a7640000')
  await world.a.ask('anvil_setCode', GIVER, compile(GIVING))
})
afterAll(() => world.stop())
beforeEach(async () => {
  const restore = await snapshot(world.a)
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a] })
  return async () => {
    await engine.stop()
    await restore()
  }
})

async function send(request: object): Promise<string> {
  const idempotencyKey = JSON.stringify(request)
  const { intentId } = await engine.prepare({ wallet: 'vault', ...request, idempotencyKey })
  return (await engine.execute(intentId)).operationId
}

async function end(operationId: string) {
  for (let blocks = 0; blocks < 3; blocks++) {
    await world.a.mine(1)
    await engine.driver.drive(operationId)
  }
  return engine.get(operationId)
}

/** What counts towards caps in the end, by recipient. */
const counted = () =>
  engine.rows(
    `select recipient, raw from spends where asset not like 'fee/%' and recipient != '' order by recipient`,
  )

const give = { to: GIVER, function: 'give()' }

it('a payment that did what was simulated has nothing to be said about, and counts for what it took', async () => {
  const done = await end(await send({ to: NEW, amount: '1.5' }))
  expect(done).toMatchObject({ state: 'committed' })
  expect(done.steps[0]).not.toHaveProperty('note')
  expect(counted()).toEqual([{ recipient: NEW.toLowerCase(), raw: '1500000000000000000' }])
})

it('native tokens that did not come in are told', async () => {
  const operationId = await send(give)
  await world.a.ask('anvil_setBalance', GIVER, '0x0')
  const done = await end(operationId)
  expect(done).toMatchObject({ state: 'committed' })
  expect(done.steps[0]?.note).toBe(
    'what happened is worse than what was simulated: 0 ETH would come in, not 1 ETH',
  )
})

it('where no endpoint traces, nothing is said of native tokens', async () => {
  const operationId = await send(give)
  world.a.proxy.setFault(withoutMethods(['debug_traceTransaction']))
  await world.a.ask('anvil_setBalance', GIVER, '0x0')
  const done = await end(operationId)
  expect(done).toMatchObject({ state: 'committed' })
  expect(done.steps[0]).not.toHaveProperty('note')
})

it('of several operations in one transaction, each is held against what it did itself', async () => {
  const ids: string[] = []
  for (const request of [{ to: NEW, amount: '2' }, give, { to: MERCHANT, amount: '0.5' }]) {
    ids.push(await send(request))
  }
  const raws = engine.rows(`select raw from attempts where account = '${VAULT}' order by nonce`)
  const ops = raws.map(({ raw }) => recorded(raw as Hex).operation)
  const data = encodeFunctionData({ abi: entryPointAbi, functionName: 'handleOps', args: [ops, AGENT] })
  await world.a.ask('anvil_dropAllTransactions')
  await world.a.ask('eth_sendTransaction', { from: AGENT, to: ENTRY_POINT, data, gas: toHex(3_000_000n) })
  for (const id of ids) {
    const done = await end(id)
    expect(done).toMatchObject({ state: 'committed' })
    expect(done.steps[0]).not.toHaveProperty('note')
  }
  expect(await world.a.balance(NEW)).toBe(2_000_000_000_000_000_000n)
  const hashes = engine.rows(`select distinct transaction_hash from steps where account = '${VAULT}'`)
  expect(hashes).toHaveLength(1)
})
