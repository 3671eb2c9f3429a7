import { once } from 'node:events'
import { present } from '../errors/presenter.ts'
import { visible } from '../primitives/untrusted.ts'

/** A line for a person, on stdout; what would move its cursor or hide text is shown (R9). Never used while serving MCP (R11). */
export function print(line = ''): void {
  process.stdout.write(`${visible(line, 'lines')}\n`)
}

/**
 * Lines for a program, on stdout, as fast as it reads them: what it has not read is not made yet. Answers whether it read
 * all; one that leaves early, as `head` does, has read enough.
 */
export async function printAll(lines: AsyncIterable<string>): Promise<boolean> {
  const { stdout } = process
  let left = false
  stdout.once('error', () => {
    left = true
  })
  for await (const line of lines) {
    if (left) return false
    if (!stdout.write(`${line}\n`))
      await Promise.race([once(stdout, 'drain'), once(stdout, 'close')]).catch(() => 0)
  }
  return !left
}

/** Ends the process with what went wrong and what to do, on stderr. */
export function fail(error: unknown): never {
  const { message, fix } = present(error, () => undefined)
  process.stderr.write(`${message}\n${fix}\n`)
  process.exit(1)
}
