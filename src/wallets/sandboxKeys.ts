import { Secret } from '../primitives/secret.ts'

/**
 * Keys of anvil's well-known development accounts, in the order of their BIP-44 index. Everybody knows them, so
 * configuration refuses them on any chain that is not a sandbox.
 */
export const sandboxKeys: Readonly<Record<'treasury' | 'agent' | 'merchant' | 'payroll', Secret>> = {
  treasury: new Secret('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'),
  agent: new Secret('0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d'),
  merchant: new Secret('0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a'),
  payroll: new Secret('0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6'),
}
