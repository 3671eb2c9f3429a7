import { Writable } from 'node:stream'

/**
 * Takes stdout for JSON-RPC (R11): returns the only stream that still reaches it, and sends everything else
 * that writes to process.stdout, console.log included, to stderr. For the life of the process: what is
 * printed while shutting down must not reach the client either.
 */
export function claimStdout(): Writable {
  const { stdout, stderr } = process
  const write = stdout.write.bind(stdout)
  stdout.write = stderr.write.bind(stderr) as typeof stdout.write
  // A client that went away makes stdout emit errors; the claimed stream reports them, and this listener
  // keeps them from ending the process.
  stdout.on('error', () => {})
  return new Writable({
    decodeStrings: false,
    write: (chunk: string | Uint8Array, encoding, done) => {
      if (typeof chunk === 'string') write(chunk, encoding, done)
      else write(chunk, done)
    },
  })
}
