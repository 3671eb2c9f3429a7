import { writeSync } from 'node:fs'
import { isBursarError } from '../../../src/errors/bursarError.ts'
import { type CrashJob, openEngine } from './crashJob.ts'

// Run by tests as a process of its own, on a disk that refuses writes at some moment: executes the intents of its job
// one after the other and says how each ended: "<state>", or "<code> <side effect>". Argument: the job as JSON.
const job = JSON.parse(process.argv[2] ?? '') as CrashJob
const engine = openEngine(job)
for (const intentId of job.intents) writeSync(1, `${await outcome(intentId)}\n`)
process.exit(0)

async function outcome(intentId: string): Promise<string> {
  try {
    return (await engine.execute(intentId)).state
  } catch (error) {
    if (!isBursarError(error)) throw error
    return `${error.code} ${error.sideEffect}`
  }
}
