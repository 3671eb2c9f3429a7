import { writeSync } from 'node:fs'
import { type CrashJob, openEngine, preparePayment } from './crashJob.ts'

/** One of several processes that pay from one account. */
export interface SenderJob extends Pick<CrashJob, 'home' | 'rpcUrl' | 'redisUrl' | 'key'> {
  /** Whom it pays, once each. */
  readonly recipients: readonly string[]
  readonly atATime: number
}

// Run by tests as a process of its own: pays 0.25 of the native asset to each recipient, sends each intent for the
// second time, and ends when no operation of the journal is under way any more, its own or another's. Says
// "sent <state>" for each answer to a second send. Argument: the job as JSON.
const job = JSON.parse(process.argv[2] ?? '') as SenderJob
const engine = openEngine(job)
engine.leases.start((id) => engine.driver.drive(id))
const left = job.recipients.values()
async function pay(): Promise<void> {
  for (const to of left) {
    const intentId = await preparePayment(engine, { to, asset: 'native', amount: '0.25' }, to)
    const { operationId } = await engine.execute(intentId)
    const again = await engine.execute(intentId)
    writeSync(1, `sent ${again.operationId === operationId ? again.state : 'as another operation'}\n`)
  }
}
await Promise.all(Array.from({ length: job.atATime }, pay))
for (;;) {
  const { running, stuck } = await engine.operations.countByState()
  if (running + stuck === 0) break
  await new Promise((resolve) => setTimeout(resolve, 50))
}
process.exit(0)
