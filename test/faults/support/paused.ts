import { writeSync } from 'node:fs'
import { pause } from '../../../src/primitives/abort.ts'
import type { OperationView } from '../../../src/transactions/views/views.ts'
import { type CrashJob, openEngine } from './crashJob.ts'
import { numberPoints, Points } from './points.ts'

/** One process that executes an intent and follows it to its end. */
export interface PausedJob extends Pick<CrashJob, 'home' | 'rpcUrl' | 'redisUrl' | 'key'> {
  readonly intentId: string
  /** Name of the point at which it is stopped, as by SIGSTOP from outside. */
  readonly stopAt?: string
}

/** Stops the process once, at the first point of that name, until somebody sends SIGCONT. */
class StopOnce extends Points {
  #name: string | undefined

  constructor(name: string | undefined) {
    super(0)
    this.#name = name
  }

  override pass(name: string): void {
    if (name !== this.#name) return
    this.#name = undefined
    writeSync(1, `stopped ${process.pid}\n`)
    process.kill(process.pid, 'SIGSTOP')
  }
}

// Run by tests as a process of its own. Says "stopped <pid>" right before it is, "sent" when the bytes are on their way
// as far as it knows, and in the end "told <operation as JSON>". Argument: the job as JSON.
const job = JSON.parse(process.argv[2] ?? '') as PausedJob
const engine = openEngine(job)
await numberPoints(engine, new StopOnce(job.stopAt))
engine.leases.start((id) => engine.driver.drive(id))

const UNSENT = new Set(['queued', 'reserved', 'signed'])

async function until(done: (view: OperationView) => boolean, operationId: string): Promise<OperationView> {
  for (;;) {
    const view = await engine.get(operationId)
    if (done(view)) return view
    await pause(20)
  }
}

const { operationId } = await engine.execute(job.intentId)
await until(({ steps }) => steps.every(({ state }) => !UNSENT.has(state)), operationId)
writeSync(1, 'sent\n')
const told = await until(({ state }) => state === 'committed' || state === 'failed', operationId)
writeSync(1, `told ${JSON.stringify(told)}\n`)
process.exit(0)
