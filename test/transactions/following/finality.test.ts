import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Engine, MERCHANT, startEngine, startWorld, type World } from '../../support/engine.ts'
import type { EngineOptions } from '../../support/engineOptions.ts'
import { type FaultRule, type RpcProxy, startRpcProxy } from '../../support/rpcProxy.ts'

// What is taken for final is never looked at again: a payment that is not in the chain must not be.

let world: World
let honest: RpcProxy
beforeAll(async () => {
  world = await startWorld()
  honest = await startRpcProxy(world.a.rpcUrl)
})
afterAll(async () => {
  await honest.close()
  await world.stop()
})
beforeEach(() => world.a.proxy.reset())

/** Tells a receipt that the chain does not have (any more), or none that it has. */
const telling =
  (receipt: unknown, methods = ['eth_getTransactionReceipt']): FaultRule =>
  (calls) => ({
    kind: 'rewrite',
    text: (answer) => {
      const told = JSON.parse(answer) as { id: number; result?: unknown }[]
      const lie = (one: { id: number }, index: number) =>
        methods.includes(calls[index]?.method ?? '') ? { ...one, result: receipt } : one
      return JSON.stringify(Array.isArray(told) ? told.map(lie) : lie(told, 0))
    },
  })

async function payAndMine(engine: Engine, idempotencyKey: string) {
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.5', idempotencyKey })
  const { operationId, steps } = await engine.execute(intentId)
  await world.a.mine()
  const receipt = await world.a.ask('eth_getTransactionReceipt', steps[0]?.attempts[0]?.hash)
  expect(receipt).toMatchObject({ status: '0x1' })
  return { operationId, receipt: receipt as { readonly blockNumber: string } }
}

const lonely = (): EngineOptions => ({ lanes: [world.a] })
const witnessed = (): EngineOptions => ({ lanes: [{ ...world.a, others: [honest] }] })

it.each([
  ['alone, of a block that was undone, as one does whose nodes do not agree', lonely],
  ['of a block that is in the chain, and another does not', witnessed],
])(
  'C4, R14, T12: a receipt that is not in the chain is never final: one endpoint tells it %s',
  async (name, options) => {
    const engine = startEngine({ ...options(), home: mkdtempSync(join(tmpdir(), 'bursar-finality-')) })
    const before = await world.a.balance(MERCHANT)
    const { operationId, receipt } = await payAndMine(engine, name)
    await world.a.ask('anvil_reorg', 1, [])
    await world.a.mine(3)
    const { hash } = (await world.a.ask('eth_getBlockByNumber', receipt.blockNumber, false)) as {
      hash: string
    }
    world.a.proxy.setFault(telling(options === witnessed ? { ...receipt, blockHash: hash } : receipt))
    await engine.driver.drive(operationId).catch(() => undefined)
    // Something was signed and sent, and it may have been paid: nobody is told otherwise.
    await expect(engine.driver.drive(operationId)).rejects.toMatchObject({
      code: 'provider_disagreement',
      sideEffect: 'possible',
      message: expect.stringMatching(/signed and sent, and is not taken for final until they agree\.$/),
      fix: expect.stringMatching(/^Wait, and do not pay again/),
    })
    expect((await engine.get(operationId)).state).toBe('running')
    world.a.proxy.setFault(undefined)
    // Its bytes go out again, and it is paid.
    await engine.stop()
    const later = startEngine({ ...options(), home: engine.home, clock: engine.clock })
    await later.driver.drive(operationId)
    await world.a.mine(2)
    await later.driver.drive(operationId)
    expect((await later.get(operationId)).state).toBe('committed')
    expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
    await later.stop()
    rmSync(engine.home, { recursive: true, force: true })
  },
)

it('R14, F8: an endpoint that counts a transaction and cannot look it up yet, while its block holds it, does not prove that a stranger used the nonce', async () => {
  const engine = startEngine(lonely())
  const before = await world.a.balance(MERCHANT)
  const { operationId } = await payAndMine(engine, 'not indexed yet')
  await world.a.mine(5)
  world.a.proxy.setFault(telling(null, ['eth_getTransactionReceipt', 'eth_getTransactionByHash']))
  await engine.driver.drive(operationId)
  expect(await engine.get(operationId)).toMatchObject({
    state: 'running',
    sideEffect: 'possible',
    steps: [{ state: 'unknown' }],
  })
  world.a.proxy.setFault(undefined)
  await engine.driver.drive(operationId)
  expect(await engine.get(operationId)).toMatchObject({ state: 'committed', sideEffect: 'done' })
  expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
  await engine.stop()
})
