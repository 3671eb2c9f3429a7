import type { Readable, Writable } from 'node:stream'
import type { Server } from '@modelcontextprotocol/server'
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import type { Logger } from '../primitives/logger.ts'
import { failureFields } from './failureFields.ts'
import { type DroppedLine, LineLimit } from './lineLimit.ts'
import { claimStdout } from './stdout.ts'

/** Longest message taken: the largest transaction that nodes relay is 256 KB as hex, with room to spare. */
const MAX_LINE_BYTES = 1_048_576

export interface StdioOptions {
  /** Called once per connection, and once more when a client first probes for the newer protocol era. */
  readonly createServer: () => Server
  readonly logger: Logger
  /** Tests bring their own; by default the process's, with stdout claimed for the protocol. */
  readonly streams?: { readonly input: Readable; readonly output: Writable }
}

/**
 * Serves MCP over stdio in both protocol eras. Resolves when the client closes stdin or stops reading
 * stdout; requests in flight are aborted then, operations are not.
 */
export async function serveOverStdio({ createServer, logger, streams }: StdioOptions): Promise<void> {
  const output = streams?.output ?? claimStdout()
  const input = streams?.input ?? process.stdin
  const lines = new LineLimit({
    maxBytes: MAX_LINE_BYTES,
    onDropped: (dropped) => {
      logger.warn('message dropped: too long', { bytes: dropped.bytes })
      const id = idOf(dropped)
      if (id !== undefined) output.write(`${tooLong(id)}\n`)
    },
  })
  input.on('error', (error) => lines.destroy(error))
  input.pipe(lines)

  const transport = new StdioServerTransport(lines, output)
  // serveStdio reports through onerror only: nothing it says may reach stdout.
  const handle = serveStdio(createServer, {
    transport,
    onerror: (error) => logger.warn('protocol problem', failureFields(error)),
  })
  await new Promise<void>((resolve) => {
    const closed = transport.onclose
    transport.onclose = () => {
      closed?.()
      resolve()
    }
  })
  input.unpipe(lines)
  input.pause()
  await handle.close()
}

const ID = String.raw`"id"\s*:\s*(-?\d{1,15}|"[^"\\]{1,128}")`
// Exact for valid JSON: at the head only members without nesting come before the id, and at the tail the
// line ends with the brace that closes the message.
const ID_AT_HEAD = new RegExp(String.raw`^\s*\{\s*(?:"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*,\s*)*${ID}\s*,`)
const ID_AT_TAIL = new RegExp(String.raw`,\s*${ID}\s*(?:,\s*"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*)*\}\s*$`)

/** The request id of a line that was never parsed; its sender waits for an answer. */
function idOf({ head, tail }: DroppedLine): string | undefined {
  return ID_AT_HEAD.exec(head)?.[1] ?? ID_AT_TAIL.exec(tail)?.[1]
}

function tooLong(id: string): string {
  const message = `The message is longer than ${MAX_LINE_BYTES} bytes and was not read. Send less in one call.`
  return `{"jsonrpc":"2.0","id":${id},"error":{"code":-32600,"message":${JSON.stringify(message)}}}`
}
