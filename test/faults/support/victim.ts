import { writeSync } from 'node:fs'
import type { CrashJob } from './crashJob.ts'
import { openEngine } from './crashJob.ts'
import { numberPoints, Points } from './points.ts'

// Run by tests as a process of its own: executes what its jobs say and kills itself at one of the points on the way,
// saying "killed <point>". One that survives says "reached <names of the points as JSON>", one line a job.
// Arguments: the jobs as JSON, the number of the point; there is none of number 0.
const [given = '', killAt = ''] = process.argv.slice(2)
const points = new Points(Number(killAt))
points.wrapProcess()
for (const job of JSON.parse(given) as readonly CrashJob[]) {
  const engine = openEngine(job)
  // The points are those of an execution: the journal is open and the chain was asked for its id before.
  await numberPoints(engine, points)
  await engine.operations.countByState()
  points.begin()
  if (job.operation === undefined) await Promise.all(job.intents.map((id) => engine.execute(id)))
  else await engine.driver.drive(job.operation)
  points.pass('acknowledged')
  writeSync(1, `reached ${JSON.stringify(points.names)}\n`)
  points.end()
}
// As a process that ends without tidying up.
process.exit(0)
