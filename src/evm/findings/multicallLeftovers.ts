import { encodeFunctionData } from 'viem'
import type { Asset } from '../../chains/adapter.ts'
import { formatUnits } from '../../primitives/amount.ts'
import { type Finding, finding } from '../../primitives/findings.ts'
import { unpackCalls } from '../batching/multicall3.ts'
import { tryCalls } from '../batching/tryCalls.ts'
import { erc20Abi, multicall3Abi } from '../calls/abi.ts'
import { MULTICALL3 } from '../calls/standards.ts'
import { NATIVE_TOKEN } from '../simulation/execution.ts'
import type { Evidence } from './evidence.ts'
import { multicallCredits } from './multicallCredits.ts'

/**
 * What stays in Multicall3, where it goes to whoever comes first: by its events and, after a batch, by the balances that
 * contracts tell (T18).
 */
export async function multicallLeftovers(
  evidence: Evidence,
  _tracers: unknown,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const places = new Set<string>([MULTICALL3, evidence.multicall3 ?? MULTICALL3])
  const left = new Map<string, Left>()
  for (const { kind, asset, from, to, raw } of evidence.effects) {
    if (kind !== 'transfer' || from === to) continue
    for (const [at, change] of [
      [to, raw],
      [from, -raw],
    ] as const) {
      if (!places.has(at)) continue
      const key = `${at} ${asset.id}`
      left.set(key, { at, asset, raw: (left.get(key)?.raw ?? 0n) + change })
    }
  }
  const credited = await credits(evidence, signal)
  for (const each of credited ?? []) left.set(`${each.at} ${each.asset.id}`, each)
  const stays = [...left.values()].filter(({ raw }) => raw > 0n)
  return [
    ...stays.map(({ at, asset, raw }) => {
      const amount = `${formatUnits(raw, asset.decimals)} ${asset.symbol ?? asset.id}`
      return finding(
        'left-in-multicall',
        `${amount} would stay in Multicall3 ${at}, where anybody can take it`,
      )
    }),
    ...multicallCredits(evidence, new Set(stays.map(({ asset }) => asset.address ?? ''))),
    ...(credited
      ? []
      : [finding('not-traced', 'whether something stays in Multicall3 could not be looked at')]),
  ]
}

interface Left {
  readonly at: string
  readonly asset: Asset
  readonly raw: bigint
}

/** More contracts than this speak up in no batch that is meant well. */
const MOST_ASKED = 100

/**
 * What contracts say that Multicall3 has after a batch and had not before: not every one of them tells by an event.
 * Undefined when it could not be tried.
 */
async function credits(
  { task, multicall3, logs, made = [], assets, client, head }: Evidence,
  signal: AbortSignal,
): Promise<readonly Left[] | undefined> {
  const calls = unpackCalls(task.payload, multicall3)
  if (!calls || !multicall3) return []
  const heard = [
    ...calls.map(({ to }) => to),
    ...logs.map(({ address }) => address),
    ...made.map(({ self }) => self),
  ]
  const asked = [...new Set(heard)].filter((address) => address !== NATIVE_TOKEN).slice(0, MOST_ASKED)
  const data = encodeFunctionData({ abi: erc20Abi, functionName: 'balanceOf', args: [multicall3] })
  const own = encodeFunctionData({ abi: multicall3Abi, functionName: 'getEthBalance', args: [multicall3] })
  const balances = [
    ...asked.map((to) => ({ to, value: 0n, data, mayFail: true })),
    { to: multicall3, value: 0n, data: own, mayFail: true },
  ]
  const there = { ...task, at: { blockHash: head.ref.hash } }
  const results = await tryCalls(there, [...balances, ...calls, ...balances], client, signal)
  if (!results) return undefined
  const told = (at: number) => {
    const { success, returnData } = results[at] ?? { success: false, returnData: '0x' }
    return success && returnData.length === 66 ? BigInt(returnData) : 0n
  }
  const gain = (index: number) => told(balances.length + calls.length + index) - told(index)
  const gained = asked.flatMap((address, index) => {
    const raw = gain(index)
    return raw > 0n ? [{ address, raw }] : []
  })
  // It has what it is to hand over when it begins.
  const native = {
    at: multicall3,
    asset: assets.native,
    raw: gain(asked.length) + BigInt(task.payload.value),
  }
  const tokens = await assets.tokens(
    gained.map(({ address }) => address),
    signal,
  )
  return [
    native,
    ...gained.map(({ address, raw }) => ({
      at: multicall3,
      asset: tokens.get(address) ?? assets.unreadable(address),
      raw,
    })),
  ]
}
