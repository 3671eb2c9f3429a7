import { compiled, insertRows, type Values } from '../database/compiled.ts'
import type { Journal, JournalTransaction } from '../journal.ts'
import type { OperationRow } from '../schema.ts'

/** Variants that operators' rules have chosen for a payment, by flag. */
export type ChosenVariants = Readonly<Record<string, string>>

export async function insertFlagUses(
  tx: JournalTransaction,
  operationId: string,
  chosen: ChosenVariants,
): Promise<void> {
  const uses = Object.entries(chosen)
  await insertRows(
    tx,
    'flag_uses',
    uses.map(([flag, variant]) => ({ operation_id: operationId, flag, variant })),
  )
}

/** How the operations of one variant went on one chain. */
export interface VariantOutcome {
  readonly flag: string
  readonly variant: string
  /** CAIP-2 id. */
  readonly chain: string
  readonly operations: number
  /** Every state of an operation that one of them has. */
  readonly states: Readonly<Partial<Record<OperationRow['state'], number>>>
  /** Native base units, of all that were included. */
  readonly feePaid: bigint
  readonly included: number
  /** From its beginning until Bursar saw the payment in a block, on average; undefined when none was. */
  readonly secondsToInclusion: number | undefined
}

interface Tally {
  operations: number
  states: Partial<Record<OperationRow['state'], number>>
  feePaid: bigint
  included: number
  seconds: number
}

const PAGE = 1_000

/** What became of the operations of a flag, by variant and chain, in constant memory. */
export async function flagOutcomes(journal: Journal, flag: string): Promise<readonly VariantOutcome[]> {
  const tallies = new Map<string, Tally>()
  let after = ''
  for (;;) {
    const page = await journal.read((db) => usesAfter(db, { flag, after }))
    for (const use of page) {
      const key = `${use.variant} ${use.chain}`
      const tally = tallies.get(key) ?? { operations: 0, states: {}, feePaid: 0n, included: 0, seconds: 0 }
      tallies.set(key, tally)
      tally.operations++
      tally.states[use.state] = (tally.states[use.state] ?? 0) + 1
      // One statement cannot add up decimal text of any length.
      for (const fee of (use.fees ?? '').split(',')) tally.feePaid += BigInt(fee)
      if (use.included_at === null) continue
      tally.included++
      tally.seconds += (Date.parse(use.included_at) - Date.parse(use.created_at)) / 1000
    }
    const last = page.at(-1)
    if (last === undefined) break
    after = last.id
  }
  return [...tallies]
    .sort(([one], [other]) => one.localeCompare(other, 'en'))
    .map(([key, tally]) => outcomeOf(flag, key, tally))
}

function outcomeOf(flag: string, key: string, { seconds, ...tally }: Tally): VariantOutcome {
  const [variant = '', chain = ''] = key.split(' ')
  const secondsToInclusion = tally.included === 0 ? undefined : seconds / tally.included
  return { flag, variant, chain, ...tally, secondsToInclusion }
}

const usesAfter = compiled((db, value: Values<{ flag: string; after: string }>) =>
  db
    .selectFrom('flag_uses')
    .innerJoin('operations', 'operations.id', 'flag_uses.operation_id')
    .innerJoin('steps', 'steps.operation_id', 'operations.id')
    .select(({ fn, ref }) => [
      ...(['operations.id', 'operations.chain', 'operations.state', 'operations.created_at'] as const),
      'flag_uses.variant',
      fn<string | null>('group_concat', [ref('steps.fee_paid')]).as('fees'),
      fn.max('steps.included_at').as('included_at'),
    ])
    .where('flag_uses.flag', '=', value('flag'))
    .where('flag_uses.operation_id', '>', value('after'))
    .groupBy('flag_uses.operation_id')
    .orderBy('flag_uses.operation_id')
    .limit(PAGE),
)
