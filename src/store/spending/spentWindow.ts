import { unpadNumber } from '../database/paddedNumber.ts'

/** What is paid for gas counts under this and the id of the native asset, apart from what is paid. */
export const FEES = 'fee/'

/** A question of how much left since a time. */
export interface SpentWindow {
  /** Names the answer. */
  readonly key: string
  /** CAIP-19 ids; fees count under `fee/` and the id of the native asset. */
  readonly assets: readonly string[]
  /** Empty: whoever received it. */
  readonly recipient: string
  /** Absent: all. */
  readonly accounts?: readonly string[]
  readonly principals?: readonly string[]
  /** Milliseconds since the epoch; the whole minute in which that lies counts. */
  readonly since: number
}

/** One amount that leaves, as it counts: under an asset, for a recipient or, as the sum over all of them, for nobody. */
export interface NewSpend {
  readonly asset: string
  readonly recipient: string
  /** Base units. */
  readonly raw: string
}

/** Answers to questions of how much left: in base units by asset. What was not asked is not known. */
export class Spent {
  readonly #sums: ReadonlyMap<string, ReadonlyMap<string, bigint>>
  readonly #more: readonly NewSpend[]

  constructor(sums: ReadonlyMap<string, ReadonlyMap<string, bigint>>, more: readonly NewSpend[] = []) {
    this.#sums = sums
    this.#more = more
  }

  /** The same, with what is about to be recorded. */
  with(more: readonly NewSpend[]): Spent {
    return new Spent(this.#sums, [...this.#more, ...more])
  }

  /** Throws a TypeError for a window that nobody asked about: it would count as if nothing had left. */
  of({
    key,
    assets,
    recipient,
  }: Pick<SpentWindow, 'key' | 'assets' | 'recipient'>): ReadonlyMap<string, bigint> {
    const known = this.#sums.get(key)
    if (!known) throw new TypeError(`nobody asked what left in "${key}"`)
    const sums = new Map(known)
    for (const each of this.#more) {
      if (each.recipient !== recipient || !assets.includes(each.asset)) continue
      sums.set(each.asset, (sums.get(each.asset) ?? 0n) + BigInt(each.raw))
    }
    return sums
  }
}

/** Sums are kept by the minute, the hour and the day (UTC), so that a window of any length reads few of them. */
export const LEVELS = { minute: 0, hour: 1, day: 2 } as const
export type Level = (typeof LEVELS)[keyof typeof LEVELS]

const MINUTE_MS = 60_000
const MINUTES_AN_HOUR = 60
const HOURS_A_DAY = 24

/** Where an amount of a moment is counted, at each level. */
export function bucketsOf(at: number): readonly { readonly level: Level; readonly start: number }[] {
  const minute = Math.floor(at / MINUTE_MS)
  const hour = Math.floor(minute / MINUTES_AN_HOUR)
  return [
    { level: LEVELS.minute, start: minute },
    { level: LEVELS.hour, start: hour },
    { level: LEVELS.day, start: Math.floor(hour / HOURS_A_DAY) },
  ]
}

/** The sums that a window consists of, each moment from its first minute on in exactly one; `to` is the last, if any. */
export function spansOf(
  since: number,
): readonly { readonly level: Level; readonly from: number; readonly to?: number }[] {
  const minute = Math.floor(since / MINUTE_MS)
  const hour = Math.ceil(minute / MINUTES_AN_HOUR)
  const day = Math.ceil(hour / HOURS_A_DAY)
  return [
    { level: LEVELS.minute, from: minute, to: hour * MINUTES_AN_HOUR - 1 },
    { level: LEVELS.hour, from: hour, to: day * HOURS_A_DAY - 1 },
    { level: LEVELS.day, from: day },
  ]
}

/** Whether an amount of a moment lies in a window, by the same minutes. */
export const countsIn = (at: string, since: number): boolean =>
  unpadNumber(at) / BigInt(MINUTE_MS) >= BigInt(Math.floor(since / MINUTE_MS))
