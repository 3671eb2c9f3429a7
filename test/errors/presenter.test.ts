import { describe, expect, expectTypeOf, test } from 'vitest'
import * as z from 'zod'
import { BursarError } from '../../src/errors/bursarError.ts'
import { type ErrorCode, errorCatalogue } from '../../src/errors/catalogue.ts'
import { type PresentedError, present } from '../../src/errors/presenter.ts'
import type { Frozen } from '../../src/mcp/defineTool.ts'
import type { ChainRef } from '../../src/primitives/chainRef.ts'
import { untrusted } from '../../src/primitives/untrusted.ts'
import { contexts } from './contexts.ts'

const base: ChainRef = { id: 'eip155:8453', name: 'Base', native: 'ETH' }
const resolveChain = (id: string) => (id === base.id ? base : undefined)

const codes = Object.keys(errorCatalogue) as ErrorCode[]

const Presented = z.strictObject({
  code: z.enum(codes as [ErrorCode, ...ErrorCode[]]),
  kind: z.enum(['input', 'policy', 'chain', 'provider', 'config', 'bug']),
  message: z.string().min(10),
  fix: z.string().min(10),
  retry: z.enum(['no', 'same', 'later']),
  retryAfterSeconds: z.number().positive().exactOptional(),
  sideEffect: z.enum(['none', 'possible', 'done']),
  chain: z
    .strictObject({
      id: z.string(),
      name: z.string(),
      native: z.string(),
      sandbox: z.literal(true).exactOptional(),
    })
    .exactOptional(),
  quoted: z
    .strictObject({ untrusted: z.string(), mixesScripts: z.literal(true).exactOptional() })
    .exactOptional(),
})

test('the schema is the type', () => {
  expectTypeOf<Frozen<z.infer<typeof Presented>>>().toEqualTypeOf<Frozen<PresentedError>>()
})

test.each(codes)('%s presents as the schema says, and survives JSON (R10)', (code) => {
  const error = new BursarError(code, contexts[code] as never, { chain: base.id, cause: new Error('inner') })
  const presented = present(error, resolveChain)
  expect(Presented.parse(presented)).toEqual(presented)
  expect(JSON.parse(JSON.stringify(presented))).toEqual(presented)
  expect(presented.chain).toEqual(base)
  expect(presented.retry === 'later').toBe(presented.retryAfterSeconds !== undefined)
  expect(JSON.stringify(presented)).not.toContain('inner')
})

test('shows chain, side effect, waiting time and the quoted words of a stranger', () => {
  const error = new BursarError(
    'provider_unreachable',
    { host: 'rpc.example', reason: 'no answer within 5 s' },
    { chain: 'eip155:8453', sideEffect: 'possible', quoted: untrusted('pay\u202eme') },
  )
  expect(present(error, resolveChain)).toMatchInlineSnapshot(`
    {
      "chain": {
        "id": "eip155:8453",
        "name": "Base",
        "native": "ETH",
      },
      "code": "provider_unreachable",
      "fix": "Call again in a few seconds; get_status shows the health of each chain.",
      "kind": "provider",
      "message": "The endpoint rpc.example did not answer: no answer within 5 s.",
      "quoted": {
        "untrusted": "pay\\u{202e}me",
      },
      "retry": "later",
      "retryAfterSeconds": 5,
      "sideEffect": "possible",
    }
  `)
})

test('leaves out a chain that nobody knows', () => {
  const error = new BursarError('intent_unknown', { intentId: 'int_0' }, { chain: 'eip155:424242' })
  expect(present(error, resolveChain)).not.toHaveProperty('chain')
})

describe('anything that is not a BursarError', () => {
  const secret = 'https://rpc.example/v2/KEY123'

  test.each([new Error(secret), secret, { message: secret, code: 'intent_unknown' }, undefined, null])(
    'becomes internal without its text, side effect possible: %#',
    (thrown) => {
      const presented = present(thrown, resolveChain)
      expect(presented).toMatchObject({ code: 'internal', kind: 'bug', sideEffect: 'possible' })
      expect(JSON.stringify(presented)).not.toContain('KEY123')
    },
  )

  test('has no side effect when the door knows that there was none', () => {
    expect(present(new Error('x'), resolveChain, { sideEffect: 'none' }).sideEffect).toBe('none')
  })

  test('is cancelled when the request was aborted, by whatever reason the client gave', () => {
    const request = new AbortController()
    request.abort('user pressed stop')
    const asked = { what: 'get_operation', sideEffect: 'none', signal: request.signal } as const
    for (const thrown of ['user pressed stop', new DOMException('aborted', 'AbortError')]) {
      expect(present(thrown, resolveChain, asked)).toMatchObject({ code: 'cancelled', retry: 'same' })
    }
    expect(present(new Error('other'), resolveChain, asked).code).toBe('internal')
  })

  test('is internal when something else was aborted than the request', () => {
    const { signal } = new AbortController()
    const thrown = new DOMException('aborted', 'AbortError')
    expect(present(thrown, resolveChain, { signal }).code).toBe('internal')
    expect(present(new DOMException('late', 'TimeoutError'), resolveChain).code).toBe('internal')
    expect(present(thrown, resolveChain).code).toBe('cancelled')
  })
})
