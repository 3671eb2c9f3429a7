import type { JournalTransaction } from '../journal.ts'
import type { AttemptRow } from '../schema.ts'
import { addSpends, settleSpends } from './spends.ts'
import { FEES, type NewSpend } from './spentWindow.ts'

/** What a final transaction did, as far as caps over time are concerned. */
export interface Taken {
  readonly succeeded: boolean
  readonly feePaid: bigint
  /** What left by what is seen of it; absent where nothing is. */
  readonly took?: {
    readonly spends: readonly NewSpend[]
    /** The asset whose moves nobody tells, or one endpoint that traces them: it counts as it was held at least (T12). */
    readonly traced?: string
  }
}

/** A final transaction counts for what it took: its fee, and without success nothing else. */
export async function settleTaken(
  tx: JournalTransaction,
  { step_id: stepId, kind }: AttemptRow,
  { succeeded, feePaid, took }: Taken,
): Promise<void> {
  const moved = succeeded && kind !== 'cancel'
  const taken = new Map(took?.spends.map((one) => [`${one.asset} ${one.recipient}`, BigInt(one.raw)]))
  await settleSpends(tx, stepId, ({ asset, recipient, raw }) => {
    if (asset.startsWith(FEES)) return feePaid
    if (!moved) return 0n
    const [held, seen] = [BigInt(raw), taken.get(`${asset} ${recipient}`) ?? 0n]
    if (!took || (asset === took.traced && seen < held)) return held
    return seen
  })
  if (moved && took) await addSpends(tx, stepId, took.spends)
}
