import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { NonceStore } from '../../src/nonces/nonceStore.ts'
import { SharedNonces } from '../../src/nonces/sharedNonces.ts'
import type { RedisConnection } from '../../src/redis/connection.ts'
import { RedisNonces } from '../../src/redis/redisNonces.ts'
import type { Journal } from '../../src/store/journal.ts'
import { NonceTableStore } from '../../src/store/nonces/nonces.ts'
import type { StepRow } from '../../src/store/schema.ts'
import { type RedisServer, startRedisServer } from '../support/redisServer.ts'
import { beginMany, type JournalFile, journalFile, record } from './support/begun.ts'
import { patientRedis } from './support/patientRedis.ts'

// Two processes on one lane, against a model that is a list: who holds which nonce, and whether bytes were signed.

const STEPS = 6

interface Slot {
  readonly step: number
  signed: boolean
  /** Redis alone knows it, and has run out: whoever asks for it first has it, which may be its own step. */
  ranOut: boolean
}

interface Model {
  floor: bigint
  readonly slots: Map<bigint, Slot>
}

interface Real {
  readonly steps: readonly StepRow[]
  readonly processes: readonly { readonly store: NonceStore; readonly journal: Journal }[]
  /** Lets all leases run out; does nothing where there are none. */
  runOut(): Promise<boolean>
  /** Makes every process tell Redis what the journal knows. */
  raise(): Promise<void>
}

type Command = fc.AsyncCommand<Model, Real>

const nonceOf = (model: Readonly<Model>, step: number) =>
  [...model.slots].find(([, slot]) => slot.step === step)?.[0]

/** What a step may get: its own, else the lowest that is free; one that has run out is both. */
function expected(model: Model, step: number): readonly bigint[] {
  const own = nonceOf(model, step)
  if (own !== undefined && !model.slots.get(own)?.ranOut) return [own]
  let nonce = model.floor
  for (let slot = model.slots.get(nonce); slot && !slot.ranOut; slot = model.slots.get(nonce)) nonce += 1n
  return own === undefined ? [nonce] : [own, nonce]
}

/** How often each command ran: what never ran has shown nothing. */
const ran = new Map<string, number>()

function command(
  name: string,
  check: (model: Readonly<Model>) => boolean,
  run: (model: Model, real: Real) => Promise<void>,
): Command {
  return {
    check,
    async run(model, real) {
      const [kind = ''] = name.split(':')
      ran.set(kind, (ran.get(kind) ?? 0) + 1)
      await run(model, real)
    },
    toString: () => name,
  }
}

function expectToHaveRun(...kinds: readonly string[]): void {
  for (const kind of kinds) expect(ran.get(kind) ?? 0, kind).toBeGreaterThan(0)
  ran.clear()
}

const always = () => true
/** Nobody asks for a nonce for what is mined, except a process that was stopped: see fences.test.ts. */
const unmined = (step: number) => (model: Readonly<Model>) => {
  const own = nonceOf(model, step)
  return own === undefined || own >= model.floor
}

function parts({ steps, processes }: Real, step: number, process: number) {
  const [row, by] = [steps[step], processes[process]]
  if (!row || !by) throw new Error('there are six steps and two processes')
  return { row, ...by }
}

async function reserveFor(model: Model, real: Real, step: number, process: number): Promise<bigint> {
  const { row, store } = parts(real, step, process)
  const nonce = await store.reserve(row, model.floor)
  expect(expected(model, step)).toContain(nonce)
  const own = nonceOf(model, step)
  const signed = own === nonce && model.slots.get(nonce)?.signed === true
  if (own !== undefined) model.slots.delete(own)
  model.slots.set(nonce, { step, signed, ranOut: false })
  return nonce
}

const reserve = (step: number, process: number) =>
  command(`reserve: step ${step} in process ${process}`, unmined(step), async (model, real) => {
    await reserveFor(model, real, step, process)
  })

const release = (step: number, process: number) =>
  command(`release: step ${step} in process ${process}`, always, async (model, real) => {
    const { row, store } = parts(real, step, process)
    await store.release(row)
    const nonce = nonceOf(model, step)
    if (nonce !== undefined && !model.slots.get(nonce)?.signed) model.slots.delete(nonce)
  })

