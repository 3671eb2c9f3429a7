import { amountOf } from '../chains/amounts.ts'
import type { ChainDirectory } from '../chains/directory.ts'
import { isBursarError } from '../errors/bursarError.ts'
import type { Amount } from '../primitives/amount.ts'

/** How a contract account stands on one chain. */
export interface AccountState {
  /** CAIP-2 id. */
  readonly chain: string
  /** Its first payment there deploys it. */
  readonly deployed: boolean
  /** What its entry point keeps for its fees. */
  readonly deposit: Amount
}

/** An account on each of some chains; those that do not answer now are left out. */
export async function accountStates(
  directory: Pick<ChainDirectory, 'adapter'>,
  address: string,
  chains: readonly string[],
  signal: AbortSignal,
): Promise<readonly AccountState[]> {
  const states = await Promise.all(
    chains.map(async (chain): Promise<readonly AccountState[]> => {
      try {
        const adapter = await directory.adapter(chain)
        const { deployed, deposit } = await adapter.contractAccount(address, signal)
        return [{ chain, deployed, deposit: amountOf(adapter.native, deposit) }]
      } catch (error) {
        if (isBursarError(error)) return []
        throw error
      }
    }),
  )
  return states.flat()
}
