import { expect, it } from 'vitest'
import { noteCounterparties, paidAlike } from '../../../src/store/counterparties/counterparties.ts'
import { journalFile } from '../../nonces/support/begun.ts'
import { readRows } from '../../support/engine.ts'

const [ACCOUNT, PAID] = [`0x${'1'.repeat(40)}`, '0xAbCd000011112222333344445555666677778888']

it('T5: notes each recipient once, and neither the account itself nor what is no EVM address', async () => {
  const file = journalFile()
  const journal = file.open()
  const step = { chain: 'eip155:31337', account: ACCOUNT }
  for (let times = 0; times < 2; times++)
    await journal.transact((tx) => noteCounterparties(tx, step, [PAID, PAID, ACCOUNT, 'So1anaAddress']))
  expect(readRows(file.path, 'select * from counterparties')).toEqual([
    { ...step, recipient: PAID, ends: 'abcd8888', head: 'abcd0000', tail: '77778888' },
  ])
  // Nothing in a block was for it: it is not known yet.
  const keys = { ends: 'abcd8888', head: '', tail: '' }
  expect(await journal.read((db) => paidAlike(db, keys))).toEqual([])
  await file.remove()
})
