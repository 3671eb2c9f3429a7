import { readdirSync } from 'node:fs'
import { describe, expect, expectTypeOf, test } from 'vitest'
import * as z from 'zod'
import { defineTool, type Frozen, type Tool } from '../../src/mcp/defineTool.ts'
import type { OperationOutput } from '../../src/mcp/operationShape.ts'
import type { Services } from '../../src/mcp/services.ts'
import { type ListedTool, listTool } from '../../src/mcp/toolListing.ts'
import { param } from '../../src/mcp/vocabulary.ts'
import { digestOf } from '../../src/primitives/json.ts'
import type { BalanceSheetOutput } from '../../tools/get-balances.ts'
import type { StatusOutput } from '../../tools/get-status.ts'
import type { WalletListOutput } from '../../tools/get-wallets.ts'
import { tools } from '../../tools/index.ts'
import type { ChainListOutput } from '../../tools/list-chains.ts'
import type { OperationPageOutput } from '../../tools/list-operations.ts'
import type { GasQuoteOutput } from '../../tools/quote-gas.ts'
import type { ReplacementOutput } from '../../tools/replace-transaction.ts'
import type { IntentOutput } from '../../tools/simulate-transaction.ts'

// What these ten tools take of design.md's 4,500 and 9,000 for twenty, in tokens of four characters. The two longest
// answers, an intent and an operation, are among them: the ten to come have 3,300 for theirs.
const SEEN_BUDGET = 2_590
const LIST_BUDGET = 6_080
const MAX_TOOLS = 20

const tokens = (value: unknown) => JSON.stringify(value).length / 4
const seen = ({ name, description, inputSchema }: ListedTool) => ({ name, description, inputSchema })
const listing = tools.map(listTool)
const cases = tools.map((tool, at) => [tool.name, tool, listing[at] as ListedTool] as const)

interface Schema {
  readonly description?: string
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly [keyword: string]: unknown
}

function* schemasIn(schema: Schema): Generator<Schema> {
  yield schema
  if (schema.items) yield* schemasIn(schema.items)
  for (const member of Object.values(schema.properties ?? {})) yield* schemasIn(member)
}

function isBounded(schema: Schema): boolean {
  switch (schema['type']) {
    case 'string':
      return Number(schema['maxLength']) > 0 || Array.isArray(schema['enum'])
    case 'array':
      return Number(schema['maxItems']) <= 100
    case 'integer':
      return Number(schema['maximum']) <= 100
    default:
      return schema['type'] === 'object'
  }
}

describe('the catalogue', () => {
  test(`has at most ${MAX_TOOLS} tools with different names`, () => {
    expect(tools.length).toBeLessThanOrEqual(MAX_TOOLS)
    expect(new Set(tools.map((tool) => tool.name)).size).toBe(tools.length)
  })

  test(`shows a model at most ${SEEN_BUDGET} tokens, and at most ${LIST_BUDGET} with output schemas`, () => {
    expect(listing.reduce((sum, entry) => sum + tokens(seen(entry)), 0)).toBeLessThanOrEqual(SEEN_BUDGET)
    expect(tokens({ tools: listing })).toBeLessThanOrEqual(LIST_BUDGET)
  })

  test('has exactly one tool that moves money, and it takes an intent and nothing else', () => {
    const spending = tools.filter((tool) => tool.effect === 'spend')
    expect(spending.map((tool) => tool.name)).toEqual(['send_transaction'])
    expect(Object.keys(spending[0]?.input.shape ?? {})).toEqual(['intentId'])
  })

  test('is one file per tool, named after it in kebab-case', async () => {
    const files = readdirSync('tools').filter((file) => file !== 'index.ts')
    const expected = tools.map((tool) => `${tool.name.replaceAll('_', '-')}.ts`)
    expect(files.sort()).toEqual(expected.sort())
    for (const tool of tools) {
      const file: Record<string, unknown> = await import(`../../tools/${tool.name.replaceAll('_', '-')}.ts`)
      expect(Object.values(file)).toContain(tool)
    }
  })

  test('never changes silently: hash over everything that clients see (T32)', () => {
    expect(digestOf(JSON.parse(JSON.stringify(listing)))).toMatchInlineSnapshot(
      `"0x429e4939a2ecd92f0a9bc142f2b611e154a2736431672612e64fddd2d8064e79"`,
    )
  })
})

