import type { Hex } from 'viem'
import type { Effect } from '../../chains/adapter.ts'
import { type Finding, finding, milderFinding } from '../../primitives/findings.ts'
import { WITHDRAWAL } from '../calls/standards.ts'
import { releaseOf, type Swap, swapOf } from '../calls/swaps.ts'
import type { Call } from '../calls/tokenCalls.ts'
import { NATIVE_TOKEN } from '../simulation/execution.ts'
import type { MadeCall } from '../simulation/madeCalls.ts'
import type { Evidence } from './evidence.ts'

/**
 * Swaps whose own bound lets them do much worse than they do now: whoever sees one beforehand trades before and after it
 * and takes the difference. What several swaps of one call give one recipient of one token is judged together.
 */
export function slippage(evidence: Evidence): readonly Finding[] {
  const asked = evidence.declared.flatMap((call) => {
    const swap = swapOf(call)
    return swap === undefined ? [] : [{ swap, tries: evidence.made?.filter((each) => isThat(call, each)) }]
  })
  const swaps = asked.flatMap((each) => takenPlace(each, evidence) ?? [])
  const failed = asked.filter(({ tries = [] }) => tries.length > 0 && tries.every(({ undone }) => undone))
  const groups = new Map<string, readonly [Made, ...Made[]]>()
  for (const each of swaps.filter(({ swap }, index) => !isBetween(swap, swaps.slice(index + 1)))) {
    const key = keyOf(each.swap)
    groups.set(key, [...(groups.get(key) ?? []), each] as [Made, ...Made[]])
  }
  return [
    ...[...groups.values()].flatMap((group) => looseness(group, evidence)),
    ...failed.map(({ swap }) => unjudged(swap)),
  ]
}

/** Around it something is content with its failing; in a block it may not fail. */
function unjudged({ router, parameter }: Swap): Finding {
  const bound = parameter === undefined ? 'what is sent along' : `its ${parameter}`
  const detail = `a swap by ${router} failed when it was tried, so whether ${bound} bounds it is not known`
  return milderFinding('loose-slippage', detail)
}

/** A swap that was made. */
interface Made {
  readonly swap: Swap
  readonly bound: bigint
  /** What comes out, or goes in, as the call itself tells; undefined where only balances do. */
  readonly amount: bigint | undefined
}

const keyOf = ({ exact, router, recipient, sender, tokenIn, tokenOut }: Swap) =>
  exact === 'in' ? `in ${router} ${tokenOut} ${recipient}` : `out ${router} ${tokenIn} ${sender}`

interface Asked {
  readonly swap: Swap
  /** The calls that made it; absent where nobody traced. */
  readonly tries: readonly MadeCall[] | undefined
}

/** Undefined for what was not made, or undone. */
function takenPlace({ swap, tries }: Asked, { task }: Evidence): Made | undefined {
  const done = tries?.find(({ undone }) => !undone)
  if (tries !== undefined && done === undefined) return undefined
  const bound = swap.bound ?? done?.frame.value ?? BigInt(task.payload.value)
  return { swap, bound, amount: amountOf(swap, done) }
}

const isThat = (call: Call, { sender, self, frame }: MadeCall) =>
  sender === call.sender && self === call.self && frame.input === call.input

function amountOf({ other }: Swap, done: MadeCall | undefined): bigint | undefined {
  if (other === undefined || done === undefined) return undefined
  try {
    return other(done.frame.output)
  } catch {
    // It has the name of a swap and returns another thing: then balances tell.
    return undefined
  }
}

/**
 * What stays with the router for a later swap of the same call that takes all of it: that one's bound holds for both. One
 * that takes an amount leaves the rest to whoever comes.
 */
function isBetween({ exact, router, recipient, tokenOut }: Swap, later: readonly Made[]): boolean {
  if (exact === 'out' || recipient !== router) return false
  return later.some(({ swap }) => swap.takesAll && swap.router === router && swap.tokenIn === tokenOut)
}

function looseness(group: readonly [Made, ...Made[]], evidence: Evidence): readonly Finding[] {
  const [{ swap }] = group
  const told = group.reduce<bigint | undefined>(
    (sum, { amount }) => (sum === undefined || amount === undefined ? undefined : sum + amount),
    0n,
  )
  const bound = group.reduce((sum, each) => sum + each.bound, 0n)
  return swap.exact === 'in'
    ? tooLittle(swap, { bound, now: told ?? received(swap, evidence) }, evidence)
    : tooMuch(swap, { bound, now: told ?? spent(swap, evidence) }, evidence)
}

interface Amounts {
  readonly bound: bigint
  /** As it was simulated. */
  readonly now: bigint
}

/** Hundredths of a per cent. */
const WHOLE = 10_000n

function tooLittle(swap: Swap, { bound, now }: Amounts, evidence: Evidence): readonly Finding[] {
  const { router, recipient, tokenOut, parameter } = swap
  const least = (now * (WHOLE - evidence.maxSlippage) + WHOLE - 1n) / WHOLE
  const released = recipient === router ? leastReleased(swap, evidence) : 0n
  if (bound >= least || released >= least) return []
  const detail = `${router} gives ${now} base units of ${nameOf(tokenOut)} now, and may give as little as ${bound}`
  const advice = `pass at least ${least} as ${parameter}; a little more leaves room for a better price`
  return [finding('loose-slippage', `${detail}: ${advice}`)]
}

function tooMuch(swap: Swap, { bound, now }: Amounts, evidence: Evidence): readonly Finding[] {
  const { router, tokenIn, parameter } = swap
  const most = (now * (WHOLE + evidence.maxSlippage)) / WHOLE
  if (bound <= most) return []
  const detail = `${router} takes ${now} base units of ${nameOf(tokenIn)} now, and may take as much as ${bound}`
  const advice =
    parameter === undefined ? `send at most ${most} base units along` : `pass at most ${most} as ${parameter}`
  return [finding('loose-slippage', `${detail}: ${advice}`)]
}

/** The bound on what the router hands out of what it was left with. */
function leastReleased({ router, tokenOut }: Swap, { declared, logs }: Evidence): bigint {
  const isWrapped = logs.some(({ address, topics }) => address === tokenOut && topics[0] === WITHDRAWAL)
  return declared.reduce((most, call) => {
    const release = call.self === router ? releaseOf(call) : undefined
    if (release === undefined) return most
    const isMeant = release.token === undefined ? isWrapped : release.token === tokenOut
    return isMeant && release.least > most ? release.least : most
  }, 0n)
}

/** What came, whatever became of it: a router hands on what it was left with, and a wallet may swap it again. */
function received({ tokenOut, recipient }: Swap, evidence: Evidence): bigint {
  return sumOf(moves(tokenOut, evidence).filter(({ to }) => to === recipient))
}

/** What went, less what came back. */
function spent({ tokenIn, sender }: Swap, evidence: Evidence): bigint {
  const all = moves(tokenIn, evidence)
  return sumOf(all.filter(({ from }) => from === sender)) - sumOf(all.filter(({ to }) => to === sender))
}

function moves(token: Hex, { effects, assets }: Evidence): readonly Effect[] {
  return effects.filter(({ kind, asset, from, to }) => {
    const isMeant = token === NATIVE_TOKEN ? asset.id === assets.native.id : asset.address === token
    return kind === 'transfer' && isMeant && from !== to
  })
}

const sumOf = (effects: readonly Effect[]) => effects.reduce((sum, { raw }) => sum + raw, 0n)

const nameOf = (token: Hex) => (token === NATIVE_TOKEN ? 'the native token' : token)
