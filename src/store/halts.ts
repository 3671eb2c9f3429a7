import { sql } from 'kysely'
import { BursarError } from '../errors/bursarError.ts'
import { untrusted } from '../primitives/untrusted.ts'
import { baseName } from '../primitives/walletNames.ts'
import { compiled, type Values } from './database/compiled.ts'
import type { Journal, JournalTransaction } from './journal.ts'
import type { HaltTable, StepRow } from './schema.ts'

/** What a halt covers: every wallet, and every chain, unless one is named. */
export interface HaltScope {
  /** Name or address. */
  readonly wallet?: string
  /** CAIP-2 id. */
  readonly chain?: string
}

export interface Halt extends HaltScope {
  readonly reason: string
  /** ISO 8601. */
  readonly since: string
}

/** Whose signature it would be. */
export interface Payer {
  readonly chain: string
  readonly account: string
  /** Its name. */
  readonly wallet: string
}

/** The wallet whose key signs for the contract account of a payer; undefined where that is no contract account. */
export type OwnerOf = (
  payer: Pick<Payer, 'chain' | 'account'>,
) => { readonly name: string; readonly address: string } | undefined

/** Where there are no contract accounts. */
export const NO_OWNERS: OwnerOf = () => undefined

const MOST_REASON = 200

/**
 * What an operator has stopped (F5). It holds for every process on the journal from the moment that it is committed:
 * bytes are recorded as signed in transactions that read it, and nothing is kept of it between two of them.
 */
export class HaltStore {
  readonly #journal: Journal
  readonly #ownerOf: OwnerOf

  constructor(journal: Journal, ownerOf = NO_OWNERS) {
    this.#journal = journal
    this.#ownerOf = ownerOf
  }

  /** Stops signing. Where that is stopped already, its time stays and its reason is renewed. */
  halt(scope: HaltScope, reason: string): Promise<Halt> {
    const key = keyOf(scope)
    const told = untrusted(reason, MOST_REASON).untrusted
    return this.#journal.transact(async (tx, audit) => {
      const known = (await everyHalt(tx, {})).find((one) => isSame(one, key))
      const row = { ...key, reason: told, since: known?.since ?? this.#journal.now() }
      await tx.replaceInto('halts').values(row).execute()
      audit({ event: 'halt.begun', subject: subjectOf(key), detail: { ...key, reason: told } })
      return haltOf(row)
    })
  }

  /** Lifts the halt of exactly that scope, or every one. Answers with those that it lifted. */
  resume(scope: HaltScope | 'all'): Promise<readonly Halt[]> {
    return this.#journal.transact(async (tx, audit) => {
      const key = scope === 'all' ? undefined : keyOf(scope)
      const rows = await everyHalt(tx, {})
      const lifted = rows.filter((one) => key === undefined || isSame(one, key))
      for (const { wallet, chain, since } of lifted) {
        await tx.deleteFrom('halts').where('wallet', '=', wallet).where('chain', '=', chain).execute()
        const detail = { wallet, chain, since }
        audit({ event: 'halt.lifted', subject: subjectOf({ wallet, chain }), detail })
      }
      return lifted.map(haltOf)
    })
  }

  /** Those in force, oldest first. Throws `journal_unavailable`: what cannot be read is not taken for none. */
  async list(): Promise<readonly Halt[]> {
    return (await this.#journal.read((db) => everyHalt(db, {}))).map(haltOf)
  }

  /** Whether anything was ever prepared for a wallet of that name or address. */
  isKnown(wallet: string): Promise<boolean> {
    const given = wallet.toLowerCase()
    return this.#journal.read(async (db) => {
      const lower = (column: 'wallet' | 'account') => sql<string>`lower(${sql.ref(column)})`
      const some = db.selectFrom('intents').select('id')
      const own = some.where((or) =>
        or.or([or(lower('wallet'), '=', given), or(lower('account'), '=', given)]),
      )
      return (await own.limit(1).execute()).length > 0
    })
  }

  /** The first in force that covers a payer. */
  of(payer: Payer): Promise<Halt | undefined> {
    return this.#journal.read(async (db) => {
      const halt = covering(await everyHalt(db, {}), payer, this.#ownerOf)
      return halt && haltOf(halt)
    })
  }

  /** The first in force that covers a step. */
  ofStep(step: Pick<StepRow, 'operation_id' | 'chain' | 'account'>): Promise<Halt | undefined> {
    return this.#journal.read(async (db) => {
      const rows = await everyHalt(db, {})
      if (rows.length === 0) return undefined
      const own = db.selectFrom('operations').select('wallet').where('id', '=', step.operation_id)
      const payer = { ...step, ...(await own.executeTakeFirstOrThrow()) }
      const halt = covering(rows, payer, this.#ownerOf)
      return halt && haltOf(halt)
    })
  }

  /** Throws `halted`. */
  async require(payer: Payer): Promise<void> {
    const halt = await this.of(payer)
    if (halt) throw halted(halt)
  }
}

/** How many are in force, as a column of a query that looks at something else: nothing more is asked where none is. */
export const haltsInForce = sql<number>`(select count(*) from halts)`.as('halts')

/** Throws `halted` when a halt that is in force in this transaction covers the payer. */
export async function requireNotHalted(
  tx: JournalTransaction,
  payer: Payer,
  ownerOf: OwnerOf,
): Promise<void> {
  const halt = covering(await everyHalt(tx, {}), payer, ownerOf)
  if (halt) throw halted(haltOf(halt))
}

/** In words, for whoever reads them: "for wallet ops on eip155:1". */
export function haltScope({ wallet, chain }: HaltScope): string {
  return `for ${wallet === undefined ? 'every wallet' : `wallet ${wallet}`} on ${chain ?? 'every chain'}`
}

function halted(halt: Halt): BursarError<'halted'> {
  const { reason, since } = halt
  return new BursarError('halted', { scope: haltScope(halt), reason, since })
}

type Key = Pick<HaltTable, 'wallet' | 'chain'>

const keyOf = ({ wallet = '', chain = '' }: HaltScope): Key => ({ wallet: wallet.toLowerCase(), chain })

const isSame = (one: Key, other: Key) => one.wallet === other.wallet && one.chain === other.chain

const subjectOf = ({ wallet, chain }: Key) => `${wallet || '*'} ${chain || '*'}`

function haltOf({ wallet, chain, reason, since }: HaltTable): Halt {
  return { ...(wallet && { wallet }), ...(chain && { chain }), reason, since }
}

/** The key of a wallet signs for the contract accounts that it owns as well: a halt of the one is a halt of the others. */
function covering(rows: readonly HaltTable[], payer: Payer, ownerOf: OwnerOf): HaltTable | undefined {
  if (rows.length === 0) return undefined
  const owner = ownerOf(payer)
  const known = [
    ...namesOf(payer.wallet, payer.account),
    ...(owner ? namesOf(owner.name, owner.address) : []),
  ]
  return rows.find(
    ({ wallet, chain }) =>
      (wallet === '' || known.includes(wallet)) && (chain === '' || chain === payer.chain),
  )
}

function namesOf(wallet: string, address: string): readonly string[] {
  const name = wallet.toLowerCase()
  return [name, baseName(name), address.toLowerCase()]
}

const everyHalt = compiled((db, _value: Values<object>) =>
  db.selectFrom('halts').selectAll().orderBy('since').orderBy('wallet').orderBy('chain'),
)
