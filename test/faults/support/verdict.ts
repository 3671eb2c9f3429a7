import type { ChainRecord } from './chainRecord.ts'
import { type Counted, miscounted } from './counted.ts'
import type { CrashJob, Payment } from './crashJob.ts'

/** What a journal says after a process was killed and another one has taken over. */
export interface Resumed {
  readonly name: string
  /** Number of the newest block when everything had ended for the first time. */
  readonly head: number
  /** State of each operation then; `none` when the journal has none. */
  readonly before: readonly string[]
  /** The same after every intent was sent again. */
  readonly after: readonly string[]
  /** State of the payment that came last. */
  readonly next: string
  /** What counts towards caps after it. */
  readonly counted: Counted
}

/** A job, and what the chain must say of it. */
export interface Expected {
  readonly job: CrashJob
  /** Address of its account, in lower case. */
  readonly account: string
  /** Of the contract account that it owns, likewise. */
  readonly vault: string
  /** What was asked for, in the order of the operations that `Resumed` tells of. */
  readonly payments: readonly Payment[]
}

export interface Verdict {
  /** Payments that arrived more often than once, or that the journal says did not happen. */
  readonly duplicates: number
  /** Payments that did not arrive and that the journal says happened, or that are failed though nothing was wrong. */
  readonly lost: number
  /** Operations that have not ended, accounts whose transactions have a gap or wait, and payments behind them. */
  readonly wedged: number
  /** Sums towards caps that are not exactly what left by the chain (R5), and whatever is still held. */
  readonly miscounted: number
  readonly notes: readonly string[]
}

const RAW: Readonly<Record<string, bigint>> = {
  '0.25 native': 250_000_000_000_000_000n,
  '12.5 USDC': 12_500_000n,
  '0.5 native': 500_000_000_000_000_000n,
}

const ENDED: ReadonlySet<string> = new Set(['committed', 'failed', 'compensated'])

/** Holds what a journal says against what the chain says. `pending` is the account's count with what waits. */
export function judge(expected: Expected, resumed: Resumed, chain: ChainRecord, pending: number): Verdict {
  const { job, account, payments } = expected
  const notes: string[] = []
  const counts = { duplicates: 0, lost: 0, wedged: 0, miscounted: 0 }
  const note = (kind: keyof typeof counts, text: string) => {
    counts[kind]++
    notes.push(`${job.name}: ${text}`)
  }
  const compare = (what: string, state: string, arrived: number) => {
    const wanted = state === 'committed' ? 1 : 0
    if (arrived > wanted) note('duplicates', `${what} is ${state} and arrived ${arrived} times`)
    if (arrived < wanted) note('lost', `${what} is ${state} and arrived ${arrived} times`)
  }
  for (const [index, payment] of payments.entries()) {
    const { before = 'missing', after = 'missing' } = {
      before: resumed.before[index],
      after: resumed.after[index],
    }
    const what = `${payment.amount} ${payment.asset}`
    if (before !== 'none' && !ENDED.has(before)) note('wedged', `${what} is ${before} after the restart`)
    if (!ENDED.has(after)) note('wedged', `${what} is ${after} after it was sent again`)
    compare(`${what} after the restart`, before, arrivals(chain, payment, resumed.head))
    compare(`${what} after it was sent again`, after, arrivals(chain, payment))
    // Nobody asked for it to be cancelled, and nothing spoke against it.
    if ((after === 'failed' || after === 'compensated') && job.kind !== 'cancel')
      note('lost', `${what} has failed`)
  }
  if (resumed.next !== 'committed') note('wedged', `the next payment is ${resumed.next}`)
  compare('the next payment', resumed.next, arrivals(chain, job.next))
  const nonces = chain.transactions.filter(({ from }) => from === account).map(({ nonce }) => nonce)
  const wanted = NONCES[job.kind].join()
  if (nonces.sort((x, y) => x - y).join() !== wanted) note('wedged', `nonces ${nonces.join()}, not ${wanted}`)
  if (pending !== NONCES[job.kind].length) note('wedged', `${pending} transactions with those that wait`)
  for (const text of countsIn(expected, resumed, chain)) note('miscounted', text)
  return { ...counts, notes }
}

function countsIn({ job, account, vault }: Expected, { counted }: Resumed, chain: ChainRecord) {
  const own = miscounted(counted, account, chain.outgoing, ['native', 'USDC', 'fees'])
  if (job.kind !== 'account') return own
  return [...own, ...miscounted(counted, vault, chain.outgoing, ['native', 'USDC'])]
}

/** What an account has used in the end: a transaction a payment, the next one included. */
const NONCES: Readonly<Record<CrashJob['kind'], readonly number[]>> = {
  native: [0, 1],
  token: [0, 1],
  pair: [0, 1, 2],
  call: [0, 1, 2],
  recovery: [0, 1],
  speed_up: [0, 1],
  cancel: [0, 1],
  // Of the owner, who brings what the account pays: once each.
  account: [0, 1],
}

/** How often a payment arrived, up to a block; any other amount at its address counts as well. */
function arrivals(
  chain: ChainRecord,
  { to, asset, amount }: Payment,
  until = Number.POSITIVE_INFINITY,
): number {
  const raw = RAW[`${amount} ${asset}`]
  if (raw === undefined) throw new Error(`no literal for ${amount} ${asset}`)
  const arrived = chain.arrivals.filter((one) => one.to === to && one.block <= until)
  const others = arrived.filter((one) => one.asset !== asset || one.raw !== raw).length
  return arrived.length + others
}
