import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, expect, it, test } from 'vitest'
import { type Engine, readRows, startEngine, startWorld, type World } from '../../support/engine.ts'
import { MIGRATIONS, putBackBefore } from '../../support/olderJournals.ts'

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

test('every migration but the first can be put back before', () => {
  const files = readdirSync('src/store/migrations').map((file) => file.replace('.ts', ''))
  expect(files.slice(1)).toEqual(MIGRATIONS)
})

it.each(MIGRATIONS)(
  'a journal of the version before %s is brought up to date with what it holds, and its payments go on',
  async (migration) => {
    const pay = async (key: string) => {
      const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.01', idempotencyKey: key })
      return (await engine.execute(intentId)).operationId
    }
    const ended = await pay('ended')
    await world.a.mine(2)
    await engine.driver.drive(ended)
    const inFlight = await pay('in flight')
    const { path, clock, home } = engine
    const before = readRows(path, 'select id, step_id, intent_id, raw, hash, live from attempts order by id')
    const schema = 'select name, sql from sqlite_master where sql is not null order by name'
    const shape = readRows(path, schema).map(({ name }) => name)
    await engine.journal.close()
    putBackBefore(migration, path)
    const other = startEngine({ lanes: [world.a], home, clock })
    try {
      expect(await other.get(ended)).toMatchObject({ state: 'committed', steps: [{ state: 'final' }] })
      await world.a.mine(2)
      await other.driver.drive(inFlight)
      expect(await other.get(inFlight)).toMatchObject({ state: 'committed', sideEffect: 'done' })
      expect(
        readRows(path, 'select id, step_id, intent_id, raw, hash, live from attempts order by id'),
      ).toEqual(before)
      expect(readRows(path, schema).map(({ name }) => name)).toEqual(shape)
      expect(readRows(path, 'select role, ended from steps')).toEqual([
        { role: 'pivot', ended: 1 },
        { role: 'pivot', ended: 1 },
      ])
    } finally {
      await other.stop()
    }
  },
)
