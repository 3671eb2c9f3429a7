import { createHash } from 'node:crypto'
import { adminBatch } from '../../../../src/sandbox/adminRpc.ts'
import { OWN_PRINCIPAL } from '../../../../src/transactions/ownPrincipal.ts'
import { type Row, readRows, USDC } from '../../../support/engine.ts'
import type { Asked, Schedule } from './schedule.ts'

const PAID = { native: 250_000_000_000_000_000n, token: 12_500_000n, patient: 500_000_000_000_000_000n }

/** How an operation ended, in the words of what made it end so. */
export const ENDS = [
  'committed',
  'failed unsigned',
  'reverted',
  'cancelled',
  'replaced by another',
  'gap filled',
] as const
type End = (typeof ENDS)[number] | 'running'

/** What the journal and the chain say of a schedule after everything has ended. */
export interface Findings {
  /** What breaks a rule. */
  readonly wrong: readonly string[]
  readonly ends: readonly End[]
  /** Transitions by name, with how often each was made. */
  readonly events: ReadonlyMap<string, number>
}

interface Mined {
  readonly nonce: number
  readonly succeeded: boolean
}

interface Signed {
  readonly operation: string
  readonly state: string
  readonly step: string
  readonly hash: string
  readonly kind: string
  readonly nonce: string
}

/** Holds the journal of an account against its chain. */
export class Verdict {
  #audited = { seq: 0, hash: '0'.repeat(64) }

  async of(schedule: Schedule): Promise<Findings> {
    const { stage, account } = schedule
    const wrong: string[] = []
    const rows = (sql: string) => readRows(stage.journal, sql.replaceAll('$account', `'${account.address}'`))
    const mined = await minedBy(schedule)
    const operations = rows(
      `select operations.id, operations.state, steps.state as step, operations.idempotency_key as key, operations.principal
       from operations join steps on steps.operation_id = operations.id where operations.account = $account`,
    )
    const signed = rows(
      `select operations.id as operation, operations.state, steps.state as step, attempts.hash, attempts.kind, attempts.nonce
       from attempts join steps on steps.id = attempts.step_id join operations on operations.id = steps.operation_id
       where attempts.account = $account`,
    ) as unknown as readonly Signed[]
    const ends = operations.map(({ id, state, step, principal }) => {
      const own = signed.filter(({ operation }) => operation === id)
      wrong.push(...contradictions(String(id), String(state), String(step), own, mined))
      if (principal === OWN_PRINCIPAL && state === 'committed') return 'gap filled'
      return endOf(String(state), String(step), own, mined)
    })
    wrong.push(...(await misdirected(schedule, operations)))
    wrong.push(...strangers(schedule, signed, mined), ...unexplained(schedule, signed, mined))
    const held = rows(`select id from reservations where state = 'held' and account = $account`)
    if (held.length > 0) wrong.push(`R5: ${held.length} reservations are held by nothing`)
    const beyond = rows(`select nonce, state from nonces where account = $account`).filter(
      ({ nonce }) => Number(nonce) >= mined.size,
    )
    for (const { nonce, state } of beyond)
      wrong.push(`R4: nonce ${Number(nonce)} is ${state} and was not used`)
    const waiting = (await stage.count('pending')) - (await stage.count('latest'))
    if (waiting !== 0) wrong.push(`${waiting} transactions wait for ever`)
    const { events, broken } = this.#audit(stage.journal)
    if (broken !== undefined) wrong.push(`T38: the audit log is broken at ${broken}`)
    return { wrong, ends, events }
  }

  /** Follows the audit log from where it was left; counts what it says happened since. */
  #audit(journal: string): { readonly events: ReadonlyMap<string, number>; readonly broken: unknown } {
    const events = new Map<string, number>()
    for (const row of readRows(
      journal,
      `select * from audit where seq > ${this.#audited.seq} order by seq`,
    )) {
      const { at, detail, event, previous, seq, subject, hash } = row
      const text = JSON.stringify({ at, detail, event, previous, seq, subject })
      const follows = previous === this.#audited.hash && seq === this.#audited.seq + 1
      if (!follows || createHash('sha256').update(text).digest('hex') !== hash) return { events, broken: seq }
      this.#audited = { seq: Number(seq), hash: String(hash) }
      events.set(String(event), (events.get(String(event)) ?? 0) + 1)
    }
    return { events, broken: undefined }
  }
}

