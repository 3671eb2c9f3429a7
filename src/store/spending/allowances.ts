import { BursarError } from '../../errors/bursarError.ts'
import { compiled, type Values } from '../database/compiled.ts'
import type { JournalTransaction } from '../journal.ts'
import type { StepRow } from '../schema.ts'

/** What a change of an allowance is known by before it is recorded: its token is whom it calls. */
type Change = Pick<StepRow, 'role' | 'chain' | 'account' | 'recipient'>

/**
 * Throws `allowance_in_use` for what changes an allowance in a token while another operation of the account has begun to
 * approve it, and has not signed what it is for: of two changes the later one counts, and the nonces of the two would
 * tell which. To be asked in the transition that begins an operation, and in the one that records a step's bytes: what
 * waited for lower fees, or takes an approval back, has begun no earlier than then.
 */
export async function requireFreeAllowance(
  tx: JournalTransaction,
  operationId: string,
  { role, chain, account, recipient }: Change,
): Promise<void> {
  if (role === 'pivot') return
  const [other] = await approving(tx, { operationId, chain, account, recipient })
  if (other) throw new BursarError('allowance_in_use', { token: recipient }, { chain })
}

type Wanted = Pick<StepRow, 'chain' | 'account' | 'recipient'> & { readonly operationId: string }

/** Those that wait for lower fees, as their note says, have not begun: they ask as well when they do. */
const approving = compiled((db, value: Values<Wanted>) =>
  db
    .selectFrom('steps as approval')
    .innerJoin('steps as pivot', 'pivot.operation_id', 'approval.operation_id')
    .select('approval.id')
    .where('approval.chain', '=', value('chain'))
    .where('approval.account', '=', value('account'))
    .where('approval.recipient', '=', value('recipient'))
    .where('approval.role', 'in', ['reset', 'approval'])
    .where((or) =>
      or.or([or('approval.note', 'is', null), or('approval.state', 'not in', ['queued', 'reserved'])]),
    )
    .where('approval.operation_id', '!=', value('operationId'))
    .where('pivot.role', '=', 'pivot')
    .where('pivot.state', 'in', ['queued', 'reserved'])
    .limit(1),
)
