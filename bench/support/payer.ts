import { createInterface } from 'node:readline'
import { executeAll, type PayingOptions, payingEngine, preparePayments } from './paying.ts'

/** One of several processes that pay from one account by one journal. */
export interface PayerJob extends PayingOptions {
  readonly name: string
  readonly count: number
  readonly atATime: number
}

/** What it says when all are executed. */
export interface PayerReport {
  /** How long each payment took, in milliseconds. */
  readonly latencies: readonly number[]
  /** Memory of the process, in megabytes. */
  readonly rssMb: number
}

// A process of its own: prepares its payments, says "ready", executes them when it is told to, and reports as JSON.
// Ends when its input does. Argument: the job as JSON.
const job = JSON.parse(process.argv[2] ?? '') as PayerJob
const engine = payingEngine(job)
const intents = await preparePayments(engine, job.name, job.count)
process.stdout.write('ready\n')
for await (const _go of createInterface(process.stdin)) {
  const latencies = await executeAll(engine, intents, job.atATime)
  const report: PayerReport = { latencies, rssMb: process.memoryUsage.rss() / 1e6 }
  process.stdout.write(`${JSON.stringify(report)}\n`)
}
await engine.leases.stop(() => engine.driver.settled())
await engine.stop()
