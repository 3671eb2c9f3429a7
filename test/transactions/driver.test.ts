import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { BursarError } from '../../src/errors/bursarError.ts'
import { beginOnly } from '../support/begun.ts'
import { type Engine, MERCHANT, startEngine, startWorld, takeOver, type World } from '../support/engine.ts'

let world: World
let engine: Engine
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(() => {
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a] })
  return () => engine.stop()
})

const sends = () => world.a.proxy.calls.filter(({ method }) => method === 'eth_sendRawTransaction').length
const prepared = async (idempotencyKey: string) =>
  (await engine.prepare({ to: 'merchant', amount: '0.5', idempotencyKey })).intentId

it('R14: bytes that no endpoint confirms stay unknown, said once, and are not sent again at once', async () => {
  const before = await world.a.balance(MERCHANT)
  world.a.proxy.setFault(([call]) =>
    call?.method === 'eth_sendRawTransaction' ? { kind: 'reset' } : undefined,
  )
  const { operationId, steps } = await engine.execute(await prepared('never arrives'))
  expect(steps[0]?.state).toBe('unknown')
  const first = sends()
  // The network has had no time to show them.
  await engine.driver.drive(operationId)
  expect(sends()).toBe(first)
  // Another process knows of no send; it is as little proven then.
  expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ steps: [{ state: 'unknown' }] })
  expect(sends()).toBeGreaterThan(first)
  expect(engine.rows("select count(*) as n from audit where event = 'step.unknown'")).toEqual([{ n: 1 }])
  world.a.proxy.setFault(undefined)
  await takeOver(engine, [world.a], operationId)
  await world.a.mine(2)
  expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ state: 'committed' })
  expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
})

it('F16, F21: a journal that cannot be written for a while does not give up a payment that was begun', async () => {
  const before = await world.a.balance(MERCHANT)
  const { operationId } = await beginOnly(engine, await prepared('busy journal'))
  const { readmit } = engine.operations
  engine.operations.readmit = () =>
    Promise.reject(new BursarError('journal_unavailable', { reason: 'SQLITE_BUSY' }))
  await expect(engine.driver.drive(operationId)).rejects.toMatchObject({ code: 'journal_unavailable' })
  expect(await engine.get(operationId)).toMatchObject({ state: 'running', steps: [{ state: 'queued' }] })
  engine.operations.readmit = readmit
  await engine.driver.drive(operationId)
  await world.a.mine(2)
  await engine.driver.drive(operationId)
  expect((await engine.get(operationId)).state).toBe('committed')
  expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
})

it('F25: has settled when what is being driven has come to its next record', async () => {
  const { operationId } = await beginOnly(engine, await prepared('settled'))
  void engine.driver.drive(operationId)
  await engine.driver.settled()
  expect(await engine.get(operationId)).toMatchObject({ steps: [{ state: 'sent' }] })
  await world.a.mine(2)
})
