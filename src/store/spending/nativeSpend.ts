import type { Journal } from '../journal.ts'

/**
 * Native base units that an account has spent on a chain since a time (ISO 8601): what its payments moved by their
 * callers' word, and every fee. What failed cost its fee only.
 */
export async function nativeSpendOf(
  journal: Pick<Journal, 'read'>,
  { chain, account, native, since }: Readonly<Record<'chain' | 'account' | 'native' | 'since', string>>,
): Promise<bigint> {
  const rows = await journal.read((db) =>
    db
      .selectFrom('steps')
      .select(['outflow', 'fee_paid', 'state'])
      .where('chain', '=', chain)
      .where('account', '=', account)
      .where('fee_paid', 'is not', null)
      .$narrowType<{ fee_paid: string }>()
      .where('updated_at', '>=', since)
      .execute(),
  )
  return rows.reduce((sum, { outflow, fee_paid, state }) => {
    const { asset, raw } = JSON.parse(outflow) as {
      readonly asset: { readonly id: string }
      readonly raw: string
    }
    const moved = asset.id === native && state !== 'reverted' ? BigInt(raw) : 0n
    return sum + moved + BigInt(fee_paid)
  }, 0n)
}
