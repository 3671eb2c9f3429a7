// npm run test:crash [-- kills [EVERY] | bursts | disks]: kill -9 at every point of every kind of payment (or at every
// third one, and so on), 8 processes that pay 250 times each from one account, and disks that fail. Prints one line of
// totals each, and ends with 1 when a payment was made twice or not at all, was counted wrong, or when anything is stuck.
import { importTypescript } from '../../.ci/importTypescript.mjs'

const { longRun } = await importTypescript(`export { longRun } from './test/faults/support/longRun.ts'`)
const [what, every = '1'] = process.argv.slice(2)
const findings = await longRun({ what, every: Number(every) }, (said) => process.stderr.write(`${said}\n`))
for (const { line } of findings) process.stdout.write(`${line}\n`)
process.exitCode = findings.length > 0 && findings.every(({ ok }) => ok) ? 0 : 1
