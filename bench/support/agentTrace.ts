/** One call of a trace. */
export interface TracedCall {
  readonly atMs: number
  readonly tool: string
  readonly args: object
}

export interface TraceOptions {
  readonly agents: number
  readonly seconds: number
  readonly seed: number
}

/** What agents do while they work with money: they ask again and again, each about its own wallet, each in its rhythm. */
const HABITS: readonly {
  readonly everyMs: number
  readonly call: (wallet: string) => Omit<TracedCall, 'atMs'>
}[] = [
  { everyMs: 2_000, call: (wallet) => ({ tool: 'get_balances', args: { accounts: [wallet] } }) },
  { everyMs: 3_000, call: () => ({ tool: 'quote_gas', args: { chain: 'sandbox-a' } }) },
  { everyMs: 1_500, call: () => ({ tool: 'list_chains', args: {} }) },
]
const WALLETS = ['treasury', 'agent', 'merchant', 'payroll']

/** A repeatable trace: the same seed gives the same calls. Rhythms vary by up to a half, so that agents do not march. */
export function agentTrace({ agents, seconds, seed }: TraceOptions): readonly TracedCall[] {
  const random = mulberry32(seed)
  const calls: TracedCall[] = []
  for (let agent = 0; agent < agents; agent++) {
    const wallet = WALLETS[agent % WALLETS.length] ?? 'agent'
    for (const { everyMs, call } of HABITS) {
      for (let atMs = random() * everyMs; atMs < seconds * 1_000; atMs += everyMs * (0.5 + random())) {
        calls.push({ atMs, ...call(wallet) })
      }
    }
  }
  return calls.sort((a, b) => a.atMs - b.atMs)
}

/** A small generator with a seed, uniform from 0 to 1 (Tommy Ettinger's mulberry32). */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
