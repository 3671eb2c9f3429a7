import type { Amount } from '../../primitives/amount.ts'
import { quotedWords, untrusted } from '../../primitives/untrusted.ts'
import type { ApprovalView } from '../../transactions/approvals/approvals.ts'

/** Longer than anything that an answer holds in one field. */
const CAP = 1_000

/** One intent in one line. */
export function approvalLine({
  intentId,
  status,
  amount,
  to,
  wallet,
  chain,
  expiresAt,
}: ApprovalView): string {
  const state = status === 'needs_approval' ? 'waits' : status === 'ready' ? 'approved' : status
  return plain(
    `${intentId}  ${state}  ${words(amount)} to ${to}  ${wallet.name} on ${chain.name}  until ${expiresAt}`,
  )
}

/** All that a person has to know to approve an intent, each line free of what a terminal would obey (R9). */
export function approvalLines(view: ApprovalView): readonly string[] {
  const { simulation, fees, chain, wallet, approval, batch } = view
  const { block, effects, moreEffects = 0, findings = [], skipped = [] } = simulation
  const lines = [
    ['Intent', view.intentId],
    ['State', `${view.status}, until ${view.expiresAt}`],
    ['Asked by', `principal ${view.principal}, who calls it "${view.idempotencyKey}"`],
    ['Wallet', `${wallet.name} ${wallet.address}`],
    ['Chain', `${chain.name} (${chain.id})${chain.sandbox ? ', a sandbox: nothing there has value' : ''}`],
    ['Pays', `${words(view.amount)} to ${view.to}`],
    ...(view.function === undefined ? [] : [['Calls', view.function]]),
    ...(batch ? [['Batch', `${batch.calls} calls in one transaction`]] : []),
    ...(view.first ?? []).map((first) => ['First', first]),
    ...effects.map(({ kind, from, to, amount }) => [
      'Effect',
      `${kind} ${words(amount)} from ${from} to ${to}`,
    ]),
    ...(moreEffects > 0 ? [['', `${moreEffects} more effects, between others or of nothing`]] : []),
    ...findings.map(({ severity, code, detail }) => ['Finding', `${severity} ${code}: ${detail}`]),
    ['Fees', `${words(fees.expected)} expected, ${words(fees.ceiling)} at most`],
    ['Route', view.route],
    ['Simulated', `by ${simulation.backend} at block ${block.number}`],
    ...skipped.map((each) => ['', `not by ${each}`]),
    ...(approval?.why ?? []).map((why) => ['Why', why]),
    ...(approval?.reason === undefined ? [] : [['Denied', approval.reason]]),
    ['Digest', view.digest],
  ]
  return lines.map(([name = '', text = '']) => `${name.padEnd(NAME_WIDTH)}${plain(text)}`)
}

const NAME_WIDTH = 11

/** A stranger's name for an asset is told as one, beside its address. */
function words({ display, symbol, asset, claims }: Amount): string {
  return [
    display,
    symbol ?? asset,
    ...(claims ? ['(which calls itself', `${quotedWords(claims)})`] : []),
  ].join(' ')
}

/** Escape sequences and invisible characters are shown, and do nothing. */
const plain = (text: string) => untrusted(text, CAP).untrusted
