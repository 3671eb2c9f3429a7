import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { BalanceSheets } from '../../../src/balances/balanceSheets.ts'
import { present } from '../../../src/errors/presenter.ts'
import { INJECTIONS } from '../../corpora/injections.ts'
import { caller, type Engine, startEngine, startWorld, USDC, type World } from '../../support/engine.ts'
import { hostileAt, installHostile } from '../../support/hostile.ts'

/** The last one is as harmless as names are: what the others are compared with. */
const TEXTS = [...INJECTIONS, 'Plain']
const PLAIN = INJECTIONS.length

let world: World
let engine: Engine
beforeAll(async () => {
  world = await startWorld()
  await installHostile(world.a, TEXTS)
  engine = startEngine({ lanes: [world.a], caps: [{ chain: '*', asset: 'USDC', max: '1' }] })
})
afterAll(async () => {
  await engine.stop()
  await world.stop()
})

// Written here again: a sanitiser that forgets some is not to be its own judge.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|\p{M}{5}/u

/** The texts of an answer that are marked as a stranger's. */
function markedIn(answer: object): readonly string[] {
  const marked: string[] = []
  JSON.stringify(answer, (key, each: unknown) => {
    if (key === 'untrusted') marked.push(String(each))
    return each
  })
  return marked
}

/** What was written there is in the answer, marked and clean, and nothing of it is elsewhere. */
function requireMarked(answer: object, harmless: object, text: string, cap: number): void {
  const marked = markedIn(answer)
  expect(marked.length).toBeGreaterThan(0)
  for (const each of marked) {
    expect([...each].length).toBeLessThanOrEqual(cap + 1)
    expect(each).not.toMatch(UNSEEN)
  }
  requireUntold(answer, harmless, text)
}

/** Twenty-four characters in a row are enough to know a text by, unless it pretends to be what we say anyway. */
function requireUntold(answer: object, harmless: object, text: string): void {
  const [ours, anyway] = [answer, harmless].map((each) =>
    JSON.stringify(each, (key, inner: unknown) => (key === 'untrusted' ? undefined : inner)),
  ) as [string, string]
  const whole = [...text]
  for (let at = 0; at + 24 <= whole.length; at++) {
    const piece = whole.slice(at, at + 24).join('')
    if (!anyway.includes(piece)) expect(ours).not.toContain(piece)
  }
}

/** An answer without what differs between two payments of one kind: ids, the contract, and the stranger's words. */
function essence(value: object, n: number): unknown {
  const drop = new Set(['intentId', 'digest', 'expiresAt', 'idempotencyKey', 'claims', 'quoted', 'block'])
  const text = JSON.stringify(value, (key, each: unknown) => (drop.has(key) ? undefined : each))
  return JSON.parse(text.replace(new RegExp(hostileAt(n).slice(2), 'gi'), 'TOKEN'))
}

const pay = (n: number, more: object = {}) =>
  engine.prepare({
    ...{ to: 'merchant', asset: hostileAt(n), amount: '5', idempotencyKey: `pay ${n}` },
    ...more,
  })

async function refused(n: number, name: string) {
  const call = { to: hostileAt(n), function: `${name}()`, idempotencyKey: `${name} ${n}` }
  const error: unknown = await engine.prepare(call).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return present(error, (id) => ({ id, name: 'Sandbox A', native: 'ETH' }))
}

test('the corpus has 200 payloads, all different', () => {
  expect(new Set(INJECTIONS).size).toBe(200)
})