/** As the driver does: reserve, which is nothing new for a step that has a nonce, then sign and record. */
const sign = (step: number, process: number) =>
  command(`sign: step ${step} in process ${process}`, unmined(step), async (model, real) => {
    const { row, store, journal } = parts(real, step, process)
    const nonce = await reserveFor(model, real, step, process)
    const attempt = await record(journal, row, nonce)
    expect(BigInt(attempt.nonce)).toBe(nonce)
    await store.recorded(row, nonce)
    model.slots.set(nonce, { step, signed: true, ranOut: false })
  })

const runOut = command('leases run out', always, async (model, real) => {
  if (!(await real.runOut())) return
  for (const slot of model.slots.values()) if (!slot.signed) slot.ranOut = true
})

/** What the chain has mined is below the floor from now on. */
const mine = command(
  'mine',
  (model) => model.slots.get(model.floor)?.signed === true,
  async (model) => {
    model.floor += 1n
  },
)

const raise = command('raise', always, (_model, real) => real.raise())

const step = fc.nat(STEPS - 1)
const process = fc.nat(1)
const commands = [
  fc.tuple(step, process).map((args) => reserve(...args)),
  fc.tuple(step, process).map((args) => reserve(...args)),
  fc.tuple(step, process).map((args) => sign(...args)),
  fc.tuple(step, process).map((args) => release(...args)),
  fc.constant(mine),
  fc.constant(runOut),
  fc.constant(raise),
]

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())

const files: JournalFile[] = []

afterEach(async () => {
  await Promise.all(files.splice(0).map((file) => file.remove()))
})

const LEASE_MS = 60_000
/** From where nonces have more digits than a double is exact to, and gain one more. */
const FLOOR = 9_999_999_999_999_999_996n

async function world(
  open: (table: NonceTableStore) => Omit<Real, 'steps' | 'processes'> & { store: NonceStore },
) {
  const file = journalFile()
  files.push(file)
  const journals = [file.open(), file.open()]
  const steps = await beginMany(journals[0] as Journal, STEPS)
  const each = journals.map((journal) => ({ journal, ...open(new NonceTableStore(journal)) }))
  const real: Real = {
    steps,
    processes: each,
    runOut: async () => (await Promise.all(each.map((one) => one.runOut()))).includes(true),
    raise: async () => void (await Promise.all(each.map((one) => one.raise()))),
  }
  return { model: { floor: FLOOR, slots: new Map() } as Model, real }
}

/** Dates the end of every lease back, without waiting for it. */
async function endLeases(redis: RedisServer): Promise<boolean> {
  const client = redis.client()
  for (const key of await client.keys('bursar:nonces:*')) {
    for (const [field, value] of Object.entries(await client.hgetall(key))) {
      const slot = /^((?:reserved|signed) \S+ \d+) [1-9]\d*$/.exec(value)
      if (slot) await client.hset(key, field, `${slot[1]} 1`)
    }
  }
  client.disconnect()
  return true
}

describe('R4: a store of nonces does what a simple list does, whatever two processes ask of it', () => {
  it('R4: the journal', async () => {
    const property = fc.asyncProperty(
      fc.commands(commands, { maxCommands: 60, size: 'max' }),
      async (run) => {
        const made = await world((table) => ({
          store: table,
          runOut: async () => false,
          raise: async () => {},
        }))
        await fc.asyncModelRun(() => made, run)
      },
    )
    await fc.assert(property, { numRuns: 25 })
    expectToHaveRun('reserve', 'release', 'sign', 'mine')
  }, 120_000)

  it('R4: Redis, with leases that run out', async () => {
    let connections: RedisConnection[] = []
    const property = fc.asyncProperty(
      fc.commands(commands, { maxCommands: 60, size: 'max' }),
      async (run) => {
        await server.client().flushall()
        const made = await world((table) => {
          const redis = patientRedis(server.url)
          connections.push(redis)
          const clock = { ms: 0 }
          const shared = new SharedNonces(new RedisNonces(redis, LEASE_MS), table, { now: () => clock.ms })
          return {
            store: shared,
            runOut: () => endLeases(server),
            raise: async () => {
              clock.ms += 60_000
            },
          }
        })
        await fc.asyncModelRun(() => made, run)
        await Promise.all(connections.map((redis) => redis.close()))
        connections = []
      },
    )
    await fc.assert(property, { numRuns: 40 })
    expectToHaveRun('reserve', 'release', 'sign', 'mine', 'leases run out', 'raise')
  }, 120_000)
})
