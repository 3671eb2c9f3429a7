import { toJSONSchema } from 'zod'
import { tools } from '../tools/index.ts'
import { type Agent, type Answer, startAgent } from './support/agent.ts'
import { type Figures, line, round } from './support/figures.ts'

const CHARACTERS_PER_TOKEN = 4
const SEEN_BUDGET = 2_540
const LIST_BUDGET = 5_780
const ANSWER_BUDGET = 1_000

const TIP_JAR = '0x225FEF2B544DEbcA5D2833CdA879E16cA1458163'
const PAYMENTS: readonly (readonly [name: string, args: object])[] = [
  ['native', { to: 'merchant', amount: '1.25' }],
  ['ERC-20', { to: 'merchant', amount: '250.5', asset: 'USDC' }],
  ['call', { to: TIP_JAR, function: 'tip(string)', args: ['thank you'], amount: '0.05' }],
]

const tokensOf = (value: unknown) => JSON.stringify(value).length / CHARACTERS_PER_TOKEN

/**
 * What a model pays to know the tools and to read their answers. The baseline is the same catalogue with the
 * schemas as Zod writes them.
 */
export async function run(): Promise<Figures> {
  const agent = await startAgent()
  try {
    const catalogue = await measureCatalogue(agent)
    const answers = await measureAnswers(agent)
    return { ...catalogue, ...answers }
  } finally {
    await agent.close()
  }
}

async function measureCatalogue({ client }: Agent): Promise<Figures> {
  const listed = (await client.listTools()).tools
  line('tool', 'model sees', 'whole entry')
  for (const { name, description, inputSchema, ...rest } of listed) {
    const seen = { name, description, inputSchema }
    line(name, tokensOf(seen).toFixed(0), tokensOf({ ...seen, ...rest }).toFixed(0))
  }
  const seen = listed.map(({ name, description, inputSchema }) =>
    tokensOf({ name, description, inputSchema }),
  )
  const seenTokens = seen.reduce((sum, each) => sum + each, 0)
  const listTokens = tokensOf({ tools: listed })
  const plain = tools.map((tool) => {
    const { name, title, description, annotations } = tool
    const schemas = { inputSchema: toJSONSchema(tool.input), outputSchema: toJSONSchema(tool.output) }
    return { name, title, description, annotations, ...schemas }
  })
  const plainTokens = tokensOf({ tools: plain })
  line('all, as received', seenTokens.toFixed(0), listTokens.toFixed(0))
  line('all, schemas as Zod writes them', '', plainTokens.toFixed(0))
  line('budget', String(SEEN_BUDGET), String(LIST_BUDGET))
  return {
    seenTokens: round(seenTokens),
    listTokens: round(listTokens),
    seenToBudget: round(seenTokens / SEEN_BUDGET),
    listToBudget: round(listTokens / LIST_BUDGET),
    listToPlainSchemas: round(listTokens / plainTokens),
  }
}

/** The demo's calls on the sandbox, and the questions without arguments, which answer the most. */
async function measureAnswers(agent: Agent): Promise<Figures> {
  const sizes: [string, number][] = []
  const ask = async (label: string, tool: string, args: object): Promise<Answer> => {
    const answer = await agent.call(tool, args)
    sizes.push([label, tokensOf(answer)])
    return answer
  }
  await ask('list_chains', 'list_chains', {})
  await ask('get_wallets', 'get_wallets', {})
  await ask('get_balances, all wallets and chains', 'get_balances', {})
  await ask('get_balances, three accounts', 'get_balances', { accounts: ['agent', 'merchant', TIP_JAR] })
  await ask('quote_gas', 'quote_gas', { chain: 'sandbox-a' })
  for (const [name, payment] of PAYMENTS) {
    const prepared = { chain: 'sandbox-a', wallet: 'agent', ...payment, idempotencyKey: `bench-${name}` }
    const { intentId } = await ask(`simulate_transaction, ${name}`, 'simulate_transaction', prepared)
    const { operationId } = await ask(`send_transaction, ${name}`, 'send_transaction', { intentId })
    const wait = { operation: operationId, waitSeconds: 30, until: 'final' }
    await ask(`get_operation, ${name}`, 'get_operation', wait)
  }
  await ask(`list_operations, ${PAYMENTS.length} of them`, 'list_operations', {})
  await ask('get_status', 'get_status', {})

  console.log('\nAnswers on the sandbox, in tokens:')
  for (const [label, size] of sizes) line(label, size.toFixed(0), size > ANSWER_BUDGET ? 'ABOVE BUDGET' : '')
  const [largest] = sizes.toSorted(([, a], [, b]) => b - a)
  if (largest) console.log(`The largest is ${largest[0]}.`)
  const above = sizes.filter(([, size]) => size > ANSWER_BUDGET).length
  const largestTokens = largest?.[1] ?? Number.NaN
  return {
    largestAnswerTokens: round(largestTokens),
    largestToBudget: round(largestTokens / ANSWER_BUDGET),
    answersAboveBudget: above,
  }
}
