import Database from 'libsql'

/** What takes each migration back, so that a journal is as the version before has written it. */
const TAKEN_BACK: Readonly<Record<string, string>> = {
  '0002Recipients': 'drop index steps_recipient',
  '0003GasUses': `
    drop table gas_uses;
    alter table steps drop column suggested;
    alter table steps drop column pace`,
  '0004StepRoles': `
    alter table steps drop column role;
    alter table steps drop column ended;
    create table older (id text primary key, step_id text not null references steps, intent_id text not null unique
      references intents, chain text not null, account text not null, nonce text not null, hash text not null unique,
      raw text not null, receipt text not null, kind text not null, state text not null, live integer not null,
      created_at text not null);
    insert into older select id, step_id, intent_id, chain, account, nonce, hash, raw, receipt, kind, state, live,
      created_at from attempts;
    drop table attempts;
    alter table older rename to attempts;
    create unique index attempts_fence on attempts (chain, account, nonce) where live = 1;
    create index attempts_step on attempts (step_id)`,
  '0005Batches': 'drop table payees; alter table steps drop column calls',
  '0006Spends': 'drop table spends; drop table spend_sums',
  '0007Approvals': 'drop table approvals; drop table spent_approvals',
  '0009Controls': `
    drop trigger audit_no_update; drop trigger audit_no_delete; drop trigger audit_no_insert;
    drop table halts; drop table flag_sets; drop table flag_stops; drop table flag_uses;
    alter table steps drop column included_at`,
  '0010Strangers': 'drop table counterparties; drop table contacts',
  '0008Tokens': 'drop table tokens',
  '0011UserOperations': 'alter table steps drop column transaction_hash',
  '0012AskedSignatures': 'alter table steps drop column asked_nonce; alter table steps drop column asks',
}

/** The migrations that a journal can be put back before, oldest first. */
export const MIGRATIONS: readonly string[] = Object.keys(TAKEN_BACK).sort()

/** Puts a closed journal back to before a migration, with what it holds. */
export function putBackBefore(migration: string, path: string): void {
  const db = new Database(path)
  try {
    for (const name of MIGRATIONS.filter((each) => each >= migration).reverse()) {
      db.exec(`begin; ${TAKEN_BACK[name]}; delete from kysely_migration where name = '${name}'; commit`)
    }
  } finally {
    db.close()
  }
}
