import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

// A real process with our stdio door and a few services that misbehave: they print, throw and hang.

const ENTRY = `
import { createMcpServer } from './src/mcp/server.ts'
import { serveOverStdio } from './src/mcp/stdio.ts'
import { LOCAL_IDENTITY } from './src/primitives/scopes.ts'
import { tools } from './tools/index.ts'
const log = (message, fields) => process.stderr.write(JSON.stringify({ message, ...fields }) + '\\n')
const logger = { debug: log, info: log, warn: log, error: log }
const services = {
  wallets: {
    list: async ({ chain }) => {
      console.log('stray console.log')
      process.stdout.write('stray write')
      if (chain === 'throw') setTimeout(() => Promise.reject(new Error('stray rejection')), 1)
      const peak = process.resourceUsage().maxRSS / 1024
      return { wallets: [], limits: [chain === 'memory' ? String(peak) : 'none'] }
    },
  },
  operations: { get: () => new Promise(() => {}) },
}
process.on('unhandledRejection', (error) => log('unhandled', { error: String(error) }))
await serveOverStdio({
  logger,
  createServer: () => createMcpServer({
    tools, services, version: '0', logger, instructions: 'x', resolveChain: () => undefined,
    identity: LOCAL_IDENTITY,
  }),
})
console.log('after the end')
log('ended')
`

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-stdio-'))
  await build({
    stdin: { contents: ENTRY, resolveDir: process.cwd(), loader: 'ts' },
    outfile: join(folder, 'server.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import { createRequire as __r } from 'node:module'; const require = __r(import.meta.url);",
    },
  })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Message {
  readonly id?: number | string
  readonly result?: Record<string, unknown>
  readonly error?: { readonly code: number; readonly message: string }
}

class Peer {
  readonly child: ChildProcessWithoutNullStreams
  readonly lines: string[] = []
  stderr = ''
  readonly #waiting = new Map<number | string, (message: Message) => void>()

  constructor() {
    this.child = spawn(process.execPath, [join(folder, 'server.mjs')])
    this.child.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString()
    })
    createInterface(this.child.stdout).on('line', (line) => {
      this.lines.push(line)
      // Parsing every line is the proof: anything but JSON-RPC on stdout throws here (R11).
      const message = JSON.parse(line) as Message
      if (message.id !== undefined) this.#waiting.get(message.id)?.(message)
    })
  }

  write(text: string | Buffer): void {
    this.child.stdin.write(text)
  }

  answer(id: number | string): Promise<Message> {
    return new Promise((resolve) => this.#waiting.set(id, resolve))
  }

  request(id: number | string, method: string, params: object = {}): Promise<Message> {
    const answered = this.answer(id)
    this.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`)
    return answered
  }

  call(id: number, args: object): Promise<Message> {
    return this.request(id, 'tools/call', { name: 'get_wallets', arguments: args })
  }

  async end(): Promise<number | null> {
    const exited = once(this.child, 'exit')
    this.child.stdin.end()
    const [code] = (await exited) as [number | null]
    return code
  }
}

async function start(): Promise<Peer> {
  const peer = new Peer()
  onTestFinished(() => {
    peer.child.kill('SIGKILL')
  })
  await peer.request('hello', 'initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  })
  return peer
}

/** The most memory that the server ever held, in MB, by its own account. */
async function peakMegabytes(peer: Peer, id: number): Promise<number> {
  const { result } = await peer.call(id, { chain: 'memory' })
  return Number((result as { structuredContent: { limits: string[] } }).structuredContent.limits[0])
}

test('stdout carries JSON-RPC only, whatever prints, rejects or outlives the connection (R11, T31)', async () => {
  const peer = await start()
  await peer.call(1, { chain: 'throw' })
  await peer.call(2, {})
  expect(await peer.end()).toBe(0)
  for (const line of peer.lines) expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' })
  expect(peer.lines).toHaveLength(3)
  for (const stray of ['stray console.log', 'stray write', 'after the end'])
    expect(peer.stderr).toContain(stray)
})

test('ends when stdin closes, though a call is still waiting', async () => {
  const peer = await start()
  peer.write(
    '{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"get_operation","arguments":{"operation":"op_1"}}}\n',
  )
  await peer.call(1, {})
  expect(await peer.end()).toBe(0)
  expect(peer.stderr).toContain('"ended"')
})

test('ends quietly when the client stops reading', async () => {
  const peer = await start()
  const exited = once(peer.child, 'exit')
  peer.child.stdout.destroy()
  peer.write('{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n')
  expect(await exited).toEqual([0, null])
})

describe('hostile input', () => {
  test.each([
    ['not JSON', 'hello'],
    ['JSON that is no message', '[1]'],
    ['null', 'null'],
    ['an empty line', ''],
    ['half a message', '{"jsonrpc":"2.0","id":5,'],
    ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ['a batch', '[{"jsonrpc":"2.0","id":5,"method":"ping"}]'],
    ['an answer to nothing', '{"jsonrpc":"2.0","id":77,"result":{}}'],
  ])('is survived: %s (T34)', async (_name, line) => {
    const peer = await start()
    peer.write(Buffer.concat([Buffer.from(line), Buffer.from('\n')]))
    expect((await peer.call(1, {})).result).toHaveProperty('structuredContent')
    expect(await peer.end()).toBe(0)
  })

  test('deep nesting is refused in words (T34)', async () => {
    const peer = await start()
    const deep = '['.repeat(200_000) + ']'.repeat(200_000)
    const answered = peer.answer(1)
    peer.write(
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_wallets","arguments":{"chain":${deep}}}}\n`,
    )
    expect(JSON.stringify((await answered).result)).toContain('chain must be a string, not a list')
  })

  test('10 MB messages are dropped and answered by id, in bounded memory, and the connection goes on (T34)', async () => {
    const peer = await start()
    const before = await peakMegabytes(peer, 1)
    const long = 'a'.repeat(10_000_000)
    const params = `"params":{"name":"get_wallets","arguments":{"id":4,"chain":"${long}"}}`
    for (let round = 0; round < 10; round += 1) {
      const answers = [peer.answer(2), peer.answer('three')]
      peer.write(`{"jsonrpc":"2.0","id":2,"method":"tools/call",${params}}\n`)
      peer.write(`{"method":"tools/call",${params},"jsonrpc":"2.0","id":"three"}\n`)
      for (const answer of await Promise.all(answers)) {
        expect(answer.error).toMatchObject({
          code: -32600,
          message: expect.stringContaining('longer than 1048576 bytes'),
        })
      }
    }
    // An id deeper inside is not the message's id, and a message without one gets no answer.
    peer.write(`{"jsonrpc":"2.0","method":"notifications/x",${params}}\n`)
    expect((await peer.call(5, { chain: 'base' })).result).toHaveProperty('structuredContent')
    expect(peer.lines.map((line) => (JSON.parse(line) as Message).id)).not.toContain(4)
    // 200 MB went by; what grows is a handful of chunks, the heap's own slack included.
    expect((await peakMegabytes(peer, 6)) - before).toBeLessThan(60)
  })

  test('many lines in one chunk and one line in many chunks are the same to it', async () => {
    const peer = await start()
    const answers = [1, 2, 3].map((id) => peer.answer(id))
    const list = (id: number) => `{"jsonrpc":"2.0","id":${id},"method":"tools/list"}\n`
    peer.write(list(1) + list(2))
    for (const letter of list(3)) peer.write(letter)
    for (const answer of await Promise.all(answers)) expect(answer.result).toHaveProperty('tools')
  })
})
