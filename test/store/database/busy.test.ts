import Database from 'libsql'
import { expect, it } from 'vitest'
import { onceNotBusy } from '../../../src/store/database/sqlite.ts'

const refusal = (code: string) => new Database.SqliteError('database is locked', code, 5)

it.each(['SQLITE_BUSY', 'SQLITE_BUSY_RECOVERY'])(
  'F16: %s, as processes that start together see, is waited for',
  async (code) => {
    let tries = 0
    await onceNotBusy(() => {
      if (++tries < 3) throw refusal(code)
    })
    expect(tries).toBe(3)
  },
)

it('F21: another refusal is told at once', async () => {
  let tries = 0
  const locking = () => {
    tries++
    throw refusal('SQLITE_IOERR')
  }
  await expect(onceNotBusy(locking)).rejects.toMatchObject({ code: 'SQLITE_IOERR' })
  expect(tries).toBe(1)
})
