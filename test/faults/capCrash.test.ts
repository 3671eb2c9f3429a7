import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Engine, startWorld, type World } from '../support/engine.ts'
import { readChain } from './support/chainRecord.ts'
import { miscounted, readCounted } from './support/counted.ts'
import { type CrashJob, openEngine } from './support/crashJob.ts'
import { crashPrograms, type Programs } from './support/programs.ts'

// kill -9 between what a payment holds of a cap and what it takes of it: one journal, an account for each process.

let world: World
let programs: Programs
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-cap-crash-'))
  ;[world, programs] = await Promise.all([startWorld(), crashPrograms()])
})
afterAll(async () => {
  programs.remove()
  await world.stop()
  rmSync(folder, { recursive: true, force: true })
})

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const ETH = 1_000_000_000_000_000_000n
const EXPIRED_MS = 601_000

const addressOf = async (engine: Engine) => {
  const { adapter } = await engine.chains.open('sandbox-a')
  return engine.wallets.find('agent', adapter.chain).address
}

/** A payment of 2 ETH, of all that may leave by the cap of all. */
async function prepared(name: string, home: string): Promise<{ job: CrashJob; to: string; account: string }> {
  const place = { home, rpcUrl: world.a.rpcUrl, key: `0x${digest(`cap key ${name}`)}`, dailyCap: '12' }
  const to = `0x${digest(`cap to ${name}`).slice(0, 40)}`
  const engine = openEngine(place)
  const account = await addressOf(engine)
  await world.a.ask('anvil_setBalance', account, '0x4563918244f400000')
  const { intentId } = await engine.prepare({ to, amount: '2', idempotencyKey: name })
  await engine.stop()
  const next = { to, asset: 'native', amount: '0' } as const
  const job = { name, kind: 'native', ...place, intents: [intentId], again: 'afterwards', next } as const
  return { job, to, account: account.toLowerCase() }
}

/** Where each of them dies, from the reservation on; and whether its bytes are in the journal then. */
const MOMENTS = [
  ['after sql commit', false],
  ['after nonces.reserve', false],
  ['after signer.sign', false],
  ['after sql insert attempts', false],
  ['before broadcaster.broadcast', true],
  ['acknowledged', true],
] as const

it('R5: processes that die between reserving and settling leak nothing of a cap, and free nothing that leaves', async () => {
  const from = Number(await world.a.ask('eth_blockNumber')) + 1
  const survivor = await prepared('survivor', join(folder, 'survivor'))
  const { lines } = await programs.run('victim', JSON.stringify([survivor.job]), '0')
  const names = JSON.parse((lines[0] ?? '').replace('reached ', '')) as string[]
  const reserved = names.indexOf('after sql insert reservations')
  expect(reserved).toBeGreaterThan(0)
  const home = join(folder, 'shared')
  const victims = []
  for (const [moment] of MOMENTS) victims.push(await prepared(moment, home))
  const deaths: string[] = []
  for (const [index, [moment]] of MOMENTS.entries()) {
    const at = names.indexOf(moment, reserved) + 1
    expect(at, moment).toBeGreaterThan(0)
    const { lines: said, signal } = await programs.run(
      'victim',
      JSON.stringify([victims[index]?.job]),
      String(at),
    )
    expect(signal).toBe('SIGKILL')
    deaths.push(String(said.at(-1)).replace('killed ', ''))
  }
  expect(deaths).toEqual(MOMENTS.map(([moment]) => moment))

  // What the dead hold is held: six times 2 of 12.
  const denied = { code: 'policy_denied', context: { rule: 'daily' } }
  const late = openEngine({ ...survivor.job, home })
  const pay = (engine: Engine, amount: string) =>
    engine.prepare({ to: survivor.to, amount, idempotencyKey: `${amount} more` })
  await expect(pay(late, '0.000000000000000001')).rejects.toMatchObject(denied)

  // Their intents have expired when another process takes over.
  for (const { job } of victims) {
    const engine = openEngine(job, EXPIRED_MS)
    const id = await engine.operations.findByIntent('local', job.intents[0] ?? '')
    if (id === undefined) throw new Error(`${job.name} was begun`)
    for (let looks = 0; looks < 3; looks++) {
      await engine.driver.drive(id)
      await world.a.mine(2)
    }
    await engine.stop()
  }
  const paid = await Promise.all(victims.map(({ to }) => world.a.balance(to)))
  expect(paid).toEqual(MOMENTS.map(([, isRecorded]) => (isRecorded ? 2n * ETH : 0n)))
  const ends = late.rows('select state, count(*) as n from operations group by state order by state')
  expect(ends).toEqual([
    { state: 'committed', n: 2 },
    { state: 'failed', n: 4 },
  ])
  const chain = await readChain(world.a.rpcUrl, from, Number(await world.a.ask('eth_blockNumber')))
  const counted = readCounted(late.rows)
  const wrong = victims.flatMap(({ account }) =>
    miscounted(counted, account, chain.outgoing, ['native', 'fees']),
  )
  expect(wrong).toEqual([])
  // 4 of 12 have left: the rest may leave, to the unit.
  await expect(pay(late, '8.000000000000000001')).rejects.toMatchObject(denied)
  await late.execute((await pay(late, '8')).intentId)
  await expect(pay(late, '0.000000000000000001')).rejects.toMatchObject(denied)
  await late.stop()
}, 200_000)
