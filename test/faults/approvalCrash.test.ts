import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startWorld, type World } from '../support/engine.ts'
import { approveAs, refusalOf } from '../support/people.ts'
import { type CrashJob, openEngine } from './support/crashJob.ts'
import { crashPrograms, type Programs } from './support/programs.ts'

// kill -9 on the way of a payment that a person has approved: a journal and an account of its own for each process.

let world: World
let programs: Programs
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-approval-crash-'))
  ;[world, programs] = await Promise.all([startWorld(), crashPrograms()])
})
afterAll(async () => {
  programs.remove()
  await world.stop()
  rmSync(folder, { recursive: true, force: true })
})

const digest = (text: string) => createHash('sha256').update(text).digest('hex')

/** An approved payment of 2 ETH from an account that has 5, to somebody whom nobody else pays. */
async function approved(name: string): Promise<{ readonly job: CrashJob; readonly to: string }> {
  const home = join(folder, name)
  mkdirSync(home)
  const key = `0x${digest(`approval key ${name}`)}`
  const to = `0x${digest(`approval to ${name}`).slice(0, 40)}`
  const place = { home, rpcUrl: world.a.rpcUrl, key, approvalAbove: '1' }
  const engine = openEngine(place)
  const { adapter } = await engine.chains.open('sandbox-a')
  const { address } = engine.wallets.find('agent', adapter.chain)
  await world.a.ask('anvil_setBalance', address, '0x4563918244f40000')
  const { intentId } = await engine.prepare({ to, amount: '2', idempotencyKey: name })
  expect((await refusalOf(engine.execute(intentId))).code).toBe('approval_needed')
  await approveAs(engine, intentId)
  await engine.stop()
  const next = { to, asset: 'native', amount: '0' } as const
  return { job: { name, kind: 'native', ...place, intents: [intentId], again: 'afterwards', next }, to }
}

/** The first of each name from where the approval is used up until its payment is recorded. */
const MOMENTS = [
  'after sql insert spent_approvals',
  'after sql update approvals',
  'before sql commit',
  'after sql commit',
  'after nonces.reserve',
  'after signer.sign',
  'after sql insert attempts',
]

it('F1, R3: a process that dies anywhere between its approval and its answer pays once, by one approval', async () => {
  const first = await approved('survivor')
  const { lines } = await programs.run('victim', JSON.stringify([first.job]), '0')
  const names = JSON.parse((lines[0] ?? '').replace('reached ', '')) as string[]
  const used = names.findIndex((name) => name.includes('spent_approvals'))
  const recorded = names.findIndex((name, at) => at > used && /insert.*attempts/.test(name))
  expect(used).toBeGreaterThan(0)
  expect(recorded).toBeGreaterThan(used)
  const deaths: string[] = []
  for (const moment of MOMENTS) {
    const at = names.indexOf(moment, used) + 1
    expect(at, moment).toBeGreaterThan(0)
    const { job, to } = await approved(`point-${at}`)
    const { lines: said, signal } = await programs.run('victim', JSON.stringify([job]), String(at))
    expect(signal).toBe('SIGKILL')
    deaths.push(String(said.at(-1)).replace('killed ', ''))
    const engine = openEngine(job, 60_000)
    const [intentId = ''] = job.intents
    const { operationId } = await engine.execute(intentId)
    await engine.driver.drive(operationId)
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    expect(await world.a.balance(to), said.at(-1)).toBe(2_000000000000000000n)
    expect(engine.rows('select count(*) as n from spent_approvals')).toEqual([{ n: 1 }])
    expect(engine.rows('select state, operation_id from approvals')).toEqual([
      { state: 'used', operation_id: operationId },
    ])
    expect(engine.rows('select count(*) as n from attempts')).toEqual([{ n: 1 }])
    await engine.stop()
  }
  expect(deaths).toEqual(MOMENTS)
}, 200_000)
