import type { Hex } from 'viem'
import { type Lane, startWorld, USDC, type World } from './engine.ts'
import { setHoldings } from './tokens.ts'

/** The sandbox's contract account, which its first payment deploys. */
export const VAULT: Hex = '0x5a1A42BCae93d527F432D29c79E32AFC5cC8CB5c'
/** Its owner, who brings what it pays where no bundler does. */
export const TREASURY: Hex = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'

/** The vault has 10 ETH, whatever it had. */
export async function fillVault(lane: Lane): Promise<void> {
  await lane.ask('anvil_setBalance', VAULT, '0x8ac7230489e80000')
}

/** The vault has this much USDC, in base units, whatever it had. */
export function setVaultUsdc(lane: Lane, raw: bigint): Promise<void> {
  return setHoldings(lane, [{ token: USDC, account: VAULT, raw }])
}

/** A world on whose first chain the vault has 10 ETH and 500 USDC, a few blocks ago. */
export async function startVaultWorld(): Promise<World> {
  const world = await startWorld()
  await fillVault(world.a)
  await setVaultUsdc(world.a, 500_000_000n)
  await world.a.mine(5)
  return world
}
