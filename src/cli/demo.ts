import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { print } from './output.ts'

type Answer = Readonly<Record<string, unknown>>

/** Long lists are cut for the reader; the agent receives them whole. */
const SHOWN_CHARACTERS = 420

const CHAINS = ['sandbox-a', 'sandbox-b'] as const
const TIP_JAR = '0x225FEF2B544DEbcA5D2833CdA879E16cA1458163'

interface Payment {
  readonly title: string
  readonly arguments: Answer
}

const PAYMENTS: readonly Payment[] = [
  { title: 'a native transfer', arguments: { to: 'merchant', amount: '1.25' } },
  { title: 'an ERC-20 transfer', arguments: { to: 'merchant', amount: '250.5', asset: 'USDC' } },
  {
    title: 'a contract call',
    arguments: { to: TIP_JAR, function: 'tip(string)', args: ['thank you'], amount: '0.05' },
  },
]

/**
 * An agent's session: starts Bursar (the file `server`) as an agent host would, and pays three ways on both
 * sandbox chains.
 */
export async function demo(server: string): Promise<void> {
  const started = performance.now()
  const folder = mkdtempSync(join(tmpdir(), 'bursar-demo-'))
  const client = new Client({ name: 'bursar-demo', version: '1.0.0' })
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [server, 'serve'],
    // Nothing of the operator's configuration: the demo never touches a real chain.
    env: { PATH: '/usr/bin:/bin', BURSAR_HOME: folder, LOG_LEVEL: 'error' },
    cwd: folder,
  })
  try {
    await client.connect(transport)
    print(`Connected over stdio to ${client.getServerVersion()?.name} ${client.getServerVersion()?.version}.`)
    await session(client)
  } finally {
    await client.close()
    rmSync(folder, { recursive: true, force: true })
  }
  print(`\nDone in ${((performance.now() - started) / 1000).toFixed(1)} s.`)
}

async function session(client: Client): Promise<void> {
  await call(client, 'list_chains', {})
  await call(client, 'get_wallets', {})
  const before = await call(client, 'get_balances', { accounts: ['agent', 'merchant', TIP_JAR] })
  for (const chain of CHAINS) {
    await call(client, 'quote_gas', { chain })
    for (const payment of PAYMENTS) await pay(client, chain, payment)
  }
  const after = await call(client, 'get_balances', { accounts: ['agent', 'merchant', TIP_JAR] })
  print('\nBalances before and after:')
  for (const line of compare(before, after)) print(`  ${line}`)
}

async function pay(client: Client, chain: string, payment: Payment): Promise<void> {
  print(`\n=== ${payment.title} on ${chain} ===`)
  const idempotencyKey = `demo-${chain}-${payment.title.replaceAll(' ', '-')}`
  const intent = await call(client, 'simulate_transaction', {
    chain,
    wallet: 'agent',
    ...payment.arguments,
    idempotencyKey,
  })
  const operation = await call(client, 'send_transaction', { intentId: intent['intentId'] })
  const ended = await call(client, 'get_operation', {
    operation: operation['operationId'],
    waitSeconds: 30,
    until: 'final',
  })
  if (ended['state'] !== 'committed')
    throw new Error(`${payment.title} on ${chain} ended as ${ended['state']}`)
}

/** One tool call as an agent makes it, printed with its answer. */
async function call(client: Client, name: string, args: Answer): Promise<Answer> {
  print(`\n→ ${name} ${JSON.stringify(args)}`)
  const result = await client.callTool({ name, arguments: args })
  const [content] = result.content
  const text = content?.type === 'text' ? content.text : ''
  print(
    `← ${text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)} … (${text.length} characters)` : text}`,
  )
  if (result.isError) throw new Error(`${name} failed: ${text}`)
  return result.structuredContent as Answer
}

interface Balance {
  readonly symbol?: string
  readonly display: string
}

interface Sheet {
  readonly chains: readonly {
    readonly chain: { readonly name: string }
    readonly accounts: readonly {
      readonly account: string
      readonly wallet?: string
      readonly balances: readonly Balance[]
    }[]
  }[]
}

function* compare(before: Answer, after: Answer): Generator<string> {
  const later = (after as unknown as Sheet).chains
  for (const [index, { chain, accounts }] of (before as unknown as Sheet).chains.entries()) {
    for (const [place, { account, wallet, balances }] of accounts.entries()) {
      const now = later[index]?.accounts[place]?.balances ?? []
      const changes = balances.map(
        (one, position) => `${one.display} → ${now[position]?.display} ${one.symbol}`,
      )
      const who = wallet ?? (account === TIP_JAR ? 'tip jar' : account)
      yield `${chain.name.padEnd(10)} ${who.padEnd(9)} ${changes.join('   ')}`
    }
  }
}
