import { writeSync } from 'node:fs'
import { failureFields } from '../mcp/failureFields.ts'
import { visibleJson } from '../primitives/untrusted.ts'

const STDERR = 2
/** As the log names it. */
const FATAL = 60

/**
 * Ends the process by a failure that nobody expected, with one line of the log. Node would show all of the error instead,
 * with its causes and properties: URLs with keys, and what was sent there (T14, T15).
 */
export function lastWords(error: unknown): never {
  const { pid } = process
  const line = { level: FATAL, time: Date.now(), pid, ...failureFields(error), msg: 'ended by a failure' }
  try {
    writeSync(STDERR, `${visibleJson(JSON.stringify(line))}\n`)
  } catch {
    // Nobody reads it any more.
  }
  process.exit(1)
}
