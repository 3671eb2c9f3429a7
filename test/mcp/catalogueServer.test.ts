import { Client as ModernClient } from '@modelcontextprotocol/client'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import type { Transport as LegacyTransport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { InMemoryTransport } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { afterEach, describe, expect, test } from 'vitest'
import { BursarError } from '../../src/errors/bursarError.ts'
import { instructionsFor } from '../../src/mcp/instructions.ts'
import { createMcpServer } from '../../src/mcp/server.ts'
import type { Services } from '../../src/mcp/services.ts'
import type { LogFields, Logger } from '../../src/primitives/logger.ts'
import { LOCAL_IDENTITY } from '../../src/primitives/scopes.ts'
import { tools } from '../../tools/index.ts'
import { answering, goodArguments } from './catalogueAnswers.ts'

// Real clients of both protocol eras, linked in memory; the services are small objects that drive a path.

const ERAS = ['2026-07-28', '2025-11-25'] as const
type Era = (typeof ERAS)[number]

interface Answer {
  readonly isError?: boolean
  readonly content: readonly { readonly type: string; readonly text?: string }[]
  readonly structuredContent?: unknown
}

interface Progress {
  readonly progress: number
  readonly message?: string | undefined
}

interface CallOptions {
  readonly signal?: AbortSignal
  readonly onprogress?: (progress: Progress) => void
}

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const connection of open.splice(0)) await connection.close()
})

async function connect(era: Era, services: Services = answering, strictOutput = true) {
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair()
  const written: Record<string, unknown>[] = []
  const send = serverSide.send.bind(serverSide)
  serverSide.send = (message, options) => {
    written.push(message as Record<string, unknown>)
    return send(message, options)
  }
  const logged: { level: string; message: string; fields: LogFields | undefined }[] = []
  const at = (level: string) => (message: string, fields?: LogFields) => {
    logged.push({ level, message, fields })
  }
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const createServer = () =>
    createMcpServer({
      tools,
      services,
      version: '0.1.0',
      logger,
      instructions: instructionsFor({ sandbox: true }),
      resolveChain: (id) => ({ id, name: 'Sandbox A', native: 'ETH', sandbox: true }),
      identity: LOCAL_IDENTITY,
      strictOutput,
    })
  open.push(serveStdio(createServer, { transport: serverSide }))
  const me = { name: 'test', version: '1' }
  if (era === '2025-11-25') {
    const client = new LegacyClient(me)
    await client.connect(clientSide as LegacyTransport)
    open.push(client)
    return {
      written,
      logged,
      list: () => client.listTools(),
      instructions: () => client.getInstructions(),
      call: (name: string, args?: unknown, options?: CallOptions) =>
        client.callTool(
          { name, ...(args === undefined ? {} : { arguments: args as Record<string, unknown> }) },
          undefined,
          options,
        ) as Promise<Answer>,
    }
  }
  const client = new ModernClient(me, { versionNegotiation: { mode: 'auto' } })
  await client.connect(clientSide)
  open.push(client)
  return {
    written,
    logged,
    list: () => client.listTools(),
    instructions: () => client.getInstructions(),
    call: (name: string, args?: unknown, options?: CallOptions) =>
      client.callTool(
        { name, ...(args === undefined ? {} : { arguments: args as Record<string, unknown> }) },
        options,
      ) as Promise<Answer>,
  }
}

const textOf = (answer: Answer) => JSON.parse(answer.content[0]?.text ?? '') as Record<string, unknown>
const errorOf = (answer: Answer) => {
  expect(answer.isError).toBe(true)
  expect(answer.structuredContent).toBeUndefined()
  return textOf(answer)['error'] as Record<string, unknown>
}
const resultOf = (message: Record<string, unknown> | undefined) =>
  message?.['result'] as Record<string, unknown> | undefined

function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

/** Services that answer, with one of them replaced. */
const withService = (change: Partial<Services>): Services => ({ ...answering, ...change })

