import { type LookalikeKeys, lookalikeKeys } from '../../primitives/lookalikes.ts'
import { compiled, compiledChange, type Values } from '../database/compiled.ts'
import type { JournalDb } from '../database/database.ts'
import type { JournalTransaction } from '../journal.ts'
import type { CounterpartyTable, StepRow } from '../schema.ts'

/** States of a step whose payment is in a block. */
export const IN_A_BLOCK: readonly StepRow['state'][] = ['included', 'safe', 'final']

const insertCounterparty = compiledChange((db, value: Values<CounterpartyTable>) =>
  db
    .insertInto('counterparties')
    .values({
      chain: value('chain'),
      account: value('account'),
      recipient: value('recipient'),
      ends: value('ends'),
      head: value('head'),
      tail: value('tail'),
    })
    .onConflict((conflict) => conflict.doNothing()),
)

/** Notes for whom a step is, so that they are found by what their address looks like once it is in a block. */
export async function noteCounterparties(
  tx: JournalTransaction,
  { chain, account }: Pick<StepRow, 'chain' | 'account'>,
  recipients: readonly string[],
): Promise<void> {
  for (const recipient of new Set(recipients)) {
    const keys = lookalikeKeys(recipient)
    // What calls its own account moves nothing to anybody.
    if (keys && recipient !== account) await insertCounterparty(tx, { chain, account, recipient, ...keys })
  }
}

/** A known address, and whether it is one that something in a block was for. */
const alike = compiled((db, value: Values<LookalikeKeys>) =>
  db
    .selectFrom('counterparties as known')
    .select('known.recipient')
    .where((or) =>
      or.or([
        or('known.ends', '=', value('ends')),
        or('known.head', '=', value('head')),
        or('known.tail', '=', value('tail')),
      ]),
    )
    .where((or) =>
      or.or([
        or.exists(
          or
            .selectFrom('steps')
            .select('steps.id')
            .whereRef('steps.chain', '=', 'known.chain')
            .whereRef('steps.account', '=', 'known.account')
            .whereRef('steps.recipient', '=', 'known.recipient')
            .where('steps.state', 'in', IN_A_BLOCK),
        ),
        or.exists(
          or
            .selectFrom('payees')
            .innerJoin('steps', 'steps.id', 'payees.step_id')
            .select('steps.id')
            .whereRef('payees.chain', '=', 'known.chain')
            .whereRef('payees.account', '=', 'known.account')
            .whereRef('payees.recipient', '=', 'known.recipient')
            .where('steps.state', 'in', IN_A_BLOCK),
        ),
      ]),
    )
    .limit(MOST),
)

/** More that share eight digits are the operator's own doing, and one is enough to refuse. */
const MOST = 64

/**
 * Addresses of our payments in blocks, of all accounts and chains, that may look like one: who poisons an account on one
 * chain can do it on another.
 */
export async function paidAlike(db: JournalDb, keys: LookalikeKeys): Promise<readonly string[]> {
  const { ends, head, tail } = keys
  return (await alike(db, { ends, head, tail })).map(({ recipient }) => recipient)
}
