import type { Lane } from './engine.ts'

/** Answers what takes a chain back to where it is now. */
export async function snapshot({ ask }: Lane): Promise<() => Promise<void>> {
  const state = await ask('evm_snapshot')
  return async () => {
    if ((await ask('evm_revert', state)) !== true) throw new Error('the chain was not taken back')
    // What waits for a block outlives that.
    await ask('anvil_dropAllTransactions')
  }
}
