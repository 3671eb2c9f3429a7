import type { Confidence, GasLimitBasis } from '../../chains/adapter.ts'
import type { GasUse } from '../../chains/gasUses.ts'
import type { EvmHead } from '../reads/blocks.ts'
import { gasLimitFor, mostOf, PLAIN_TRANSFER_GAS } from './gasLimit.ts'

/** So many uses say how much they differ. */
const MANY = 10
/** With fewer nothing is concluded where no node says anything. */
const ENOUGH = 5

/** A gas limit, and what it stands on. */
export interface ChosenLimit {
  readonly gasLimit: bigint
  readonly basis: GasLimitBasis
}

/** What the last uses of a kind of call say of the next one. */
export interface Lessons {
  /** With this limit each that succeeded would have; 0 when none is known. */
  readonly floor: bigint
  /** How many succeeded. */
  readonly known: number
  /** The largest is at most half as much again as the smallest. */
  readonly alike: boolean
  /** One of them used its gas up. */
  readonly ranOut: boolean
  /** The limit of the newest one. */
  readonly last?: bigint
}

export const NO_LESSONS: Lessons = { floor: 0n, known: 0, alike: false, ranOut: false }

export function lessonsOf(uses: readonly GasUse[]): Lessons {
  const [newest] = uses
  if (!newest) return NO_LESSONS
  const good = uses.filter(({ succeeded }) => succeeded)
  const used = good.map(({ gasUsed }) => gasUsed)
  const [least, most] = [used.reduce(smaller, used[0] ?? 0n), used.reduce(larger, 0n)]
  return {
    floor: good.map(neededBy).reduce(larger, 0n),
    known: good.length,
    alike: 2n * most <= 3n * least,
    ranOut: uses.some(hasRunOut),
    last: newest.gasLimit,
  }
}

/**
 * What was enough for a use: a quarter more than it used, since up to a fifth of what a transaction needs is refunded at
 * its end (EIP-3529) and is not in what it used; or what it had, if that was less.
 */
function neededBy({ gasUsed, gasLimit }: GasUse): bigint {
  return smaller((gasUsed * 5n + 3n) / 4n, gasLimit)
}

/** A sixty-fourth stays behind where a call within a call has none left (EIP-150). */
const hasRunOut = ({ gasUsed, gasLimit, succeeded }: GasUse) => !succeeded && 64n * gasUsed >= 63n * gasLimit

const smaller = (a: bigint, b: bigint) => (a < b ? a : b)
const larger = (a: bigint, b: bigint) => (a > b ? a : b)

/**
 * The estimate with its margin, or what calls of its kind needed if that is more; never more than twice the estimate,
 * so that a contract which once used much does not hold much of the balance back for good.
 */
export function limitOf(estimate: bigint, { floor, ...known }: Lessons, head: EvmHead): ChosenLimit {
  const byEstimate = gasLimitFor(estimate, head)
  if (estimate === PLAIN_TRANSFER_GAS && known.known === 0)
    return { gasLimit: byEstimate, basis: { source: 'estimate', confidence: 'high' } }
  const bounded = smaller(floor, smaller(2n * estimate, mostOf(head)))
  const gasLimit = larger(byEstimate, bounded)
  const source = bounded > byEstimate ? 'learned' : 'estimate'
  return { gasLimit, basis: { source, confidence: confidenceIn(known, gasLimit >= floor) } }
}

/** Where no node estimates: what calls of its kind needed, with a margin. Undefined when too few are known, or differ. */
export function limitWithoutEstimate(lessons: Lessons, head: EvmHead): ChosenLimit | undefined {
  const { floor, known, alike, ranOut } = lessons
  if (known < ENOUGH || !alike || ranOut || floor > mostOf(head)) return undefined
  const confidence = known >= MANY ? 'medium' : 'low'
  return { gasLimit: gasLimitFor(floor, head), basis: { source: 'learned', confidence } }
}

function confidenceIn({ known, alike, ranOut }: Omit<Lessons, 'floor'>, coversAll: boolean): Confidence {
  if (ranOut || !coversAll) return 'low'
  return known >= MANY && alike ? 'high' : 'medium'
}
