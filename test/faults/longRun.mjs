// npm run test:crash [kills | bursts | disks]: kill -9 at every point of every kind of payment, 8 processes that pay 250
// times each from one account, and disks that fail. Prints one line of totals each, and ends with 1 when a payment was made twice or not at
// all, or when anything is stuck.
import { importTypescript } from '../../.ci/importTypescript.mjs'

const { longRun } = await importTypescript(`export { longRun } from './test/faults/support/longRun.ts'`)
const findings = await longRun(process.argv[2], (said) => process.stderr.write(`${said}\n`))
for (const { line } of findings) process.stdout.write(`${line}\n`)
process.exitCode = findings.length > 0 && findings.every(({ ok }) => ok) ? 0 : 1
