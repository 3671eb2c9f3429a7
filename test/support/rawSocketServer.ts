import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** A WebSocket server that says exactly what a test wants, whether or not it is the protocol. */
export interface RawSocketServer {
  readonly url: string
  /** Connections that were taken so far. */
  readonly accepted: number
  /** Sends one text frame to every open connection. */
  say(text: string): void
  /** Sends raw bytes to every open connection. */
  bytes(data: Buffer): void
  close(): Promise<void>
}

/** `answer` gives the text to answer a request with, or nothing. */
export async function startRawSocketServer(
  answer: (request: { readonly id: number; readonly method: string; readonly params: unknown[] }) => unknown,
): Promise<RawSocketServer> {
  const open = new Set<Socket>()
  let accepted = 0
  const server = createServer()
  server.on('upgrade', (request, socket: Socket) => {
    accepted++
    open.add(socket)
    socket.on('error', () => undefined).on('close', () => open.delete(socket))
    takeSocket(request, socket, (text) => {
      const call = JSON.parse(text) as { id: number; method: string; params: unknown[] }
      const result = answer(call)
      if (result !== undefined)
        socket.write(textFrame(JSON.stringify({ jsonrpc: '2.0', id: call.id, result })))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `ws://127.0.0.1:${port}`,
    get accepted() {
      return accepted
    },
    say(text) {
      for (const socket of open) socket.write(textFrame(text))
    },
    bytes(data) {
      for (const socket of open) socket.write(data)
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

/** Says yes to a handshake, and tells of each text that the client sends. */
export function takeSocket(request: IncomingMessage, socket: Socket, onText: (text: string) => void): void {
  // A socket of an HTTP server stays half open after the client has left, and keeps the server from closing.
  socket.on('end', () => socket.destroy())
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  const accept = createHash('sha1').update(key).digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  let buffered = Buffer.alloc(0)
  socket.on('data', (data) => {
    buffered = Buffer.concat([buffered, data])
    for (let frame = firstFrame(buffered); frame; frame = firstFrame(buffered)) {
      buffered = buffered.subarray(frame.length)
      if (frame.opcode === 1) onText(frame.text)
    }
  })
}

/** The head of a text frame that announces so many bytes. */
export function frameHead(length: number): Buffer {
  const head = Buffer.alloc(10)
  head[0] = 0x81
  head[1] = 127
  head.writeBigUInt64BE(BigInt(length), 2)
  return head
}

export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  return Buffer.concat([frameHead(payload.length), payload])
}

/** The first whole frame of what a client sent, which is masked. */
function firstFrame(data: Buffer): { opcode: number; text: string; length: number } | undefined {
  if (data.length < 2) return undefined
  const short = (data[1] ?? 0) & 0x7f
  const offset = short === 126 ? 4 : short === 127 ? 10 : 2
  if (data.length < offset + 4) return undefined
  const size = short === 126 ? data.readUInt16BE(2) : short === 127 ? Number(data.readBigUInt64BE(2)) : short
  const length = offset + 4 + size
  if (data.length < length) return undefined
  const mask = data.subarray(offset, offset + 4)
  const payload = Buffer.from(data.subarray(offset + 4, length))
  for (let index = 0; index < payload.length; index++) {
    payload[index] = (payload[index] ?? 0) ^ (mask[index % 4] ?? 0)
  }
  return { opcode: (data[0] ?? 0) & 0x0f, text: payload.toString(), length }
}
