import type { Agent } from './support/agent.ts'
import { type CountedChain, countedSandbox, type RoundTrip } from './support/countedSandbox.ts'
import { type Figures, line, median, round } from './support/figures.ts'
import { FILL, PAYMENTS, type Payment, viemWallet } from './support/payments.ts'

const REPEATS = 5
/**
 * HTTP requests from simulate_transaction to the answer of send_transaction, after warm-up, against those of viem's
 * sendTransaction, which estimates gas and simulates nothing: once as anvil lets it, once at a node without
 * eth_fillTransaction. Same chain, same proxy, same run.
 */
export async function run(): Promise<Figures> {
  const world = await countedSandbox()
  try {
    const [chain] = world.chains
    const figures: Record<string, number> = {}
    const filled = await countViem(chain)
    chain.lack(FILL)
    const plain = await countViem(chain)
    line('round trips', 'simulate', 'send', 'sum', 'viem', 'viem, no fill', 'polls')
    for (const payment of PAYMENTS) {
      await pay(world.agent, chain, payment, 'warm-up')
      const paid: Paid[] = []
      for (let turn = 0; turn < REPEATS; turn++)
        paid.push(await pay(world.agent, chain, payment, String(turn)))
      Object.assign(figures, report(payment, paid, filled, plain))
    }
    console.log('Polls are status reads after the broadcast, until final; block times decide how many.')
    return figures
  } finally {
    await world.close()
  }
}

type Counts = Readonly<Record<string, number>>

function report({ name }: Payment, paid: readonly Paid[], filled: Counts, plain: Counts): Figures {
  const simulate = median(paid.map((each) => each.simulate.length))
  const send = median(paid.map((each) => each.send.length))
  const most = Math.max(...paid.map((each) => each.simulate.length + each.send.length))
  const viem = filled[name] ?? Number.NaN
  const viemPlain = plain[name] ?? Number.NaN
  const polls = median(paid.map((each) => each.polls))
  line(name, ...[simulate, send, simulate + send, viem, viemPlain, polls].map(String))
  show('simulate', paid.at(-1)?.simulate ?? [])
  show('send', paid.at(-1)?.send ?? [])
  return {
    [`${name}Trips`]: simulate + send,
    [`${name}MostTrips`]: most,
    [`${name}ViemTrips`]: viem,
    [`${name}ViemTripsWithoutFill`]: viemPlain,
    [`${name}RatioToViem`]: round((simulate + send) / viem),
    [`${name}RatioToViemWithoutFill`]: round((simulate + send) / viemPlain),
  }
}

function show(label: string, trips: readonly RoundTrip[]): void {
  for (const trip of trips) console.log(`  ${label}: ${trip.map(({ method }) => method).join(' ')}`)
}

interface Paid {
  readonly simulate: readonly RoundTrip[]
  readonly send: readonly RoundTrip[]
  /** The follower's, until the operation is final; their number depends on block times. */
  readonly polls: number
}

async function pay(agent: Agent, chain: CountedChain, { name, args }: Payment, turn: string): Promise<Paid> {
  chain.forget()
  const idempotencyKey = `${name}-${turn}`
  const request = { chain: 'sandbox-a', wallet: 'agent', ...args, idempotencyKey }
  const { intentId } = await agent.call('simulate_transaction', request)
  const simulate = chain.trips
  chain.forget()
  const { operationId } = await agent.call('send_transaction', { intentId })
  // The follower may look at the chain before the answer has crossed the pipe.
  const send = chain.trips.filter((trip) => !isPoll(trip))
  const wait = { operation: operationId, waitSeconds: 45, until: 'final' }
  const { state } = await agent.call('get_operation', wait)
  if (state !== 'committed') throw new Error(`${name} ended as ${String(state)}`)
  const polls = chain.trips.filter(isPoll).length
  return { simulate, send, polls }
}

const isPoll = (trip: RoundTrip) => trip.some(({ method }) => method === 'eth_getTransactionReceipt')

/**
 * The requests of one sendTransaction by kind of payment, from a wallet that Bursar does not use, with a client as
 * viem's documentation makes it. The first one of each kind warms up what viem remembers of its node.
 */
async function countViem(chain: CountedChain): Promise<Counts> {
  const client = viemWallet(chain.url)
  const counts: Record<string, number> = {}
  for (const { name, transaction } of PAYMENTS) {
    await client.sendTransaction(transaction)
    chain.forget()
    await client.sendTransaction(transaction)
    show(`viem, ${name}`, chain.trips)
    counts[name] = chain.trips.length
  }
  return counts
}