describe('T1, T2, T3: 200 payloads', () => {
  it('as symbols and names of a token that is paid: marked, clean, and with the verdict of a harmless one', async () => {
    const harmless = await pay(PLAIN)
    const plain = essence(harmless, PLAIN)
    for (const [n, text] of INJECTIONS.entries()) {
      const answer = await pay(n)
      requireMarked(answer, harmless, text, 32)
      expect(essence(answer, n)).toEqual(plain)
    }
  })

  it('as what a contract says when it reverts, by require and by an error of its own', async () => {
    for (const name of ['fail', 'failOwn']) {
      const harmless = await refused(PLAIN, name)
      const plain = essence(harmless, PLAIN)
      expect(plain).toMatchObject({ code: 'simulation_reverted', sideEffect: 'none' })
      for (const [n, text] of INJECTIONS.entries()) {
        const answer = await refused(n, name)
        requireMarked(answer, harmless, text, 256)
        // Words of OpenZeppelin's tokens of old are known to us, and said in ours; none of these is one.
        expect(essence(answer, n)).toEqual(plain)
      }
    }
  })

  it('as symbols of tokens whose balances are read, and T4: of what was sent to the wallet', async () => {
    const sheets = new BalanceSheets(engine.chains, engine.wallets)
    const read = (assets: readonly string[]) =>
      sheets.read({ chains: ['sandbox-a'], accounts: ['agent'], assets }, caller())
    const harmless = await read([hostileAt(PLAIN)])
    for (let n = 0; n < INJECTIONS.length; n += 20) {
      const some = INJECTIONS.slice(n, n + 20)
      const sheet = await read(some.map((_, at) => hostileAt(n + at)))
      expect(markedIn(sheet)).toHaveLength(20)
      for (const text of some) requireMarked(sheet, harmless, text, 32)
    }
  })

  it('as what is emitted, as metadata that nobody asked for, and as calldata: told by nobody', async () => {
    const say = async (n: number) => {
      const call = { to: hostileAt(n), function: 'say()', idempotencyKey: `say ${n}` }
      const answer = await engine.prepare(call)
      const { effects, findings, moreEffects } = answer.simulation
      // Longer texts cost more gas, and are priced.
      return { answer, told: { effects, findings, moreEffects, decision: answer.verdict.decision } }
    }
    const { told: plain, answer: harmless } = await say(PLAIN)
    for (const [n, text] of INJECTIONS.entries()) {
      const { answer, told } = await say(n)
      expect(told).toEqual(plain)
      requireUntold(answer, harmless, text)
    }
  })

  it('are never an asset by what they call themselves (T7), and no cap is chosen by it', async () => {
    const fake = INJECTIONS.indexOf('USDC')
    // Five of what calls itself USDC pass, where one of USDC is the most: the cap goes by address.
    expect(await pay(fake)).toMatchObject({ amount: { claims: { untrusted: 'USDC' } } })
    expect((await pay(fake)).amount).not.toHaveProperty('symbol')
    await expect(pay(fake, { asset: 'USDC', idempotencyKey: 'real' })).rejects.toMatchObject({
      code: 'policy_denied',
      message: expect.stringContaining('5 USDC would leave'),
    })
    const real = await pay(fake, { asset: 'USDC', amount: '1', idempotencyKey: 'one' })
    expect(real.amount).toMatchObject({ asset: expect.stringContaining(USDC), symbol: 'USDC' })
    for (const asset of ['UЅDС', 'USD Coin (verified)'])
      await expect(pay(fake, { asset, idempotencyKey: asset.slice(0, 2) })).rejects.toMatchObject({
        code: 'asset_unknown',
      })
  })

  it('T3: what mixes scripts in a word is told to', async () => {
    const mixed = INJECTIONS.indexOf('UЅDС')
    expect((await pay(mixed)).amount.claims).toEqual({ untrusted: 'UЅDС', mixesScripts: true })
    expect((await pay(INJECTIONS.indexOf('USDC'))).amount.claims).toEqual({ untrusted: 'USDC' })
  })

  it('as recipients, assets and signatures that an agent was talked into: refused, in clean words', async () => {
    for (const [n, text] of INJECTIONS.entries()) {
      const payment = { amount: '1', idempotencyKey: `given ${n}`, to: 'merchant' }
      for (const given of [{ to: text.slice(0, 128) }, { asset: text.slice(0, 128) }]) {
        const honest = ['ETH', 'native', 'USDC', USDC].includes(text)
        const tried = engine.prepare({ ...payment, ...given, amount: '0.1' }).then(
          () => undefined,
          (error: unknown) => present(error, () => undefined),
        )
        const error = await tried
        if (error === undefined) expect(honest).toBe(true)
        else {
          expect(error).toMatchObject({ sideEffect: 'none', kind: 'input' })
          expect(`${error.message}${error.fix}`.replaceAll('\n', '')).not.toMatch(UNSEEN)
        }
      }
    }
  })
})
