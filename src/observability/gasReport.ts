import { amountOf, nativeAsset } from '../chains/amounts.ts'
import type { Chain } from '../chains/types.ts'
import { type Amount, formatUnits } from '../primitives/amount.ts'
import { gasAdvice, type Words } from './gasAdvice.ts'
import type { ChainFigures } from './gasFigures.ts'

/** Days that a report looks back. */
export const REPORT_DAYS = 30
const MOST_SAVERS = 2

/** What a chain's transactions cost that became final in the last thirty days. */
export interface GasReport {
  readonly transactions: number
  readonly succeeded: number
  readonly paid: Amount
  /** How much less that is than the prices that nodes suggested; negative for more. Absent where none did. */
  readonly saved?: Amount
  /** The actions that saved most, in words. */
  readonly best?: readonly string[]
  readonly advice?: readonly string[]
}

/** `nameOf` tells the name of a well-known function by its selector. */
export function gasReport(
  chain: Chain,
  figures: ChainFigures,
  nameOf: (selector: string) => string | undefined,
): GasReport {
  const native = nativeAsset(chain)
  const words: Words = {
    amount: (raw) => `~${formatUnits(roughly(raw), native.decimals)} ${native.symbol}`,
    action: (key) => actionName(chain, key, nameOf),
  }
  const { all, byAction } = figures
  const best = [...byAction]
    .filter(([, { saved }]) => saved > 0n)
    .sort(([, a], [, b]) => (a.saved < b.saved ? 1 : -1))
    .slice(0, MOST_SAVERS)
    .map(([key, { saved }]) => `${words.action(key)}: ${words.amount(saved)}`)
  const advice = gasAdvice(figures, words)
  return {
    transactions: all.count,
    succeeded: all.count - all.reverted,
    paid: amountOf(native, all.paid),
    ...(all.compared === 0 ? {} : { saved: amountOf(native, all.saved) }),
    ...(best.length === 0 ? {} : { best }),
    ...(advice.length === 0 ? {} : { advice }),
  }
}

/** Three significant digits: what is said in words is short, and the exact amounts stand beside it. */
function roughly(raw: bigint): bigint {
  const digits = raw.toString().length
  const unit = 10n ** BigInt(Math.max(0, digits - 3))
  return ((raw + unit / 2n) / unit) * unit
}

/** What the registry calls the contract, and what its function is usually called. */
function actionName(
  { tokens, native }: Chain,
  key: string,
  nameOf: (selector: string) => string | undefined,
): string {
  const [contract = '', selector = ''] = key.split(' ')
  if (selector === '') return `${native.symbol} transfer`
  const token = tokens.find(({ address }) => address.toLowerCase() === contract.toLowerCase())
  return `${token?.symbol ?? contract} ${nameOf(selector) ?? selector}`
}
