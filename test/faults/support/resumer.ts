import { readFileSync, writeSync } from 'node:fs'
import { isBursarError } from '../../../src/errors/bursarError.ts'
import { pause } from '../../../src/primitives/abort.ts'
import { adminBatch, adminText } from '../../../src/sandbox/adminRpc.ts'
import type { Engine } from '../../support/engine.ts'
import { readCounted } from './counted.ts'
import { type CrashJob, openEngine, payerOf, preparePayment } from './crashJob.ts'
import type { Resumed } from './verdict.ts'

// Run by tests as a process of its own: takes over what processes that were killed have left in their journals, as a
// process that starts there does, mines until everything has ended, sends every intent for the second time, and pays
// once more from each account. Says what each journal says, one line of JSON a job.
// Arguments: path of a file with the jobs as JSON, seconds after which what has not ended is called stuck.
const [path = '', seconds = '40'] = process.argv.slice(2)
const jobs = JSON.parse(readFileSync(path, 'utf8')) as readonly CrashJob[]
const [first] = jobs
if (!first) throw new Error('there are jobs')
const { rpcUrl } = first

/** By then the leases of the dead have run out. */
const LEASES_OVER_MS = 11_000
/** What comes after something that is stuck is given this long all the same. */
const LAST_CHANCE_MS = 3_000
const resumed = jobs.map((job) => ({ job, engine: openEngine(job, LEASES_OVER_MS) }))
for (const { engine } of resumed) engine.leases.start((id) => engine.driver.drive(id))

const running = async () => {
  const counts = await Promise.all(resumed.map(({ engine }) => engine.operations.countByState()))
  return counts.some(({ running, stuck }) => running + stuck > 0)
}

const deadline = performance.now() + Number(seconds) * 1000

/** Blocks come until every operation has ended, or for so long that it never will. */
async function settle(): Promise<number> {
  const until = Math.max(deadline, performance.now() + LAST_CHANCE_MS)
  while ((await running()) && performance.now() < until) {
    await adminBatch(rpcUrl, [{ method: 'anvil_mine' }])
    await pause(200)
  }
  return Number(await adminText(rpcUrl, { method: 'eth_blockNumber' }))
}

async function send(engine: Engine, intentId: string): Promise<string> {
  try {
    return (await engine.execute(intentId)).state
  } catch (error) {
    if (isBursarError(error)) return error.code
    throw error
  }
}

const sendAgain = (when: CrashJob['again']) =>
  Promise.all(
    resumed
      .filter(({ job }) => job.again === when)
      .flatMap(({ job, engine }) => job.intents.map((intentId) => send(engine, intentId))),
  )

const stateOf = async (engine: Engine, intentId: string) => {
  const id = await engine.operations.findByIntent('local', intentId)
  return id === undefined ? 'none' : ((await engine.operations.find(id))?.operation.state ?? 'none')
}
/** What a replacement replaces is the operation that counts, whether the replacement was recorded or not. */
const statesOf = ({ job, engine }: (typeof resumed)[number]) =>
  Promise.all(
    job.kind === 'speed_up' || job.kind === 'cancel'
      ? [engine.list().then(({ operations }) => operations[0]?.state ?? 'none')]
      : job.intents.map((intentId) => stateOf(engine, intentId)),
  )

await sendAgain('at once')
const head = await settle()
const before = await Promise.all(resumed.map(statesOf))
await sendAgain('afterwards')
await settle()
const after = await Promise.all(resumed.map(statesOf))
const next = await Promise.all(
  resumed.map(async ({ job, engine }) => {
    const intentId = await preparePayment(engine, job.next, 'next', payerOf(job.kind))
    await send(engine, intentId)
    return { engine, intentId }
  }),
)
await settle()
for (const [index, { job, engine }] of resumed.entries()) {
  const last = next[index]
  const said: Resumed = {
    name: job.name,
    head,
    before: before[index] ?? [],
    after: after[index] ?? [],
    next: last ? await stateOf(last.engine, last.intentId) : 'none',
    counted: readCounted(engine.rows),
  }
  writeSync(1, `${JSON.stringify(said)}\n`)
}
process.exit(0)
