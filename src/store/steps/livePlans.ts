import type { Lane } from '../../primitives/lanes.ts'
import { compiled, type Values } from '../database/compiled.ts'
import { padNumber } from '../database/paddedNumber.ts'
import type { Journal } from '../journal.ts'

/** What the journal says of the bytes that stand at a nonce. */
export interface LivePlan {
  readonly hash: string
  /** The plan of the intent that they were signed for, JSON text. */
  readonly plan: string
  readonly wallet: string
}

const planAt = compiled((db, value: Values<Lane & { readonly nonce: string }>) =>
  db
    .selectFrom('attempts')
    .innerJoin('intents', 'intents.id', 'attempts.intent_id')
    .select(['attempts.hash', 'intents.plan', 'intents.wallet'])
    .where('attempts.chain', '=', value('chain'))
    .where('attempts.account', '=', value('account'))
    .where('attempts.nonce', '=', value('nonce'))
    .where((attempt) => attempt('attempts.live', '=', attempt.lit(1))),
)

const hashes = compiled((db, value: Values<Lane & { readonly nonce: string }>) =>
  db
    .selectFrom('attempts as live')
    .innerJoin('attempts as every', 'every.step_id', 'live.step_id')
    .select('every.hash')
    .where('live.chain', '=', value('chain'))
    .where('live.account', '=', value('account'))
    .where('live.nonce', '=', value('nonce'))
    // Written out: the index that finds it is of live ones only.
    .where((attempt) => attempt('live.live', '=', attempt.lit(1))),
)

/** The bytes that stand at a nonce of an account, and what was planned with them; undefined when there are none. */
export async function livePlan(
  journal: Pick<Journal, 'read'>,
  { chain, account, nonce }: Lane & { readonly nonce: bigint },
): Promise<LivePlan | undefined> {
  return (await journal.read((db) => planAt(db, { chain, account, nonce: padNumber(nonce) })))[0]
}

/** Of everything that was signed for the step that has a nonce of an account. */
export async function hashesAt(
  journal: Pick<Journal, 'read'>,
  { chain, account, nonce }: Lane & { readonly nonce: bigint },
): Promise<readonly string[]> {
  const rows = await journal.read((db) => hashes(db, { chain, account, nonce: padNumber(nonce) }))
  return rows.map(({ hash }) => hash)
}