describe.each(cases)('%s', (_name, tool, entry) => {
  test('has the public shape that was reviewed (T32)', () => {
    expect(entry).toMatchSnapshot()
  })

  test('is named with a verb and described in 80 to 700 characters', () => {
    expect(entry.name).toMatch(/^(?:list|get|quote|simulate|send|replace)(?:_[a-z]+)+$/)
    expect(entry.title.length).toBeGreaterThan(5)
    expect(entry.description.length).toBeGreaterThanOrEqual(80)
    expect(entry.description.length).toBeLessThanOrEqual(700)
    expect(entry.description).toContain(' Use it ')
    expect(entry.description).toContain(' Not ')
  })

  test('mentions only tools that exist', () => {
    const words = JSON.stringify(entry).match(/\b(?:list|get|quote|simulate|send|replace)_[a-z]+\b/g) ?? []
    for (const word of words) expect(tools.map((other) => other.name)).toContain(word)
  })

  test('gives all four safety hints, and they agree with its effect', () => {
    const hints = entry.annotations
    expect(Object.keys(hints).sort()).toEqual([
      'destructiveHint',
      'idempotentHint',
      'openWorldHint',
      'readOnlyHint',
    ])
    expect(hints.readOnlyHint && hints.destructiveHint).toBe(false)
    expect(hints.readOnlyHint).toBe(tool.effect === 'read')
    expect(hints.destructiveHint).toBe(tool.effect === 'spend')
    expect(hints.idempotentHint).toBe(true)
  })

  test('takes plain, bounded, described arguments and no others (T34)', () => {
    const input = entry.inputSchema as Schema
    expect(input['additionalProperties']).toBe(false)
    expect(JSON.stringify(input)).not.toMatch(/anyOf|oneOf|allOf|\$ref/)
    for (const schema of schemasIn(input)) expect(schema).toSatisfy(isBounded)
    for (const [name, schema] of Object.entries(input.properties ?? {})) {
      expect(schema.description ?? schema['enum'], name).toBeDefined()
    }
  })

  test('says of each argument that another tool supplies which tool that is', () => {
    for (const [name, schema] of Object.entries((entry.inputSchema as Schema).properties ?? {})) {
      const words = [...schemasIn(schema)].map((part) => part.description).join(' ')
      const supplier = SUPPLIERS[name]
      if (supplier !== undefined) expect(words, name).toContain(supplier)
    }
  })

  test('publishes an output schema with an object at the root and no dangling reference', () => {
    const text = JSON.stringify(entry.outputSchema)
    expect(entry.outputSchema.type).toBe('object')
    const defined = Object.keys((entry.outputSchema['$defs'] ?? {}) as object)
    const used = [...text.matchAll(/#\/\$defs\/(\w+)/g)].map(([, name]) => name as string)
    expect([...new Set(used)].sort()).toEqual(defined.sort())
  })
})

const SUPPLIERS: Readonly<Record<string, string>> = {
  chain: 'list_chains',
  chains: 'list_chains',
  wallet: 'get_wallets',
  accounts: 'get_wallets',
  asset: 'list_chains',
  assets: 'list_chains',
  intentId: 'simulate_transaction',
  operation: 'send_transaction',
  cursor: 'list_operations',
  gasLimit: 'simulate_transaction',
  urgency: 'quote_gas',
}

type Shown<Schema extends z.ZodObject> = Frozen<z.input<Schema>>
type View<Name extends keyof Services, Method extends keyof Services[Name]> = Frozen<
  Services[Name][Method] extends (...given: never[]) => Promise<infer Answer> ? Answer : never
>

describe('types', () => {
  test('each output schema is exactly the view that its service answers', () => {
    expectTypeOf<Shown<typeof ChainListOutput>>().toEqualTypeOf<View<'chains', 'list'>>()
    expectTypeOf<Shown<typeof WalletListOutput>>().toEqualTypeOf<View<'wallets', 'list'>>()
    expectTypeOf<Shown<typeof BalanceSheetOutput>>().toEqualTypeOf<View<'balances', 'read'>>()
    expectTypeOf<Shown<typeof GasQuoteOutput>>().toEqualTypeOf<View<'gas', 'quote'>>()
    expectTypeOf<Shown<typeof IntentOutput>>().toEqualTypeOf<View<'intents', 'prepare'>>()
    expectTypeOf<Shown<typeof ReplacementOutput>>().toEqualTypeOf<View<'replacements', 'prepare'>>()
    expectTypeOf<Shown<typeof OperationOutput>>().toEqualTypeOf<View<'operations', 'get'>>()
    expectTypeOf<Shown<typeof OperationOutput>>().toEqualTypeOf<View<'operations', 'execute'>>()
    expectTypeOf<Shown<typeof OperationPageOutput>>().toEqualTypeOf<View<'operations', 'list'>>()
    expectTypeOf<Shown<typeof StatusOutput>>().toEqualTypeOf<View<'status', 'read'>>()
  })

  const words = {
    name: 'x',
    title: 'x',
    touchesChains: false,
    description: { what: 'x', when: 'x', notWhen: 'x' },
  }
  const output = z.object({})

  test('a spend tool without intentId does not compile', () => {
    const rest = { ...words, output, uses: [], run: async () => ({}) } as const
    const nothing = z.strictObject({})
    const intent = z.strictObject({ intentId: param.intentId })
    // @ts-expect-error a spend tool's input must be { intentId }
    const broken = defineTool({ ...rest, effect: 'spend', input: nothing })
    const sound = defineTool({ ...rest, effect: 'spend', input: intent })
    expect([broken.effect, sound.effect]).toEqual(['spend', 'spend'])
  })

  test('run() sees the services it names, and only a spend tool sees execute (R7)', () => {
    const input = z.strictObject({})
    const tool: Tool = defineTool({
      ...words,
      effect: 'read',
      input,
      output,
      uses: ['operations'],
      run: async (given) => {
        expectTypeOf(given).toHaveProperty('operations')
        expectTypeOf(given).not.toHaveProperty('gas')
        expectTypeOf(given.operations).not.toHaveProperty('execute')
        return {}
      },
    })
    expect(tool.uses).toEqual(['operations'])
  })
})
