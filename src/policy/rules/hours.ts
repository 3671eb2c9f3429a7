import type { HoursText } from './document.ts'

export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const

/** Whether a moment (milliseconds since the epoch) lies within; a time that runs over midnight belongs to its first day. */
export function isWithin({ days, from, to, zone }: HoursText, at: number): boolean {
  const { day, time } = localTime(at, zone)
  const isDay = (index: number) => days === undefined || days.includes(DAYS[(index + 7) % 7] as never)
  if (from < to) return time >= from && time < to && isDay(day)
  return (time >= from && isDay(day)) || (time < to && isDay(day - 1))
}

const formats = new Map<string, Intl.DateTimeFormat>()

function localTime(at: number, zone: string): { readonly day: number; readonly time: string } {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-GB', {
      ...{ timeZone: zone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
    })
  formats.set(zone, format)
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]))
  return {
    day: DAYS.indexOf(String(parts.get('weekday')).toLowerCase() as (typeof DAYS)[number]),
    time: `${parts.get('hour')}:${parts.get('minute')}`,
  }
}
