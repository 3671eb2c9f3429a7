import type { Draft, Effect } from '../../chains/adapter.ts'

/**
 * Whom a payment concerns besides its account: who receives or is called by its caller's word, and whoever is given
 * anything of the account, or leave to take it, when it is simulated. Calldata hides none of them.
 */
export function partiesOf(
  account: string,
  meant: readonly (string | undefined)[],
  effects: readonly Effect[],
  commanded: readonly string[] = [],
): readonly string[] {
  const own = new Set([account, ...commanded])
  const given = effects.filter(({ from }) => own.has(from)).map(({ to }) => to)
  const parties = [...meant, ...given].filter((each) => each !== undefined)
  return [...new Set(parties)].filter((each) => each !== account)
}

/** Who receives or is called by the word of a draft's caller. */
export const meantBy = ({ to, calls = [] }: Draft): readonly string[] => [to, ...calls.map((call) => call.to)]
