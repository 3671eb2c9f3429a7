import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startEngine, startWorld, type World } from '../support/engine.ts'

let world: World
const folder = mkdtempSync(join(tmpdir(), 'bursar-faults-'))

beforeAll(async () => {
  world = await startWorld()
})
afterAll(async () => {
  await world.stop()
  rmSync(folder, { recursive: true, force: true })
})

const sent = () => world.a.proxy.count('eth_sendRawTransaction')

it('F21: without a journal nothing is prepared and nothing is sent', async () => {
  const file = join(folder, 'not-a-folder')
  writeFileSync(file, '')
  const engine = startEngine({ lanes: [world.a], home: file })
  await expect(
    engine.prepare({ to: 'merchant', amount: '1', idempotencyKey: 'nowhere' }),
  ).rejects.toMatchObject({ code: 'journal_unavailable', sideEffect: 'none' })
  expect(sent()).toBe(0)
  await engine.stop()
})

it('F21, R2: a journal that is lost between prepare and execute: nothing is signed, nothing is sent', async () => {
  const home = join(folder, 'locked')
  mkdirSync(home)
  const engine = startEngine({ lanes: [world.a], home })
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '1', idempotencyKey: 'locked' })
  // As a disk that refuses writes: every insert into operations fails.
  const db = new Database(engine.path)
  db.exec("create trigger full before insert on operations begin select raise(fail, 'disk full'); end")
  await expect(engine.execute(intentId)).rejects.toThrow()
  expect(engine.rows('select * from operations')).toEqual([])
  expect(engine.rows('select * from nonces')).toEqual([])
  expect(sent()).toBe(0)
  // And it goes on where it stopped when the disk takes writes again.
  db.exec('drop trigger full')
  db.close()
  expect((await engine.execute(intentId)).steps[0]?.state).toBe('sent')
  expect(sent()).toBe(1)
  await world.a.mine()
  await engine.stop()
})

it('F21, R2: signed bytes that cannot be recorded are never sent', async () => {
  world.a.proxy.reset()
  const home = join(folder, 'no-attempts')
  mkdirSync(home)
  const engine = startEngine({ lanes: [world.a], home })
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '1', idempotencyKey: 'unrecorded' })
  const db = new Database(engine.path)
  db.exec("create trigger full before insert on attempts begin select raise(fail, 'disk full'); end")
  // The operation is begun and waits; its bytes stayed at home.
  const { operationId, state } = await engine.execute(intentId)
  expect(state).toBe('running')
  expect(sent()).toBe(0)
  db.exec('drop trigger full')
  db.close()
  await engine.driver.drive(operationId)
  expect(sent()).toBe(1)
  await world.a.mine(2)
  await engine.driver.drive(operationId)
  expect((await engine.get(operationId)).state).toBe('committed')
  await engine.stop()
})