describe.each(ERAS)('a client of %s', (era) => {
  test('reads how to pay before it pays', async () => {
    const { instructions } = await connect(era)
    expect(instructions()).toContain('simulate_transaction')
    expect(instructions()).toContain('nothing there has value')
  })

  test('lists every tool, with schemas that its validator compiles', async () => {
    const { list, written } = await connect(era)
    const { tools: listed } = await list()
    expect(listed.map((tool) => tool.name)).toEqual(tools.map((tool) => tool.name))
    const wire = written.map(resultOf).find((result) => result?.['tools'])
    // The 2026 era lets clients cache the list; the 2025 era knows no such members.
    const cache = era === '2026-07-28' ? { ttlMs: 300_000, cacheScope: 'private' } : {}
    expect({ ttlMs: wire?.['ttlMs'], cacheScope: wire?.['cacheScope'] }).toEqual({
      ttlMs: undefined,
      cacheScope: undefined,
      ...cache,
    })
  })

  test.each(Object.entries(goodArguments))(
    'gets structured content that its validator accepts, and the same as text: %s',
    async (name, args) => {
      const { call, list } = await connect(era)
      await list()
      const answer = await call(name, args)
      expect(answer.isError).toBeFalsy()
      expect(answer.structuredContent).toBeDefined()
      expect(textOf(answer)).toEqual(answer.structuredContent)
    },
  )

  test('would refuse structured content of another shape: its validator is at work', async () => {
    const broken = withService({ wallets: { list: async () => ({ wallets: 7, limits: [] }) as never } })
    const { call, list, logged } = await connect(era, broken, false)
    await list()
    await expect(call('get_wallets')).rejects.toThrow(/output schema/)
    expect(logged).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'answer breaks the output schema' }),
    )
  })

  describe('sends an invalid argument and is told what to do (R10)', () => {
    const prepared: unknown[] = []
    const counting = withService({
      intents: {
        prepare: (request, caller) => {
          prepared.push(request)
          return answering.intents.prepare(request, caller)
        },
      },
    })
    const good = goodArguments['simulate_transaction'] ?? {}

    async function refusal(args: unknown, name = 'simulate_transaction') {
      prepared.length = 0
      const { call } = await connect(era, counting)
      const error = errorOf(await call(name, args))
      expect(error).toMatchObject({ code: 'input_invalid', kind: 'input', retry: 'no', sideEffect: 'none' })
      expect(prepared).toEqual([])
      return String(error['message'])
    }

    test('an amount as a JavaScript number (R8)', async () => {
      expect(await refusal({ ...good, amount: 1.5 })).toBe(
        'The arguments of simulate_transaction are not valid: amount must be a decimal string, not a ' +
          'JavaScript number (numbers lose digits): pass it as a string, such as "1.5".',
      )
    })

    test('an unknown argument', async () => {
      expect(await refusal({ intentId: 'int_1', chain: 'base' }, 'send_transaction')).toBe(
        'The arguments of send_transaction are not valid: "chain" is not an argument of send_transaction: ' +
          'it takes intentId.',
      )
      expect(await refusal({ 'x\u202ey': 1 }, 'get_status')).toContain(
        '"x\\u{202e}y" is not an argument of get_status: it takes none',
      )
    })

    test('what belongs to no call of a batch, with what belongs there', async () => {
      const good = { chain: 'sandbox-a', wallet: 'alice', idempotencyKey: 'k' }
      const calls = [{ to: 'bob', amount: '1', asset: 'USDC' }, { amount: 1 }]
      expect(await refusal({ ...good, calls })).toBe(
        'The arguments of simulate_transaction are not valid: ' +
          '"asset" is not an argument of calls[0]: it takes to, amount, function, args, data; ' +
          'calls[1].to is missing: it is required; ' +
          'calls[1].amount must be a decimal string, not a JavaScript number (numbers lose digits): pass it as a string, such as "1.5".',
      )
      expect(await refusal({ ...good, calls: calls.slice(0, 1) })).toContain(
        'calls must have at least 2 items',
      )
    })

    test('nothing at all, with every missing argument named and explained', async () => {
      const message = await refusal(undefined)
      for (const field of ['chain', 'wallet', 'idempotencyKey']) {
        expect(message).toContain(`${field} is missing: `)
      }
      expect(message).toContain('get_wallets')
    })

    test.each([
      [{ asset: null }, 'asset must be a string, not null: leave an optional argument out instead'],
      [{ wallet: 7 }, 'wallet must be a string, not a number: write it in quotes'],
      [{ args: ['1', 2] }, 'args[1] must be a string, not a number: write it in quotes'],
      [{ args: 'a' }, 'args must be a list, not a string'],
      [{ args: Array(65).fill('0') }, 'args must have at most 64 items'],
      [{ urgency: 'now' }, 'urgency must be one of slow, standard, fast'],
      [{ chain: '' }, 'chain must not be empty: leave it out or give a value'],
      [{ to: 'a'.repeat(129) }, 'to must have at most 128 characters'],
      [{ idempotencyKey: 'a b' }, 'idempotencyKey must consist of visible ASCII characters without spaces'],
      [{ idempotencyKey: 'k'.repeat(129) }, 'idempotencyKey must have at most 128 characters'],
    ])('%j', async (change, words) => {
      expect(await refusal({ ...good, ...change })).toContain(words)
    })

    test.each([
      [46, 'waitSeconds must be at most 45'],
      [-1, 'waitSeconds must be at least 0'],
      [1.5, 'waitSeconds must be a whole number.'],
      ['30', 'waitSeconds must be a number, not a string'],
    ])('a wait of %j', async (waitSeconds, words) => {
      expect(await refusal({ operation: 'op_1', waitSeconds }, 'get_operation')).toContain(words)
    })
  })

  test('asks for a tool that does not exist and gets a protocol error', async () => {
    const { call } = await connect(era)
    await expect(call('pay\u202e_all', {})).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining('There is no tool "pay\\u{202e}_all"'),
    })
  })

  test('sees an error of ours whole: chain, fix, retry, side effect, quoted words', async () => {
    const failing = withService({
      gas: {
        quote: async () => {
          throw new BursarError(
            'provider_unreachable',
            { host: 'rpc.example', reason: 'no answer within 5 s' },
            { chain: 'eip155:31337', quoted: { untrusted: 'busy' } },
          )
        },
      },
    })
    const { call, list } = await connect(era, failing)
    await list()
    expect(errorOf(await call('quote_gas', { chain: 'sandbox-a' }))).toEqual({
      code: 'provider_unreachable',
      kind: 'provider',
      message: 'The endpoint rpc.example did not answer: no answer within 5 s.',
      fix: 'Call again in a few seconds; get_status shows the health of each chain.',
      retry: 'later',
      retryAfterSeconds: 5,
      sideEffect: 'none',
      chain: { id: 'eip155:31337', name: 'Sandbox A', native: 'ETH', sandbox: true },
      quoted: { untrusted: 'busy' },
    })
  })

  test('sees nothing of an unexpected error but what it may have done; the log has it, without keys (T14)', async () => {
    const boom = async () => {
      throw new Error('connect https://user:pw@rpc.example/v2/KEY123 failed')
    }
    const failing = withService({
      status: { read: boom },
      operations: { ...answering.operations, execute: boom },
    })
    const { call, written, logged } = await connect(era, failing)
    expect(errorOf(await call('get_status'))).toMatchObject({ code: 'internal', sideEffect: 'none' })
    expect(errorOf(await call('send_transaction', { intentId: 'int_1' }))).toMatchObject({
      code: 'internal',
      sideEffect: 'possible',
    })
    expect(JSON.stringify(written)).not.toMatch(/KEY123|rpc\.example|pw@/)
    const log = JSON.stringify(logged.filter((entry) => entry.level === 'error'))
    expect(log).toContain('rpc.example')
    expect(log).not.toMatch(/KEY123|pw@/)
  })

  test('cancels a wait: the service hears it, no answer is written, the connection goes on', async () => {
    const arrived = deferred<AbortSignal>()
    const left = deferred<void>()
    const waiting = withService({
      operations: {
        ...answering.operations,
        get: (_query, { signal, progress }) => {
          arrived.resolve(signal)
          return new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              progress('too late to be told')
              left.resolve()
              reject(signal.reason)
            })
          })
        },
      },
    })
    const { call, written, logged } = await connect(era, waiting)
    const user = new AbortController()
    const pending = call('get_operation', { operation: 'op_1' }, { signal: user.signal, onprogress() {} })
    const refused = expect(pending).rejects.toThrow()
    await arrived.promise
    const before = written.length
    user.abort('changed my mind')
    await refused
    await left.promise
    expect((await call('get_wallets')).isError).toBeFalsy()
    // Only the answer of the second call was written after the cancellation.
    expect(written.slice(before).map((message) => Object.keys(message).sort())).toEqual([
      ['id', 'jsonrpc', 'result'],
    ])
    expect(logged.filter((entry) => entry.level === 'error')).toEqual([])
  })

  test('follows a wait by progress if it asked for it, and is left in peace if not', async () => {
    const telling = withService({
      operations: {
        ...answering.operations,
        get: async (query, caller) => {
          caller.progress('included in block 12')
          caller.progress('3 of 12 confirmations')
          return answering.operations.get(query, caller)
        },
      },
    })
    const { call, written } = await connect(era, telling)
    const heard: Progress[] = []
    await call('get_operation', { operation: 'op_1' }, { onprogress: (progress) => heard.push(progress) })
    expect(heard.map(({ progress, message }) => [progress, message])).toEqual([
      [1, 'included in block 12'],
      [2, '3 of 12 confirmations'],
    ])
    const before = written.length
    await call('get_operation', { operation: 'op_1' })
    expect(written.slice(before)).toHaveLength(1)
  })

  test('gets an answer that breaks our own schema as an error when outputs are strict', async () => {
    const broken = withService({ wallets: { list: async () => ({ wallets: [] }) as never } })
    const { call } = await connect(era, broken, true)
    expect(errorOf(await call('get_wallets'))).toMatchObject({ code: 'internal' })
  })
})
