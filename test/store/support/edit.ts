import Database from 'libsql'

/** Changes a journal file past Bursar, by a connection of its own. */
export function edit(path: string, sql: string): void {
  const db = new Database(path)
  try {
    db.exec(sql)
  } finally {
    db.close()
  }
}

/** As `edit`, by somebody who knows of the triggers that keep the audit log as it is. */
export function editAudit(path: string, sql: string): void {
  const db = new Database(path)
  try {
    for (const name of ['audit_no_update', 'audit_no_delete', 'audit_no_insert'])
      db.exec(`drop trigger if exists ${name}`)
    db.exec(sql)
  } finally {
    db.close()
  }
}
