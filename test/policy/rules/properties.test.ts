import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ALICE, callOf, ETH, MALLORY, NOON, pays, ROUTER, rulesOf, USDC, verdict } from './support.ts'

// Any policy, any payment: what may not be made more permissive by a rule is not.

const addresses = fc.constantFrom(ALICE, MALLORY, ROUTER)
const scope = fc.record(
  {
    wallets: fc.constantFrom(['agent'], ['payroll'], ['agent', 'payroll']),
    principals: fc.constantFrom(['local'], ['ci']),
    chains: fc.constantFrom(['base'], ['arbitrum'], ['base', 'arbitrum']),
  },
  { requiredKeys: [] },
)
const lists = fc.oneof(
  fc.array(addresses, { minLength: 1, maxLength: 3 }).map((recipients) => ({ recipients })),
  fc.array(addresses, { minLength: 1, maxLength: 3 }).map((contracts) => ({ contracts })),
  fc.constantFrom(['base'], ['arbitrum']).map((chains) => ({ chains })),
  addresses.map((contract) => ({ calls: [{ contract, function: 'f(address)' }] })),
  addresses.map((contract) => ({
    calls: [{ contract, function: 'f(address)', arguments: [{ index: 0, self: true }] }],
  })),
)
const amount = fc.integer({ min: 0, max: 200 }).map(String)
const per = fc.constantFrom('transaction', '1h', '7d')
const restriction = fc.oneof(
  lists.map((deny) => ({ deny })),
  fc.record({ asset: fc.constantFrom('USDC', 'native'), max: amount, per }).map((cap) => ({ cap })),
  fc.record({ max: fc.constantFrom('0', '0.001', '1'), per }).map((feeCap) => ({ feeCap })),
  fc.constantFrom('0.5', '1', '2').map((maxGasPriceGwei) => ({ maxGasPriceGwei })),
  fc.constant({ hours: { from: '09:00', to: '11:00', zone: 'UTC' } }),
  fc.record({ asset: fc.constant('USDC'), above: amount }).map((approval) => ({ approval })),
)
const anyRule = fc.tuple(
  scope,
  fc.oneof(
    restriction,
    lists.map((allow) => ({ allow })),
  ),
)
const rules = fc.array(anyRule, { maxLength: 6 })
const matters = fc
  .record({
    units: fc.integer({ min: 0, max: 200 }),
    to: addresses,
    wallet: fc.constantFrom('agent', 'payroll'),
    principal: fc.constantFrom('local', 'ci'),
    reached: fc.array(addresses, { maxLength: 2 }),
    spenders: fc.array(addresses, { maxLength: 1 }),
    native: fc.bigInt(0n, 200n),
    called: fc.option(fc.tuple(addresses, addresses)),
    moment: fc.integer({ min: 0, max: 24 }),
  })
  .map(({ units, to, native, called, moment, ...more }) =>
    pays(to, units, {
      ...more,
      outflows: [
        { asset: USDC, raw: BigInt(units) * 10n ** 6n },
        { asset: ETH, raw: native * 10n ** 18n },
      ],
      moments: [NOON, NOON + moment * 3_600_000],
      ...(called && { calls: [callOf(called[0], 'f(address)', [called[1]])], recipients: [called[0]] }),
    }),
  )
const before = fc
  .bigInt(0n, 200n)
  .map((units) => ({ [USDC.id]: units * 10n ** 6n, [ETH.id]: units * 10n ** 18n }))

const book = (all: readonly (readonly [object, object])[]) =>
  rulesOf(...all.map(([about, effect], index) => ({ id: `r${index}`, ...about, ...effect })))

/** 0: denied, 1: needs a person, 2: needs a question, 3: goes by itself. */
const permission = (...args: Parameters<typeof verdict>) => {
  const { denied, approval } = verdict(...args)
  if (denied) return 0
  return approval === undefined ? 3 : approval.mayElicit ? 2 : 1
}

const runs = { numRuns: 2_000 }

it('F3: a denial, a cap, an hour or a threshold more never allows more', () => {
  let stricter = 0
  fc.assert(
    fc.property(rules, fc.tuple(scope, restriction), matters, before, (some, more, matter, spent) => {
      const [without, with_] = [book(some), book([...some, more])].map((each) =>
        permission(each, matter, spent),
      )
      if ((with_ as number) < (without as number)) stricter += 1
      return (with_ as number) <= (without as number)
    }),
    runs,
  )
  expect(stricter).toBeGreaterThan(50)
})

it('F3: the order of the rules decides nothing', () => {
  fc.assert(
    fc.property(rules, matters, before, (some, matter, spent) => {
      return permission(book(some), matter, spent) === permission(book([...some].reverse()), matter, spent)
    }),
    runs,
  )
})

it('R5: more that left before, or a larger payment, is never allowed more', () => {
  fc.assert(
    fc.property(rules, matters, before, fc.bigInt(0n, 100n), (some, matter, spent, extra) => {
      const more = Object.fromEntries(Object.entries(spent).map(([id, raw]) => [id, raw + extra * 10n ** 6n]))
      const larger = {
        ...matter,
        outflows: matter.outflows.map((each) => ({ ...each, raw: each.raw + extra })),
      }
      const now = permission(book(some), matter, spent)
      return permission(book(some), matter, more) <= now && permission(book(some), larger, spent) <= now
    }),
    runs,
  )
})

it('F3: where an allow list applies, what is on none of them is denied', () => {
  fc.assert(
    fc.property(rules, matters, (some, matter) => {
      const stranger = '0x000000000000000000000000000000000000dEaD'
      const listed = [...some, [{}, { allow: { recipients: [ALICE] } }] as const]
      const paid = { ...matter, calls: [], recipients: [stranger], reached: [stranger] }
      return verdict(book(listed), paid).denied !== undefined
    }),
    runs,
  )
})
