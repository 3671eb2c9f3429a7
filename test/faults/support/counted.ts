import type { Outgoing } from './chainRecord.ts'

/** What a journal counts towards caps when nothing is under way in it any more. */
export interface Counted {
  /** Base units by account, in lower case, and asset: the sum over all who received it. */
  readonly totals: readonly (readonly [account: string, asset: Outgoing['asset'], raw: string])[]
  /** What must not be there then, in words. */
  readonly leaks: readonly string[]
}

type Rows = (sql: string) => readonly Readonly<Record<string, unknown>>[]

/** Reads it from the tables themselves. */
export function readCounted(rows: Rows): Counted {
  const totals = new Map<string, bigint>()
  const spends = new Map<string, bigint>()
  for (const row of rows('select asset, recipient, account, principal, raw from spends')) {
    const { asset, recipient, account, principal, raw } = row as Readonly<Record<string, string>>
    add(spends, [asset, recipient, account, principal].join(' '), BigInt(raw ?? 0))
    if (recipient === '')
      add(totals, `${String(account).toLowerCase()} ${kindOf(String(asset))}`, BigInt(raw ?? 0))
  }
  const held = rows("select id, step_id, asset, raw from reservations where state = 'held'")
  const leaks = held.map((row) => `still held: ${JSON.stringify(row)}`)
  for (const level of [0, 1, 2]) {
    const sums = new Map<string, bigint>()
    const found = rows(
      `select asset, recipient, account, principal, raw from spend_sums where level = ${level}`,
    )
    for (const { asset, recipient, account, principal, raw } of found)
      add(sums, [asset, recipient, account, principal].join(' '), BigInt(String(raw)))
    for (const key of new Set([...spends.keys(), ...sums.keys()]))
      if ((spends.get(key) ?? 0n) !== (sums.get(key) ?? 0n))
        leaks.push(`level ${level} of ${key}: ${sums.get(key)}, and its steps count ${spends.get(key)}`)
  }
  return {
    totals: [...totals].map(([key, raw]) => {
      const [account = '', asset = ''] = key.split(' ')
      return [account, asset as Outgoing['asset'], raw.toString()] as const
    }),
    leaks,
  }
}

const add = (sums: Map<string, bigint>, key: string, raw: bigint) =>
  void sums.set(key, (sums.get(key) ?? 0n) + raw)

const kindOf = (asset: string): Outgoing['asset'] =>
  asset.startsWith('fee/') ? 'fees' : asset.includes('/erc20:') ? 'USDC' : 'native'

/** Where a journal counts anything else than what an account has given away by the chain; answers in words. */
export function miscounted(
  { totals, leaks }: Counted,
  account: string,
  outgoing: readonly Outgoing[],
  assets: readonly Outgoing['asset'][],
): readonly string[] {
  const wrong = assets.flatMap((asset) => {
    const left = outgoing
      .filter((one) => one.from === account && one.asset === asset)
      .reduce((sum, { raw }) => sum + raw, 0n)
    const counts = totals
      .filter(([who, what]) => who === account && what === asset)
      .reduce((sum, [, , raw]) => sum + BigInt(raw), 0n)
    return counts === left ? [] : [`${asset} of ${account} count as ${counts}, and ${left} left`]
  })
  return [...leaks, ...wrong]
}
