import { isBursarError } from '../../../src/errors/bursarError.ts'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { startSandbox } from '../../../src/sandbox/startSandbox.ts'

// Run by tests as a process of its own, with a state folder as argument or none: one line of JSON on stdout,
// then it stays until it is killed, or until the test run that holds its stdin has gone.
const stateDir = process.argv[2]
try {
  const { chains } = await startSandbox({ logger: silentLogger, ...(stateDir !== undefined && { stateDir }) })
  process.stdout.write(`${JSON.stringify({ chains })}\n`)
  process.stdin.once('end', () => process.exit()).resume()
} catch (error) {
  if (!isBursarError(error)) throw error
  process.stdout.write(`${JSON.stringify({ code: error.code, message: error.message })}\n`)
}
