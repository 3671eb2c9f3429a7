import { afterAll, beforeAll, expect, test } from 'vitest'
import { BURSAR, environmentOf, run, startBursar, temporaryHome } from '../support/bursarServer.ts'
import { readRows, startWorld, type World } from '../support/engine.ts'
import { CANARY_ACCOUNT, CANARY_KEY, placeKeystore } from '../support/keystores.ts'

// `bursar contacts` as an operator runs it, and the server of the same home.

const CAROL = '0xca40aaaabbbbccccddddeeeeffff0000111122a5'
const CAROL_SUMMED = '0xCA40aaaaBbbBcCcCDDdDeEEeFFFF0000111122a5'
const LIKE_CAROL = `0xca40${'7'.repeat(32)}22a5`

let world: World
const { home, remove } = temporaryHome()
beforeAll(async () => {
  world = await startWorld()
})
afterAll(async () => {
  await world.stop()
  remove()
})

async function contacts(...args: string[]) {
  const env = environmentOf(world, home)
  const { code, stdout, stderr } = await run(process.execPath, [BURSAR, 'contacts', ...args], { env })
  return { code, stdout, stderr }
}

const failure = (text: RegExp) => ({ code: 1, stdout: '', stderr: expect.stringMatching(text) })

test('the operator keeps an address book, and each change of it is audited', async () => {
  expect(await contacts('list')).toMatchObject({ code: 0, stdout: expect.stringContaining('no contacts') })
  expect(await contacts('add', 'Carol', CAROL)).toEqual({ code: 0, stdout: 'added carol\n', stderr: '' })
  expect(await contacts('add', 'dave', LIKE_CAROL)).toEqual(
    failure(/is not 0xc.*, the contact "carol", and looks like it/i),
  )
  const both = await contacts('add', 'dave', LIKE_CAROL, '--even-if-alike', '--chain', 'sandbox-b')
  expect(both).toMatchObject({ code: 0, stdout: 'added dave\n' })
  expect(await contacts('rename', 'dave', 'David')).toMatchObject({ code: 0, stdout: 'renamed to david\n' })
  const { stdout } = await contacts('list')
  expect(stdout).toMatch(/^carol {2}0x\w{40} {2}every chain\ndavid {2}0x\w{40} {2}eip155:31338\n$/)
  expect(await contacts('remove', 'david')).toEqual(failure(/no contact of that name for chain \*/))
  expect(await contacts('remove', 'david', '--chain', 'sandbox-b')).toMatchObject({ code: 0 })
  const audit = readRows(`${home}/journal.db`, "select event, subject from audit where event like 'contact%'")
  expect(audit).toEqual([
    { event: 'contact.added', subject: 'carol' },
    { event: 'contact.added', subject: 'dave' },
    { event: 'contact.renamed', subject: 'dave' },
    { event: 'contact.removed', subject: 'david' },
  ])
})

test.each([
  ['a homoglyph of a contact by a digit', 'caro1', /looks like the contact "carol"/],
  ['one by an accent', 'cárol', /looks like the contact "carol"/],
  ['one that mixes scripts', 'cаrol', /ENSIP-15 does not allow it/],
  ['one that is wholly Cyrillic and looks Latin', 'сасо', /ENSIP-15 does not allow it/],
  ['a homoglyph of a wallet', 'rnerchant', /looks like the wallet "merchant"/],
  ['the name of a wallet', 'Agent', /a wallet has that name/],
  ['a name that is there already', 'CAROL', /there is one of that name already/],
  ['a name with a dot', 'carol.eth', /has a dot, which is for ENS names/],
  ['an address', '0x12', /it reads like an address/],
  ['a hidden direction mark', 'dora\u202e', /ENSIP-15 does not allow it/],
])('T8: a contact is refused that has %s', async (_what, name, said) => {
  expect(await contacts('add', name, '0x1111111111111111111111111111111111111112')).toEqual(failure(said))
})

test('T5, T8: wallets in files are wallets: neither their names nor their addresses are imitated', async () => {
  await placeKeystore(home, 'maria', CANARY_KEY)
  const address = '0x1111111111111111111111111111111111111112'
  expect(await contacts('add', 'maria', address)).toEqual(failure(/a wallet has that name/))
  expect(await contacts('add', 'rnaria', address)).toEqual(failure(/looks like the wallet "maria"/))
  const alike = `${CANARY_ACCOUNT.slice(0, 6)}${'7'.repeat(32)}${CANARY_ACCOUNT.slice(-4)}`.toLowerCase()
  expect(await contacts('add', 'erin', alike)).toEqual(failure(/the wallet "maria", and looks like it/))
  expect(await contacts('add', 'erin', alike, '--even-if-alike')).toMatchObject({ code: 0 })
})

test('T9, T37: an agent pays a contact by name, sees both, and is not told of a first payment', async () => {
  const bursar = await startBursar({ env: environmentOf(world, home) })
  try {
    const payment = { chain: 'sandbox-a', wallet: 'agent', amount: '0.01' }
    const prepared = await bursar.answer('simulate_transaction', {
      ...payment,
      to: 'Carol',
      idempotencyKey: 'carol',
    })
    expect(prepared).toMatchObject({
      to: CAROL_SUMMED,
      names: [{ field: 'to', name: 'carol', by: 'contact', address: CAROL_SUMMED }],
    })
    const codes = prepared.simulation.findings?.map(({ code }) => code) ?? []
    expect(codes).not.toContain('first-recipient')
    const unknown = await bursar.refusal('simulate_transaction', {
      ...payment,
      to: 'carl',
      idempotencyKey: 'carl',
    })
    expect(unknown).toMatchObject({ code: 'recipient_unknown', fix: expect.stringContaining('"carol"') })
    // Of another one's name it says nothing: only near ones of the own book are told.
    const far = await bursar.refusal('simulate_transaction', {
      ...payment,
      to: 'zebra',
      idempotencyKey: 'zebra',
    })
    expect(JSON.stringify(far)).not.toContain('carol')
    // The operator changes whom it stands for before it is sent.
    await contacts('remove', 'carol')
    await contacts('add', 'carol', '0x1111111111111111111111111111111111111112')
    expect(await bursar.refusal('send_transaction', { intentId: prepared.intentId })).toMatchObject({
      code: 'name_moved',
      sideEffect: 'none',
    })
    expect(await world.a.balance(CAROL)).toBe(0n)
    // The same key is the same payment, whatever its name leads to by now: it is shown again before it is sent (R3).
    const again = await bursar.answer('simulate_transaction', {
      ...payment,
      to: 'carol',
      idempotencyKey: 'carol',
    })
    expect(again).toMatchObject({
      intentId: prepared.intentId,
      to: '0x1111111111111111111111111111111111111112',
    })
  } finally {
    await bursar.close()
  }
})
