import { pad, toHex } from 'viem'
import { sandboxA } from '../../../../src/chains/data/sandboxA.ts'
import type { Chain } from '../../../../src/chains/types.ts'
import type { Lane } from '../../../support/engine.ts'
import code from './opStack.json' with { type: 'json' }

const ORACLE = '0x420000000000000000000000000000000000000F'
const L1_BLOCK = '0x4200000000000000000000000000000000000015'

/** Sandbox A, as a chain of the OP stack. */
export const opSandbox: Chain = {
  ...sandboxA,
  feeModel: 'op-stack',
  contracts: { ...sandboxA.contracts, gasPriceOracle: ORACLE, l1Block: L1_BLOCK },
}

/** The predeploys of Fjord with what the parent chain is told to ask, in wei per gas and per blob gas. */
export async function installOracle(lane: Lane, l1BaseFee: bigint, blobBaseFee: bigint): Promise<void> {
  await lane.ask('anvil_setCode', ORACLE, code.GasPriceOracle)
  await lane.ask('anvil_setCode', L1_BLOCK, code.L1Block)
  const store = (address: string, slot: number, value: bigint) =>
    lane.ask('anvil_setStorageAt', address, toHex(slot), pad(toHex(value), { size: 32 }))
  // isEcotone and isFjord.
  await store(ORACLE, 0, 0x0101n)
  await store(L1_BLOCK, 1, l1BaseFee)
  // Scalars of OP Mainnet: base fee 5,227, blob base fee 1,014,213.
  await store(L1_BLOCK, 3, (5_227n << 96n) | (1_014_213n << 64n))
  await store(L1_BLOCK, 7, blobBaseFee)
}

/** Any other code in the oracle's place. */
export async function replaceOracle(lane: Lane, deployed: string): Promise<void> {
  await lane.ask('anvil_setCode', ORACLE, deployed)
}
