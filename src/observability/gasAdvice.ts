import type { ChainFigures, Pace, Sums } from './gasFigures.ts'

/** With fewer, a figure is chance. */
const ENOUGH = 5
const ENOUGH_OF_A_KIND = 3
/** The first ones are what costs most. */
const MOST_ADVICE = 2

/** How an advice writes amounts of the native token, and actions. */
export interface Words {
  amount(raw: bigint): string
  action(key: string): string
}

/** What the figures of a chain say should be done otherwise; empty when nothing. */
export function gasAdvice(figures: ChainFigures, words: Words): readonly string[] {
  const rules = [reverts, fastForNothing, aboveSuggestion, waitsThatPaid, wideLimits]
  return rules.flatMap((rule) => rule(figures, words) ?? []).slice(0, MOST_ADVICE)
}

type Rule = (figures: ChainFigures, words: Words) => string | undefined

const reverts: Rule = ({ all, byAction }, words) => {
  if (all.reverted < ENOUGH_OF_A_KIND || 10 * all.reverted < all.count) return undefined
  const worst = [...byAction].reduce((a, b) => (b[1].reverted > a[1].reverted ? b : a))
  return `${all.reverted} of ${all.count} reverted for ${words.amount(all.lost)}, mostly ${words.action(worst[0])}: see list_operations.`
}

const fastForNothing: Rule = ({ byPace }) => {
  const [fast, slow] = [byPace.get('fast'), byPace.get('slow')]
  if (!fast || !slow || fast.count < ENOUGH || slow.waits < ENOUGH_OF_A_KIND) return undefined
  if (fast.count <= slow.count || blocks(slow) > blocks(fast) + 0.5) return undefined
  return `slow took ${blocks(slow).toFixed(1)} blocks, fast ${blocks(fast).toFixed(1)}: use urgency slow.`
}

const CHEAPER: Readonly<Record<Pace, string>> = {
  fast: 'urgency standard',
  standard: 'urgency slow',
  slow: 'maxFeeGwei',
  wait: 'a lower maxFeeGwei',
}

const aboveSuggestion: Rule = ({ all, byPace }, words) => {
  if (all.compared < ENOUGH || all.saved >= 0n) return undefined
  const dearest = [...byPace].reduce<readonly [Pace, Sums] | undefined>(
    (a, b) => (a && a[1].saved <= b[1].saved ? a : b),
    undefined,
  )
  if (!dearest || dearest[1].saved >= 0n) return undefined
  const [pace, { saved }] = dearest
  return `${pace} paid ${words.amount(-saved)} above suggestions: use ${CHEAPER[pace]} where time allows.`
}

const waitsThatPaid: Rule = ({ byPace }, words) => {
  const wait = byPace.get('wait')
  if (!wait || wait.compared < ENOUGH_OF_A_KIND || wait.saved <= 0n) return undefined
  return `Waiting for lower fees saved ${words.amount(wait.saved)} on ${wait.compared}: use maxFeeGwei where time allows.`
}

const wideLimits: Rule = ({ all }) => {
  if (all.calls < ENOUGH || all.gasLimit < 2n * all.gasUsed) return undefined
  const times = Number((10n * all.gasLimit) / all.gasUsed) / 10
  return `Gas limits of calls were ${times} times what they used: a wallet needs fees.ceiling, and most of it comes back.`
}

/** Mean blocks until inclusion. */
const blocks = ({ waits, waited }: Sums) => waited / waits
