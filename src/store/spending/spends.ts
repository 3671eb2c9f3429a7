import { compiled, insertRows, type Values } from '../database/compiled.ts'
import type { JournalDb } from '../database/database.ts'
import { padNumber, unpadNumber } from '../database/paddedNumber.ts'
import type { JournalTransaction } from '../journal.ts'
import type { SpendRow, SpendSumTable, StepRow } from '../schema.ts'
import { bucketsOf, countsIn, type NewSpend, Spent, type SpentWindow, spansOf } from './spentWindow.ts'

/** What a step counts for, and when: milliseconds since the epoch. */
export interface Counted {
  readonly spends: readonly NewSpend[]
  readonly at: number
}

/** Answers how much left in each window, without what the step `except` counts for (R5). */
export async function spentIn(
  db: JournalDb | JournalTransaction,
  windows: readonly SpentWindow[],
  except = '',
): Promise<Spent> {
  const own = except === '' || windows.length === 0 ? [] : await ofStep(db, { stepId: except })
  const answers = new Map<string, ReadonlyMap<string, bigint>>()
  for (const window of windows) {
    if (answers.has(window.key)) continue
    const sums = new Map<string, bigint>()
    for (const { asset, raw } of await sumsIn(db, window)) add(sums, asset, BigInt(raw))
    for (const one of own) if (isIn(one, window)) add(sums, one.asset, -BigInt(one.raw))
    answers.set(window.key, sums)
  }
  return new Spent(answers)
}

const add = (sums: Map<string, bigint>, asset: string, raw: bigint) =>
  void sums.set(asset, (sums.get(asset) ?? 0n) + raw)

/** Whoever may be in a list that is absent. */
const among = (list: readonly string[] | undefined, one: string) => list?.includes(one) ?? true

function isIn(spend: SpendRow, { assets, recipient, accounts, principals, since }: SpentWindow): boolean {
  const { asset, account, principal, at } = spend
  const isMeant = spend.recipient === recipient && assets.includes(asset) && countsIn(at, since)
  return isMeant && among(accounts, account) && among(principals, principal)
}

/** One question for each level: each is a range of the primary key, where one for all of them would read all there is. */
async function sumsIn(
  db: JournalDb | JournalTransaction,
  { assets, recipient, accounts, principals, since }: SpentWindow,
): Promise<readonly Pick<SpendSumTable, 'asset' | 'raw'>[]> {
  const answers = []
  for (const { level, from, to = LAST_START } of spansOf(since)) {
    let query = db
      .selectFrom('spend_sums')
      .select(['asset', 'raw'])
      .where('asset', 'in', assets)
      .where('recipient', '=', recipient)
      .where('level', '=', level)
      .where('start', '>=', from)
      .where('start', '<=', to)
    if (accounts) query = query.where('account', 'in', accounts)
    if (principals) query = query.where('principal', 'in', principals)
    if (from <= to) answers.push(...(await query.execute()))
  }
  return answers
}

const LAST_START = Number.MAX_SAFE_INTEGER

const ofStep = compiled((db, value: Values<{ stepId: string }>) =>
  db.selectFrom('spends').selectAll().where('step_id', '=', value('stepId')),
)

/** Counts what a step may take, from the moment that it is held. */
export async function insertSpends(
  tx: JournalTransaction,
  { id, account }: Pick<StepRow, 'id' | 'account'>,
  principal: string,
  { spends, at }: Counted,
): Promise<void> {
  const rows = spends
    .filter(({ raw }) => raw !== '0')
    .map((one) => ({ step_id: id, ...one, account, principal, at: padNumber(BigInt(at)) }))
  await insertRows(tx, 'spends', rows)
  for (const row of rows) await count(tx, row, BigInt(row.raw))
}

/** What a step that was not signed counts for becomes what it needs now, from now on. */
export async function replaceSpends(
  tx: JournalTransaction,
  { id, account, operation_id: operationId }: StepRow,
  counted: Counted,
): Promise<void> {
  await dropSpends(tx, id)
  await tx.deleteFrom('spends').where('step_id', '=', id).execute()
  await insertSpends(tx, { id, account }, await principalOf(tx, operationId), counted)
}

/** The same beside what it counts for already: whichever is more, since either of its transactions may be included. */
export async function raiseSpends(tx: JournalTransaction, step: StepRow, counted: Counted): Promise<void> {
  const { id } = step
  const keyed = (one: NewSpend) => `${one.asset} ${one.recipient}`
  const wanted = new Map(counted.spends.map((one) => [keyed(one), BigInt(one.raw)]))
  const rows = await ofStep(tx, { stepId: id })
  const known = new Set(rows.map(keyed))
  const larger = rows.map(({ asset, recipient, ...row }) => {
    const [own, more] = [BigInt(row.raw), wanted.get(keyed({ asset, recipient, raw: '' })) ?? 0n]
    return { asset, recipient, raw: (own > more ? own : more).toString() }
  })
  const spends = [...larger, ...counted.spends.filter((one) => !known.has(keyed(one)))]
  // It counts as of now: dated back, a raise would leave the windows that it was judged by at once.
  const at = rows.reduce((latest, row) => Math.max(latest, Number(unpadNumber(row.at))), counted.at)
  await replaceSpends(tx, step, { spends, at })
}

