import { expect, it } from 'vitest'
import { createRegistry } from '../../src/chains/registry.ts'
import { sandboxChainIds, sandboxContracts } from '../../src/sandbox/sandboxAccounts.ts'

// The registry may not import the sandbox, so the addresses stand in both places.
it('the registry and the sandbox agree on chains and contracts', () => {
  const sandboxes = createRegistry()
    .all()
    .filter((chain) => chain.network === 'sandbox')
  expect(sandboxes.map((chain) => chain.id)).toEqual(sandboxChainIds.map((id) => `eip155:${id}`))
  for (const chain of sandboxes) {
    const { usdc, ...contracts } = sandboxContracts
    expect(chain.contracts).toEqual(contracts)
    expect(chain.tokens).toEqual([{ symbol: 'USDC', address: usdc, decimals: 6 }])
  }
})
