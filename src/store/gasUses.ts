import type { CallKind, GasUse } from '../chains/gasUses.ts'
import { compiled, insertRow, type Values } from './database/compiled.ts'
import type { Journal, JournalTransaction } from './journal.ts'
import type { AttemptRow, GasUseRow, StepRow } from './schema.ts'

/** What calls of a kind needed longer ago is no lesson any more. */
const LAST_USES = 50

/** Rows that are read before anything else may run. */
const PAGE = 2_000

/** What is known of an included transaction besides its receipt, for what it teaches. */
export interface UsedGas {
  /** Undefined for what calls no function. */
  readonly kind: CallKind | undefined
  /** Units of gas that it might have used. */
  readonly gasLimit: bigint
  /** What it paid per unit of gas, in native base units. */
  readonly gasPrice: bigint
  /** How it was priced, and what its node suggested to pay per unit of gas when it was admitted. */
  readonly priced: Pick<StepRow, 'suggested' | 'pace'>
  /** Blocks from its simulation to its inclusion; absent where other bytes were to be included. */
  readonly waited?: number
}

/** Writes what a step used, in the transition that makes it final. Throws when that was written before. */
export function insertUse(
  tx: JournalTransaction,
  { step_id, chain }: Pick<AttemptRow, 'step_id' | 'chain'>,
  { kind, gasLimit, gasPrice, priced, waited }: UsedGas,
  told: Pick<GasUseRow, 'gas_used' | 'fee_paid' | 'at'> & { readonly succeeded: boolean },
): Promise<void> {
  return insertRow(tx, 'gas_uses', {
    ...{ step_id, chain, contract: kind?.contract ?? '', selector: kind?.selector ?? '' },
    ...{ gas_limit: gasLimit.toString(), gas_price: gasPrice.toString() },
    ...{ suggested: priced.suggested, pace: priced.pace, waited: waited ?? null },
    ...{ ...told, succeeded: told.succeeded ? 1 : 0 },
  })
}

const lastUses = compiled((db, value: Values<CallKind & { readonly chain: string }>) =>
  db
    .selectFrom('gas_uses')
    .select(['gas_used', 'gas_limit', 'succeeded'])
    .where('chain', '=', value('chain'))
    .where('contract', '=', value('contract'))
    .where('selector', '=', value('selector'))
    .orderBy('at', 'desc')
    .limit(LAST_USES),
)

/** The last uses of a kind of call on a chain, as `GasUses` has them. */
export async function lastGasUses(
  journal: Pick<Journal, 'read'>,
  chain: string,
  { contract, selector }: CallKind,
): Promise<readonly GasUse[]> {
  const rows = await journal.read((db) => lastUses(db, { chain, contract, selector }))
  return rows.map((row) => ({
    gasUsed: BigInt(row.gas_used),
    gasLimit: BigInt(row.gas_limit),
    succeeded: row.succeeded === 1,
  }))
}

const pageOfUses = compiled((db, value: Values<Pick<GasUseRow, 'at' | 'step_id'>>) =>
  db
    .selectFrom('gas_uses')
    .selectAll()
    .where((use) =>
      use.or([
        use('at', '>', value('at')),
        use.and([use('at', '=', value('at')), use('step_id', '>', value('step_id'))]),
      ]),
    )
    .orderBy('at')
    .orderBy('step_id')
    .limit(PAGE),
)

/** Every use since a time (ISO 8601), the oldest first. Other work goes on between pages. */
export async function* gasUsesSince(
  journal: Pick<Journal, 'read'>,
  since: string,
): AsyncGenerator<GasUseRow, void, undefined> {
  let after = { at: since, step_id: '' }
  for (;;) {
    const page = await journal.read((db) => pageOfUses(db, after))
    yield* page
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = { at: last.at, step_id: last.step_id }
    await new Promise(setImmediate)
  }
}