async function principalOf(tx: JournalTransaction, operationId: string): Promise<string> {
  const operations = tx.selectFrom('operations').select('principal')
  return (await operations.where('id', '=', operationId).executeTakeFirstOrThrow()).principal
}

/** What a step counted for counts no more. */
export async function dropSpends(tx: JournalTransaction, stepId: string): Promise<void> {
  await settleSpends(tx, stepId, () => 0n)
}

/** What a step took that nobody had foreseen counts as well, as of when the rest of it was held. */
export async function addSpends(
  tx: JournalTransaction,
  stepId: string,
  took: readonly NewSpend[],
): Promise<void> {
  const rows = await ofStep(tx, { stepId })
  const [row] = rows
  // What counted for nothing had nothing to give, not even a fee.
  if (!row) return
  const known = new Set(rows.map(({ asset, recipient }) => `${asset} ${recipient}`))
  const spends = took.filter(({ asset, recipient }) => !known.has(`${asset} ${recipient}`))
  const { account, principal, at } = row
  await insertSpends(tx, { id: stepId, account }, principal, { spends, at: Number(unpadNumber(at)) })
}

/** What a step counts for becomes what it really took; `actual` answers with base units. */
export async function settleSpends(
  tx: JournalTransaction,
  stepId: string,
  actual: (spend: SpendRow) => bigint,
): Promise<void> {
  for (const row of await ofStep(tx, { stepId })) {
    const raw = actual(row)
    const change = raw - BigInt(row.raw)
    if (change === 0n) continue
    await setSpend(tx, { ...keyOf(row), raw: raw.toString() })
    await count(tx, row, change)
  }
}

const keyOf = ({ step_id: stepId, asset, recipient }: SpendRow) => ({ stepId, asset, recipient })

const setSpend = compiled(
  (db, value: Values<{ stepId: string; asset: string; recipient: string; raw: string }>) =>
    db
      .updateTable('spends')
      .set({ raw: value('raw') })
      .where('step_id', '=', value('stepId'))
      .where('asset', '=', value('asset'))
      .where('recipient', '=', value('recipient')),
)

type Scope = Pick<SpendRow, 'asset' | 'recipient' | 'account' | 'principal'>

/** Adds to the sums of the minute, the hour and the day; beyond 64 bits, so it is done here. */
async function count(tx: JournalTransaction, row: SpendRow, change: bigint): Promise<void> {
  const { asset, recipient, account, principal } = row
  const scope = { asset, recipient, account, principal }
  const [minute, hour, day] = bucketsOf(Number(unpadNumber(row.at))) as [Bucket, Bucket, Bucket]
  const places = { minute: minute.start, hour: hour.start, day: day.start }
  const known = new Map((await sumsAt(tx, { ...scope, ...places })).map(({ level, raw }) => [level, raw]))
  const values: Record<string, string | number> = { ...scope, ...places }
  for (const [index, { level }] of [minute, hour, day].entries())
    values[`raw${index}`] = (BigInt(known.get(level) ?? 0) + change).toString()
  await putSums(tx, values as never)
}

type Bucket = ReturnType<typeof bucketsOf>[number]
type Places = Scope & { readonly minute: number; readonly hour: number; readonly day: number }

const sumsAt = compiled((db, value: Values<Places>) =>
  db
    .selectFrom('spend_sums')
    .select(['level', 'raw'])
    .where('asset', '=', value('asset'))
    .where('recipient', '=', value('recipient'))
    .where('account', '=', value('account'))
    .where('principal', '=', value('principal'))
    .where((or) =>
      or.or([
        or.and([or('level', '=', 0), or('start', '=', value('minute'))]),
        or.and([or('level', '=', 1), or('start', '=', value('hour'))]),
        or.and([or('level', '=', 2), or('start', '=', value('day'))]),
      ]),
    ),
)

type Sums = Places & { readonly raw0: string; readonly raw1: string; readonly raw2: string }

const putSums = compiled((db, value: Values<Sums>) => {
  const scope = {
    asset: value('asset'),
    recipient: value('recipient'),
    account: value('account'),
    principal: value('principal'),
  }
  return db
    .insertInto('spend_sums')
    .values([
      { ...scope, level: 0, start: value('minute'), raw: value('raw0') },
      { ...scope, level: 1, start: value('hour'), raw: value('raw1') },
      { ...scope, level: 2, start: value('day'), raw: value('raw2') },
    ])
    .onConflict((conflict) =>
      conflict
        .columns(['asset', 'recipient', 'level', 'start', 'account', 'principal'])
        .doUpdateSet({ raw: (eb) => eb.ref('excluded.raw') }),
    )
})
