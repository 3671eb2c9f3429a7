import { present } from '../errors/presenter.ts'

/** A line for a person, on stdout. Never used while serving MCP (R11). */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** Ends the process with what went wrong and what to do, on stderr. */
export function fail(error: unknown): never {
  const { message, fix } = present(error, () => undefined)
  process.stderr.write(`${message}\n${fix}\n`)
  process.exit(1)
}
