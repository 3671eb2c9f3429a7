import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { allChains } from '../../../src/chains/allChains.ts'
import { readRules } from '../../../src/policy/rules/readRules.ts'
import { type Engine, startEngine, startWorld, TIP_JAR, type World } from '../../support/engine.ts'
import { type RpcProxy, startRpcProxy } from '../../support/rpcProxy.ts'
import { fillVault } from '../../support/vault.ts'

// What a final payment is settled at frees the rest of what its caps held: an endpoint that tells less must not (T12).

/** keccak256 of Transfer(address,address,uint256). */
const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'
/** Nonce and success of an event of the entry point, what the operation paid, and how much gas it used. */
const PAID = /("0x[0-9a-f]{64}0{63}1)[0-9a-f]{64}([0-9a-f]{64}")/

let world: World
let second: RpcProxy
let engine: Engine
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(async () => {
  second = await startRpcProxy(world.a.rpcUrl)
  const rules = [
    { id: 'usdc', cap: { asset: 'USDC', max: '100', per: '24h' } },
    { id: 'native', cap: { asset: 'native', max: '1', per: '24h' } },
    { id: 'gas', feeCap: { max: '1', per: '24h' } },
  ]
  const book = readRules(JSON.stringify({ version: 1, rules }), allChains)
  engine = startEngine({ lanes: [{ ...world.a, others: [{ url: second.url }] }], rules: book })
})
afterEach(async () => {
  world.a.proxy.setFault(undefined)
  await engine.stop()
  await second.close()
})

/** The first endpoint changes what it answers to this method. */
const lies = (method: string, change: (answer: string) => string) =>
  world.a.proxy.setFault((calls) =>
    calls.some((call) => call.method === method) ? { kind: 'rewrite', text: change } : undefined,
  )
const counted = () =>
  engine.rows(`select raw from spends where recipient = '' and asset not like 'fee/%'`).map(({ raw }) => raw)
async function pay(request: object): Promise<string> {
  const { intentId } = await engine.prepare({ idempotencyKey: 'once', ...request })
  const { operationId } = await engine.execute(intentId)
  await world.a.mine(3)
  return operationId
}

it('T12, R5: an endpoint that hides what a payment moved frees no cap', async () => {
  const operationId = await pay({ to: 'merchant', amount: '100', asset: 'USDC' })
  lies('eth_getTransactionReceipt', (answer) => answer.replace(/"logs":\[\{.*?\}\]/g, '"logs":[]'))
  await expect(engine.driver.drive(operationId)).rejects.toMatchObject({ code: 'provider_disagreement' })
  expect(counted()).toEqual(['100000000'])
  world.a.proxy.setFault(undefined)
  await engine.driver.drive(operationId)
  expect([await engine.get(operationId), counted()]).toMatchObject([{ state: 'committed' }, ['100000000']])
})

it('T12, R5: nor does one that hides what a user operation moved, or changes what it paid', async () => {
  await fillVault(world.a)
  const { intentId } = await engine.prepare({
    ...{ wallet: 'treasury', to: 'vault', amount: '10', asset: 'USDC', idempotencyKey: 'funds' },
  })
  const { operationId: funding } = await engine.execute(intentId)
  await world.a.mine(3)
  await engine.driver.drive(funding)
  const operationId = await pay({ wallet: 'vault', to: 'merchant', amount: '10', asset: 'USDC' })
  const drive = () => engine.driver.drive(operationId)
  lies('eth_getTransactionReceipt', (answer) => answer.replaceAll(TRANSFER, `0x${'11'.repeat(32)}`))
  await expect(drive()).rejects.toMatchObject({ code: 'provider_disagreement' })
  // The third word of its event: what it paid.
  lies('eth_getTransactionReceipt', (answer) => answer.replace(PAID, `$1${'0'.repeat(63)}1$2`))
  await expect(drive()).rejects.toMatchObject({ code: 'provider_disagreement' })
  world.a.proxy.setFault(undefined)
  await drive()
  expect([await engine.get(operationId), counted()]).toMatchObject([
    { state: 'committed' },
    ['10000000', '10000000'],
  ])
})

it('T12, R5: an endpoint that tells another price of gas frees no cap on fees', async () => {
  const operationId = await pay({ to: 'merchant', amount: '0.5' })
  lies('eth_getTransactionReceipt', (answer) =>
    answer.replace(/"effectiveGasPrice":"0x[0-9a-f]+"/g, '"effectiveGasPrice":"0x0"'),
  )
  await expect(engine.driver.drive(operationId)).rejects.toMatchObject({ code: 'provider_disagreement' })
})

it('T12, R5: an endpoint that traces less than was held frees nothing of it', async () => {
  const operationId = await pay({ to: TIP_JAR, function: 'tip(string)', args: ['x'], amount: '0.5' })
  lies('debug_traceTransaction', (answer) => answer.replace(/"value":"0x[0-9a-f]+"/g, '"value":"0x0"'))
  await engine.driver.drive(operationId)
  expect([await engine.get(operationId), counted()]).toMatchObject([
    { state: 'committed' },
    ['500000000000000000'],
  ])
})
