import { getAddress } from 'viem'
import { describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { base } from '../../src/chains/data/base.ts'
import { baseSepolia } from '../../src/chains/data/baseSepolia.ts'
import { sandboxA } from '../../src/chains/data/sandboxA.ts'
import { chainRef, createRegistry } from '../../src/chains/registry.ts'
import { BursarError, isBursarError } from '../../src/errors/bursarError.ts'

const KNOWN: readonly [id: string, alias: string, name: string, native: string, env: string][] = [
  ['eip155:1', 'ethereum', 'Ethereum', 'ETH', 'ETH_MAINNET'],
  ['eip155:11155111', 'sepolia', 'Sepolia', 'ETH', 'ETH_SEPOLIA'],
  ['eip155:8453', 'base', 'Base', 'ETH', 'BASE_MAINNET'],
  ['eip155:84532', 'base-sepolia', 'Base Sepolia', 'ETH', 'BASE_SEPOLIA'],
  ['eip155:42161', 'arbitrum', 'Arbitrum One', 'ETH', 'ARBITRUM_MAINNET'],
  ['eip155:421614', 'arbitrum-sepolia', 'Arbitrum Sepolia', 'ETH', 'ARBITRUM_SEPOLIA'],
  ['eip155:10', 'optimism', 'OP Mainnet', 'ETH', 'OPTIMISM_MAINNET'],
  ['eip155:11155420', 'op-sepolia', 'OP Sepolia', 'ETH', 'OPTIMISM_SEPOLIA'],
  ['eip155:137', 'polygon', 'Polygon', 'POL', 'POLYGON_MAINNET'],
  ['eip155:80002', 'polygon-amoy', 'Polygon Amoy', 'POL', 'POLYGON_AMOY'],
  ['eip155:56', 'bnb', 'BNB Smart Chain', 'BNB', 'BNB_MAINNET'],
  ['eip155:97', 'bsc-testnet', 'BSC Testnet', 'tBNB', 'BNB_TESTNET'],
  ['eip155:204', 'opbnb', 'opBNB', 'BNB', 'OPBNB_MAINNET'],
  ['eip155:5611', 'opbnb-testnet', 'opBNB Testnet', 'tBNB', 'OPBNB_TESTNET'],
  ['solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp', 'solana', 'Solana', 'SOL', 'SOL_MAINNET'],
  ['solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1', 'solana-devnet', 'Solana Devnet', 'SOL', 'SOL_DEVNET'],
  ['eip155:31337', 'sandbox-a', 'Sandbox A', 'ETH', 'SANDBOX_A'],
  ['eip155:31338', 'sandbox-b', 'Sandbox B', 'tBNB', 'SANDBOX_B'],
]

describe('the chain registry (A1, A2)', () => {
  it.each(KNOWN)('knows %s by id and as "%s"', (id, alias, name, native, env) => {
    const registry = createRegistry()
    const chain = registry.resolve(id)
    expect([chain.name, chain.native.symbol, chain.env]).toEqual([name, native, env])
    expect(registry.resolve(alias)).toBe(chain)
    expect(registry.resolve(alias.toUpperCase())).toBe(chain)
  })

  it('knows no network beyond these', () => {
    expect(
      createRegistry()
        .all()
        .map((chain) => chain.id),
    ).toEqual(KNOWN.map(([id]) => id))
  })

  it('names the known chains with their aliases when a chain is unknown', () => {
    const error = thrownBy(() => createRegistry([base, baseSepolia]).resolve('bse'))
    expect(error).toBeInstanceOf(BursarError)
    expect((error as BursarError).message).toBe('"bse" is not a chain that Bursar knows.')
    expect((error as BursarError).fix).toBe(
      'Use one of: eip155:8453 (base), eip155:84532 (base-sepolia). list_chains shows them.',
    )
    expect((error as BursarError).sideEffect).toBe('none')
  })

  it.each(['8453', '0x2105', '', 'EIP155:8453', 'solana:5EYKT4USFV8P8NJDTREPY1VZQKQZKVDP'])(
    'R13: takes no guess at "%s"',
    (text) => {
      expect(createRegistry().find(text)).toBeUndefined()
      expect(
        isBursarError(
          thrownBy(() => createRegistry().resolve(text)),
          'chain_unknown',
        ),
      ).toBe(true)
    },
  )

  it('repeats no more than 64 characters of what was asked', () => {
    const error = thrownBy(() => createRegistry().resolve('x'.repeat(10_000)))
    expect((error as BursarError).message).toHaveLength(64 + '"" is not a chain that Bursar knows.'.length)
  })
})

describe('the facts of each chain', () => {
  it('spells every EVM address in its EIP-55 checksum (R13)', () => {
    for (const chain of allChains.filter((each) => each.family === 'evm')) {
      const addresses = [...Object.values(chain.contracts), ...chain.tokens.map((token) => token.address)]
      for (const address of addresses) expect(address).toBe(getAddress(address.toLowerCase()))
    }
  })

  it('has Multicall3 at its one address on every EVM chain', () => {
    for (const chain of allChains.filter((each) => each.family === 'evm')) {
      expect(chain.contracts).toMatchObject({ multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11' })
    }
  })

  it('pins what the sandbox, Ethereum and Solana wait for', () => {
    const registry = createRegistry()
    const waits = ['ethereum', 'solana', 'solana-devnet', 'sandbox-a', 'sandbox-b'].map(
      (alias) => registry.resolve(alias).confirmations,
    )
    expect(waits).toEqual([12, 32, 32, 2, 2])
  })

  it('marks test money: only main networks carry a registered coin type', () => {
    for (const chain of allChains) {
      expect(chain.native.slip44 === 1, chain.name).toBe(chain.network !== 'mainnet')
    }
  })
})

describe('createRegistry', () => {
  it.each([
    ['id', { ...base, aliases: ['other'], env: 'OTHER' }, 'Base and Base share the id "eip155:8453".'],
    ['alias', { ...base, id: 'eip155:9', env: 'OTHER' }, 'Base and Base share the alias "base".'],
    [
      'alias in other letters',
      { ...base, id: 'eip155:9', env: 'OTHER', aliases: ['BASE'] },
      'Base and Base share the alias "base".',
    ],
    [
      'environment prefix',
      { ...base, id: 'eip155:9', aliases: ['other'] },
      'Base and Base share the environment prefix "BASE_MAINNET".',
    ],
  ] as const)('refuses two chains with one %s', (_what, twin, words) => {
    expect(() => createRegistry([base, twin])).toThrow(words)
  })

  it('applies contract and confirmation overrides to their chain only (A3)', () => {
    const registry = createRegistry(
      [base, baseSepolia],
      [
        {
          chainId: 'eip155:84532',
          confirmations: 3,
          contracts: { multicall3: '0x00000000000000000000000000000000000000c3', sedaCore: '0x01' },
        },
      ],
    )
    expect(registry.resolve('base-sepolia').confirmations).toBe(3)
    expect(registry.resolve('base-sepolia').contracts).toEqual({
      multicall3: '0x00000000000000000000000000000000000000c3',
      gasPriceOracle: '0x420000000000000000000000000000000000000F',
      l1Block: '0x4200000000000000000000000000000000000015',
      sedaCore: '0x01',
    })
    expect(registry.all()[1]).toBe(registry.resolve('base-sepolia'))
    expect(registry.resolve('base')).toBe(base)
  })

  it('keeps what an override does not name', () => {
    const registry = createRegistry([base], [{ chainId: 'eip155:8453' }])
    expect(registry.resolve('base').confirmations).toBe(12)
    expect(registry.resolve('base').contracts).toEqual(base.contracts)
  })

  it('refuses an override of a chain that it does not have', () => {
    expect(() => createRegistry([base], [{ chainId: 'eip155:1' }])).toThrow(
      'An override names the unknown chain eip155:1.',
    )
  })
})

describe('chainRef (A4)', () => {
  it('names the chain and its native token', () => {
    expect(chainRef(base)).toEqual({ id: 'eip155:8453', name: 'Base', native: 'ETH' })
  })

  it('marks sandbox chains', () => {
    expect(chainRef(sandboxA)).toEqual({
      id: 'eip155:31337',
      name: 'Sandbox A',
      native: 'ETH',
      sandbox: true,
    })
  })
})

function thrownBy(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
