import { expect, it } from 'vitest'
import { isWithin } from '../../../src/policy/rules/hours.ts'
import { ALICE, deniedBy, NOON, pays, rulesOf, verdict } from './support.ts'

const HOUR = 3_600_000

it('F3: payments are made in the hours of the rule, in its time zone', () => {
  const hours = { days: ['mon'], from: '09:00', to: '13:00', zone: 'Europe/Berlin' } as const
  // Noon in UTC is 13:00 in Berlin in winter: the end is no part of it.
  expect(isWithin(hours as never, NOON)).toBe(false)
  expect(isWithin(hours as never, NOON - 60_000)).toBe(true)
  expect(isWithin(hours as never, NOON - 4 * HOUR)).toBe(true)
  expect(isWithin(hours as never, NOON - 4 * HOUR - 60_000)).toBe(false)
  expect(isWithin(hours as never, NOON + 24 * HOUR - 60_000)).toBe(false)
})

it('hours that run over midnight belong to the day on which they begin', () => {
  const night = { days: ['mon'], from: '22:00', to: '06:00', zone: 'UTC' } as never
  expect([22, 23, 24, 29].map((hour) => isWithin(night, NOON - 12 * HOUR + hour * HOUR))).toEqual([
    ...[true, true, true, true],
  ])
  expect(isWithin(night, NOON - 12 * HOUR + 30 * HOUR)).toBe(false)
  // The small hours of Monday belong to Sunday.
  expect(isWithin(night, NOON - 12 * HOUR + 3 * HOUR)).toBe(false)
  expect(isWithin({ from: '22:00', to: '06:00', zone: 'UTC' }, NOON - 12 * HOUR + 3 * HOUR)).toBe(true)
})

it('T21: both the clock and the chain must be within them', () => {
  const book = rulesOf({ id: 'office', hours: { from: '09:00', to: '17:00', zone: 'UTC' } })
  expect(deniedBy(book, pays(ALICE, 1))).toBeUndefined()
  expect(deniedBy(book, pays(ALICE, 1, { moments: [NOON, NOON + 8 * HOUR] }))).toBe('office')
  expect(verdict(book, pays(ALICE, 1, { moments: [NOON + 8 * HOUR, NOON] })).denied).toEqual({
    rule: 'office',
    reason: 'payments are made 09:00 to 17:00 (UTC) only',
    later: true,
  })
  const weekdays = rulesOf({
    id: 'week',
    hours: { days: ['sat', 'sun'], from: '09:00', to: '17:00', zone: 'UTC' },
  })
  expect(verdict(weekdays, pays(ALICE, 1)).denied?.reason).toBe(
    'payments are made sat, sun 09:00 to 17:00 (UTC) only',
  )
})
