import { baseName } from '../primitives/walletNames.ts'
import type { RuleBook, Scope } from './rules/rules.ts'

/**
 * In words, for the operator: which rules are about a wallet that is not among `names`. Such a rule binds nobody, and
 * a slip of the pen in it would go unnoticed.
 */
export function unknownWallets(book: RuleBook, names: readonly string[]): readonly string[] {
  const known = new Set(names.map(baseName))
  const { caps, feeCaps, gasPrices, allows, denies, approvals, hours, findings } = book
  const rules: readonly Scope[] = [
    ...[...caps, ...feeCaps, ...gasPrices, ...allows],
    ...[...denies, ...approvals, ...hours, ...findings],
  ]
  const told = rules.flatMap(({ id, wallets = [] }) => {
    const strange = [...wallets].filter((name) => !known.has(name))
    return strange.map((name) => `policy rule "${id}" is about wallet "${name}", which is not known here`)
  })
  // A rule about one symbol is a cap for each of its decimals.
  return [...new Set(told)]
}
