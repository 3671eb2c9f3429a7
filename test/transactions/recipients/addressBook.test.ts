import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { checksum } from '../../../src/evm/address.ts'
import { ContactStore } from '../../../src/store/contacts.ts'
import { type Engine, MERCHANT, startEngine, startWorld, type World } from '../../support/engine.ts'
import { putBackBefore } from '../../support/olderJournals.ts'

const CAROL = checksum('0xca40aaaabbbbccccddddeeeeffff0000111188c1')
const LIKE_CAROL = checksum('0xca401111222233334444555566667777888888c1')
const DAVE = checksum('0xda5e000111122223333444455556666777788881')

let world: World
let engine: Engine
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(() => {
  engine = startEngine({ lanes: [world.a, world.b] })
  return () => engine.stop()
})

const add = (name: string, address: string, chain?: string) => engine.book.add({ name, address, chain })
const refusal = (reason: string) => ({ code: 'contact_refused', context: { reason } })
const prepare = (to: string, more: object = {}) =>
  engine.prepare({ to, amount: '0.01', idempotencyKey: `pay ${to} ${JSON.stringify(more)}`, ...more })

describe('T37: the address book', () => {
  it('has a name once for every chain and once for each, and each chain goes by its own', async () => {
    expect(await add('Carol', CAROL)).toBe('carol')
    expect(await add('carol', DAVE, 'sandbox-b')).toBe('carol')
    await expect(add('carol', DAVE)).rejects.toMatchObject(refusal('there is one of that name already'))
    expect(await prepare('carol')).toMatchObject({ to: CAROL, names: [{ name: 'carol', address: CAROL }] })
    expect(await prepare('CAROL', { chain: 'sandbox-b' })).toMatchObject({ to: DAVE })
    expect(await engine.book.list()).toMatchObject([
      { name: 'carol', chain: '*', address: CAROL },
      { name: 'carol', chain: 'eip155:31338', address: DAVE },
    ])
    await engine.book.remove('Carol', 'sandbox-b')
    expect(await prepare('carol', { chain: 'sandbox-b', idempotencyKey: 'b' })).toMatchObject({ to: CAROL })
    await engine.book.remove('carol')
    await expect(engine.book.remove('carol')).rejects.toMatchObject({ code: 'contact_refused' })
    await expect(prepare('carol', { idempotencyKey: 'gone' })).rejects.toMatchObject({
      code: 'recipient_unknown',
    })
  })

  it('renames a contact on every chain at once, and audits what it did', async () => {
    await add('carol', CAROL)
    await add('carol', DAVE, 'sandbox-b')
    await add('dave', DAVE)
    await expect(engine.book.rename('nobody', 'erin')).rejects.toMatchObject(
      refusal('there is no contact of that name'),
    )
    await expect(engine.book.rename('carol', 'dave')).rejects.toMatchObject(
      refusal('"dave" is the name of another contact'),
    )
    await expect(engine.book.rename('carol', 'davé')).rejects.toMatchObject(
      refusal('it looks like the contact "dave"'),
    )
    // To a look of its own it may change.
    expect(await engine.book.rename('carol', 'caról')).toBe('caról')
    expect((await engine.book.list()).map(({ name }) => name)).toEqual(['caról', 'caról', 'dave'])
    const audit = engine.rows("select event, subject, detail from audit where event like 'contact.%'")
    expect(audit.map(({ event }) => event)).toEqual([
      ...['contact.added', 'contact.added', 'contact.added', 'contact.renamed'],
    ])
    expect(audit.at(-1)).toMatchObject({ subject: 'carol', detail: '{"to":"caról"}' })
  })

  it('T8: takes one of two names that look alike, also when both come at once', async () => {
    const tried = await Promise.allSettled([add('carol', CAROL), add('caro1', DAVE)])
    expect(tried.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    await expect(add('rnerchant', DAVE)).rejects.toMatchObject(refusal('it looks like the wallet "merchant"'))
    await expect(add('agent', DAVE)).rejects.toMatchObject(refusal('a wallet has that name'))
  })

  it.each([
    ['x'.repeat(41), 'it has more than 40 characters'],
    ['a.b', 'it is empty or has a dot, which is for ENS names'],
    ['', 'it is empty or has a dot, which is for ENS names'],
    ['deadbeefdeadbeef', 'it reads like an address'],
    ['native', 'that word means something else'],
  ])('refuses %s as a name', async (name, reason) => {
    await expect(add(name, CAROL)).rejects.toMatchObject({ code: 'name_invalid', context: { reason } })
  })

  it('T5: refuses an address that looks like one that is known, unless it is meant', async () => {
    await add('carol', CAROL)
    await expect(add('dora', LIKE_CAROL)).rejects.toMatchObject({ code: 'recipient_lookalike' })
    await engine.book.add({ name: 'dora', address: LIKE_CAROL, evenIfAlike: true })
    // The operator has told them apart: both are known now.
    expect(await prepare(LIKE_CAROL)).toMatchObject({ names: [{ field: 'to', name: 'dora', by: 'contact' }] })
    expect(await prepare(CAROL)).toMatchObject({ names: [{ name: 'carol' }] })
    await expect(add('zero', `0x${'0'.repeat(40)}`)).rejects.toMatchObject({ code: 'recipient_refused' })
  })

  it('tells a first payment of strangers, and not of those who are in it', async () => {
    const codes = async (to: string) => (await prepare(to)).simulation.findings?.map(({ code }) => code) ?? []
    expect(await codes(DAVE)).toContain('first-recipient')
    await add('carol', CAROL)
    expect(await codes(CAROL)).not.toContain('first-recipient')
  })

  it('is ambiguous with a wallet that came to have the same name and another address', async () => {
    // As when the wallet was configured after the contact was made.
    const contacts = new ContactStore(engine.journal)
    const keys = { ends: 'ca4088c1', head: 'ca40aaaa', tail: '111188c1' }
    await contacts.add({ name: 'merchant', chain: '*', address: CAROL, skeleton: 'merchant', ...keys })
    await expect(prepare('merchant')).rejects.toMatchObject({
      code: 'name_ambiguous',
      context: { addresses: [`${MERCHANT} (wallet)`, `${CAROL} (contact)`] },
    })
  })

  it('an error tells near names, and what looks like the one that was given before all', async () => {
    await add('carol', CAROL)
    await add('carla', DAVE)
    const near = async (to: string) => {
      const error: unknown = await prepare(to).catch((reason: unknown) => reason)
      return (error as { context: { near: readonly string[] } }).context.near
    }
    expect(await near('caro1')).toEqual(['carol'])
    expect(await near('karla')).toEqual(['carla'])
    expect(await near('merchent')).toEqual(['merchant'])
    expect(await near('zebra')).toEqual([])
  })
})

it('T5: what was paid before there was an index of it is known after the migration', async () => {
  const { intentId } = await prepare(CAROL)
  const { operationId } = await engine.execute(intentId)
  await world.a.mine(3)
  await engine.driver.drive(operationId)
  await engine.journal.close()
  putBackBefore('0010Strangers', engine.path)
  await expect(prepare(LIKE_CAROL)).rejects.toMatchObject({ code: 'recipient_lookalike' })
  expect(engine.rows('select recipient, ends, head, tail from counterparties')).toEqual([
    { recipient: CAROL, ends: 'ca4088c1', head: 'ca40aaaa', tail: '111188c1' },
  ])
})
