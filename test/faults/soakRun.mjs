// npm run test:soak [-- SCHEDULES [SEED]]: random schedules of payments, crashes, reorganisations and the like, 10,000
// unless said otherwise. Prints totals and memory, and ends with 1 when a rule was broken, memory grew, or something
// that is to be tried never happened. One failing seed again: `npm run test:soak -- 1 SEED`.
import { importTypescript } from '../../.ci/importTypescript.mjs'

const { soakRun } = await importTypescript(`export { soakRun } from './test/faults/support/soakRun.ts'`)
const [schedules = 10_000, seed = Date.now() % 1_000_000_000] = process.argv.slice(2).map(Number)
process.stderr.write(`first seed ${seed}\n`)
const { lines, ok } = await soakRun(schedules, seed, (said) => process.stderr.write(`${said}\n`))
for (const line of lines) process.stdout.write(`${line}\n`)
process.exitCode = ok ? 0 : 1