/** Every transaction of the account that the chain holds, by hash. */
async function minedBy({ stage, account, from }: Schedule): Promise<ReadonlyMap<string, Mined>> {
  const count = (await stage.head()) - from
  const numbers = Array.from({ length: count }, (_, index) => `0x${(from + 1 + index).toString(16)}`)
  const { rpcUrl } = stage.lane
  const receipts = (
    await adminBatch(
      rpcUrl,
      numbers.map((number) => ({ method: 'eth_getBlockReceipts', params: [number] })),
    )
  ).flat() as { readonly transactionHash: string; readonly from: string; readonly status: string }[]
  const own = receipts.filter((one) => one.from.toLowerCase() === account.address.toLowerCase())
  const transactions = (await adminBatch(
    rpcUrl,
    own.map(({ transactionHash }) => ({ method: 'eth_getTransactionByHash', params: [transactionHash] })),
  )) as { readonly nonce: string }[]
  return new Map(
    own.map(({ transactionHash, status }, index) => [
      transactionHash,
      { nonce: Number(transactions[index]?.nonce), succeeded: status === '0x1' },
    ]),
  )
}

function contradictions(
  id: string,
  state: string,
  step: string,
  own: readonly Signed[],
  mined: ReadonlyMap<string, Mined>,
): readonly string[] {
  const there = own.filter(({ hash }) => mined.has(hash))
  const did = there.filter(({ hash, kind }) => kind !== 'cancel' && mined.get(hash)?.succeeded)
  const told = `${id} is ${state} (${step})`
  if (there.length > 1) return [`R2: ${told} and ${there.length} of its transactions were mined`]
  if (state === 'committed') return did.length === 1 ? [] : [`R14: ${told} and did not happen`]
  if (state !== 'failed') return [`wedged: ${told}`]
  return did.length === 0 ? [] : [`R14: ${told} and happened`]
}

function endOf(state: string, step: string, own: readonly Signed[], mined: ReadonlyMap<string, Mined>): End {
  if (state === 'committed') return 'committed'
  if (state !== 'failed') return 'running'
  if (step === 'failed') return 'failed unsigned'
  if (step === 'reverted') return 'reverted'
  return own.some(({ hash }) => mined.has(hash)) ? 'cancelled' : 'replaced by another'
}

/** Each recipient has what the journal says it was paid: the amount, or nothing. */
async function misdirected(
  { stage, asked, account }: Schedule,
  operations: readonly Row[],
): Promise<readonly string[]> {
  const balances = await adminBatch(
    stage.lane.rpcUrl,
    asked.map(({ kind, to }) =>
      kind === 'token'
        ? {
            method: 'eth_call',
            params: [{ to: USDC, data: `0x70a08231${to.slice(2).padStart(64, '0')}` }, 'latest'],
          }
        : { method: 'eth_getBalance', params: [to, 'latest'] },
    ),
  )
  return asked.flatMap((one, index) => {
    const got = BigInt(String(balances[index]))
    const mine = operations.filter(({ key }) => key === one.key)
    const state = String(mine[0]?.['state'] ?? 'none')
    const wanted = state === 'committed' ? PAID[one.kind] : 0n
    const wrong =
      got === wanted ? [] : [`${one.key} of ${account.address} is ${state} and its recipient got ${got}`]
    if (mine.length > 1) wrong.push(`R3: ${one.key} has ${mine.length} operations`)
    return [...wrong, ...changedMind(one, state)]
  })
}

function changedMind({ key, ended }: Asked, state: string): readonly string[] {
  return ended === undefined || ended === state ? [] : [`R14: ${key} was told as ${ended} and is ${state}`]
}

/** What the account has sent is in the journal, or another program's; its nonces have no gap. */
function strangers(
  { foreign }: Schedule,
  signed: readonly Signed[],
  mined: ReadonlyMap<string, Mined>,
): readonly string[] {
  const known = new Set([...signed.map(({ hash }) => hash), ...foreign])
  const unknown = [...mined.keys()].filter((hash) => !known.has(hash))
  const nonces = [...mined.values()].map(({ nonce }) => nonce).sort((x, y) => x - y)
  return [
    ...unknown.map((hash) => `R2: ${hash} was mined and is not in the journal`),
    ...(nonces.every((nonce, index) => nonce === index) ? [] : [`R4: nonces ${nonces.join()}`]),
  ]
}

/** What was given up because its nonce was used lost it to the other program, or to its own cancellation. */
function unexplained(
  { foreign }: Schedule,
  signed: readonly Signed[],
  mined: ReadonlyMap<string, Mined>,
): readonly string[] {
  const own = new Set(
    signed.filter(({ kind, hash }) => kind === 'cancel' && mined.has(hash)).map(({ operation }) => operation),
  )
  const lost = new Set([...foreign].flatMap((hash) => mined.get(hash)?.nonce ?? []))
  return signed
    .filter(
      ({ step, operation, nonce }) => step === 'replaced' && !own.has(operation) && !lost.has(Number(nonce)),
    )
    .map(
      ({ operation, nonce }) => `R4: ${operation} is replaced, and nobody else used nonce ${Number(nonce)}`,
    )
}
