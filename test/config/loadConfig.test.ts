import { homedir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { problemsOf } from './problems.ts'

const load = (env: Record<string, string | undefined>) => loadConfig(env, allChains)
const ALCHEMY = 'https://eth-mainnet.g.alchemy.com/v2/key'

describe('an empty environment', () => {
  it('gives the sandbox and the documented defaults', () => {
    expect(load({})).toEqual({
      home: `${homedir()}/.bursar`,
      chains: [],
      wallets: [],
      remoteWallets: [],
      walletChains: new Map(),
      accounts: [],
      bundlers: [],
      policy: {
        maxGasPriceGwei: '500',
        perTransaction: [
          { chain: '*', asset: 'native', max: '10' },
          { chain: '*', asset: 'USDC', max: '10000' },
        ],
        feePerTransaction: [{ chain: '*', max: '0.1' }],
        maxSlippagePercent: '2.0',
        findingsAllowed: [],
        privateFallbackBlocks: 0,
      },
      approvals: { ttlSeconds: 3600 },
      intentTtlSeconds: 300,
      rpcTimeoutMs: 10000,
      minNativeBalance: [],
      simulationRequired: true,
      http: {
        host: '127.0.0.1',
        port: 8402,
        allowedHosts: [],
        allowedOrigins: [],
        audience: 'bursar',
        limits: { perToken: 600, perAddress: 3000 },
      },
      logLevel: 'info',
      sandbox: { embedded: true },
      warnings: [],
    })
  })

  it('takes empty values for unset ones', () => {
    expect(load({ BASE_MAINNET_RPC_URL: '', LOG_LEVEL: ' ', EVM_ENABLED_CHAINS: '' })).toEqual(load({}))
  })
})

describe('endpoints (A3, B1)', () => {
  it('orders the providers of a chain: own, Alchemy, Infura, QuickNode, public', () => {
    const { chains, sandbox } = load({
      ETH_MAINNET_RPC_PUBLIC: 'https://ethereum.reth.rs/rpc',
      ETH_MAINNET_RPC_QUICKNODE: 'https://q.quiknode.pro/k/',
      ETH_MAINNET_RPC_INFURA: 'https://mainnet.infura.io/v3/k',
      ETH_MAINNET_RPC_ALCHEMY: ALCHEMY,
      ETH_MAINNET_RPC_URL: 'http://localhost:8545',
    })
    expect(chains).toHaveLength(1)
    expect(chains[0]?.chainId).toBe('eip155:1')
    expect(chains[0]?.endpoints.map(({ provider, priority, host }) => [provider, priority, host])).toEqual([
      ['own', 0, 'localhost:8545'],
      ['alchemy', 1, 'eth-mainnet.g.alchemy.com'],
      ['infura', 2, 'mainnet.infura.io'],
      ['quicknode', 3, 'q.quiknode.pro'],
      ['public', 4, 'ethereum.reth.rs'],
    ])
    expect(chains[0]?.endpoints[1]?.url.reveal()).toBe('https://eth-mainnet.g.alchemy.com/v2/key')
    expect(sandbox).toEqual({ embedded: false })
  })

  it('B1: several URLs of one provider are equals, and each must be right', () => {
    const { chains } = load({
      BASE_MAINNET_RPC_PUBLIC: 'https://one.example/a, https://two.example/b',
      BASE_MAINNET_WS_PUBLIC: 'wss://one.example',
    })
    expect(
      chains[0]?.endpoints.map(({ host, priority, rateLimit, socket }) => [
        host,
        priority,
        rateLimit,
        socket === undefined,
      ]),
    ).toEqual([
      ['one.example', 4, 5, false],
      ['two.example', 4, 5, true],
    ])
    expect(problemsOf(() => load({ BASE_MAINNET_RPC_PUBLIC: 'https://one.example,' }))).toEqual([
      'BASE_MAINNET_RPC_PUBLIC is not a URL; give one such as https://host/path',
    ])
  })

  it.each(allChains.map((chain) => [chain.env, chain.id]))('%s_RPC_URL configures %s', (env, id) => {
    expect(load({ [`${env}_RPC_URL`]: 'https://node.example' }).chains.map((chain) => chain.chainId)).toEqual(
      [id],
    )
  })

  it.each([
    ['node.example/v2/CANARY', 'BASE_MAINNET_RPC_URL is not a URL; give one such as https://host/path'],
    ['ftp://node.example/CANARY', 'BASE_MAINNET_RPC_URL must start with https:// or http://'],
    [
      'wss://node.example/CANARY',
      'BASE_MAINNET_RPC_URL is a WebSocket URL (node.example): it belongs into the variable with _WS_; give the http or https URL here',
    ],
    [
      'https://user:CANARY@node.example/',
      'BASE_MAINNET_RPC_URL carries a user name or password before the host node.example, which is not supported; use a key in the path',
    ],
  ])('refuses %s', (url, problem) => {
    expect(problemsOf(() => load({ BASE_MAINNET_RPC_URL: url }))).toEqual([problem])
  })

  it('warns of an endpoint far away without encryption, and not of a near one', () => {
    expect(load({ BASE_MAINNET_RPC_URL: 'http://node.example/CANARY' }).warnings).toEqual([
      'BASE_MAINNET_RPC_URL talks to node.example without encryption: others can read and change its answers',
    ])
    for (const near of [
      'localhost',
      '127.0.0.1:8545',
      '[::1]:8545',
      'anvil:8545',
      '192.168.1.4',
      '172.20.0.2',
    ]) {
      expect(load({ SANDBOX_A_RPC_URL: `http://${near}` }).warnings).toEqual([])
    }
  })
})

describe('sockets (B6)', () => {
  const base = { BASE_MAINNET_RPC_URL: 'https://node.example', BASE_MAINNET_RPC_ALCHEMY: ALCHEMY }

  it.each(allChains.map((chain) => [chain.env]))('%s_WS_* are the sockets of its providers', (env) => {
    const suffixes = ['URL', 'ALCHEMY', 'INFURA', 'QUICKNODE', 'PUBLIC']
    const given = suffixes.flatMap((suffix, index) => [
      [`${env}_RPC_${suffix}`, `https://http${index}.example`],
      [`${env}_WS_${suffix}`, `wss://ws${index}.example/key`],
    ])
    const { chains, warnings } = load(Object.fromEntries(given))
    expect(chains[0]?.endpoints.map(({ socket }) => socket?.reveal())).toEqual([
      'wss://ws0.example/key',
      'wss://ws1.example/key',
      'wss://ws2.example/key',
      'wss://ws3.example/key',
      'wss://ws4.example/key',
    ])
    expect(warnings.filter((warning) => !warning.startsWith('Sandbox '))).toEqual([])
  })

  it('belongs to the endpoint of the same provider, and to no other', () => {
    const [chain] = load({ ...base, BASE_MAINNET_WS_ALCHEMY: 'wss://ws.example' }).chains
    expect(chain?.endpoints.map(({ socket }) => socket?.reveal())).toEqual([undefined, 'wss://ws.example'])
  })

  it('reports every wrong one at once, without its path', () => {
    const wrong = {
      ...base,
      BASE_MAINNET_WS_URL: 'https://node.example/CANARY',
      BASE_MAINNET_WS_ALCHEMY: 'ws.example/CANARY',
      BASE_MAINNET_WS_INFURA: 'wss://ws.example/CANARY',
      BASE_MAINNET_RPC_PUBLIC: 'https://public.example',
      BASE_MAINNET_WS_PUBLIC: 'wss://user:CANARY@ws.example',
    }
    expect(problemsOf(() => load(wrong))).toEqual([
      'BASE_MAINNET_WS_URL is an HTTP URL (node.example): it belongs into the variable with _RPC_; give the ws or wss URL here',
      'BASE_MAINNET_WS_ALCHEMY is not a URL; give one such as wss://host/path',
      'BASE_MAINNET_WS_INFURA is set and BASE_MAINNET_RPC_INFURA is not: a socket only tells what to look for',
      'BASE_MAINNET_WS_PUBLIC carries a user name or password before the host ws.example, which is not supported; use a key in the path',
    ])
    const far = { ...base, BASE_MAINNET_WS_URL: 'gopher://node.example/CANARY' }
    expect(problemsOf(() => load(far))).toEqual(['BASE_MAINNET_WS_URL must start with wss:// or ws://'])
  })

  it('warns of one far away without encryption, and of one whose chain has no endpoint', () => {
    expect(load({ ...base, BASE_MAINNET_WS_URL: 'ws://node.example/CANARY' }).warnings).toEqual([
      'BASE_MAINNET_WS_URL talks to node.example without encryption: others can read and change its answers',
    ])
    expect(load({ ...base, POLYGON_MAINNET_WS_URL: 'wss://node.example' }).warnings).toEqual([
      'Polygon has settings but no endpoint, so they do nothing: set POLYGON_MAINNET_RPC_URL',
    ])
  })
})

describe('EVM_ENABLED_CHAINS', () => {
  const env = {
    BASE_MAINNET_RPC_URL: ALCHEMY,
    OPTIMISM_MAINNET_RPC_URL: ALCHEMY,
    SOL_DEVNET_RPC_URL: ALCHEMY,
  }

  it('leaves out the EVM chains that it does not name, and no Solana chain', () => {
    const { chains } = load({ ...env, EVM_ENABLED_CHAINS: 'Optimism, eip155:8453' })
    expect(chains.map((chain) => chain.chainId)).toEqual([
      'eip155:8453',
      'eip155:10',
      'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1',
    ])
    expect(load({ ...env, EVM_ENABLED_CHAINS: 'base' }).chains).toHaveLength(2)
  })

  it('refuses unknown chains, and known ones that have no endpoint', () => {
    expect(problemsOf(() => load({ ...env, EVM_ENABLED_CHAINS: 'base,polgyon,solana,arbitrum' }))).toEqual([
      'EVM_ENABLED_CHAINS, entry 2, is not a chain that Bursar knows; did you mean polygon?',
      'EVM_ENABLED_CHAINS, entry 3, is not a chain that Bursar knows; use one of ethereum, sepolia, base, ' +
        'base-sepolia, arbitrum, arbitrum-sepolia, optimism, op-sepolia, polygon, polygon-amoy, bnb, ' +
        'bsc-testnet, opbnb, opbnb-testnet, sandbox-a, sandbox-b',
      'EVM_ENABLED_CHAINS names Arbitrum One, which has no endpoint: set ARBITRUM_MAINNET_RPC_URL',
    ])
  })
})

describe('settings of a chain (A3)', () => {
  it('reads confirmations: the family floor, and the chain above it', () => {
    const { chains } = load({
      ETH_MAINNET_RPC_URL: ALCHEMY,
      ETH_SEPOLIA_RPC_URL: ALCHEMY,
      BASE_MAINNET_RPC_URL: ALCHEMY,
      SOL_MAINNET_RPC_URL: ALCHEMY,
      MIN_CONFIRMATIONS_ETH: '20',
      MIN_CONFIRMATIONS_SOLANA: '40',
      ETH_SEPOLIA_CONFIRMATIONS: '3',
    })
    expect(chains.map((chain) => [chain.chainId, chain.confirmations])).toEqual([
      ['eip155:1', 20],
      ['eip155:11155111', 3],
      ['eip155:8453', undefined],
      ['solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp', 40],
    ])
  })

  it('reads contract addresses under the names of the registry', () => {
    const { chains } = load({
      BASE_SEPOLIA_RPC_URL: ALCHEMY,
      BASE_SEPOLIA_CONTRACT_MULTICALL3: '0x00000000000000000000000000000000000000c3',
      BASE_SEPOLIA_CONTRACT_GAS_PRICE_ORACLE: '0x420000000000000000000000000000000000000F',
    })
    expect(chains[0]?.contracts).toEqual({
      multicall3: '0x00000000000000000000000000000000000000c3',
      gasPriceOracle: '0x420000000000000000000000000000000000000F',
    })
  })

  it('says when a setting does nothing or its name looks wrong', () => {
    const { warnings } = load({
      BASE_SEPOLIA_RPC_URL: ALCHEMY,
      BASE_SEPOLIA_CONTRACT_MULTICAL3: '0x00000000000000000000000000000000000000c3',
      POLYGON_MAINNET_CONFIRMATIONS: '9',
      SANDBOX_STATE_DIR: '/var/lib/bursar',
    })
    expect(warnings).toEqual([
      'Polygon has settings but no endpoint, so they do nothing: set POLYGON_MAINNET_RPC_URL',
      'SANDBOX_STATE_DIR does nothing: chains are configured, so no sandbox is started',
      'BASE_SEPOLIA_CONTRACT_MULTICAL3 adds a contract "multical3"; did you mean "multicall3"?',
    ])
  })
})

describe('folders', () => {
  it('takes ~/ for the home folder', () => {
    expect(load({ BURSAR_HOME: '~/treasury', SANDBOX_STATE_DIR: '/var/lib//bursar' })).toMatchObject({
      home: `${homedir()}/treasury`,
      sandbox: { embedded: true, stateDir: '/var/lib/bursar' },
    })
  })
})

describe('SIMULATION_REQUIRED (R1)', () => {
  const CHANGES_NOTHING =
    'SIMULATION_REQUIRED=false changes nothing: what was not simulated is not signed, on test networks either'

  it.each([
    ['test networks', { BASE_SEPOLIA_RPC_URL: ALCHEMY }],
    ['the sandbox', {}],
  ])('R1: may be off on %s, where a warning says that it changes nothing', (_where, env) => {
    const off = load({ ...env, SIMULATION_REQUIRED: 'false' })
    expect([off.simulationRequired, off.warnings]).toEqual([false, [CHANGES_NOTHING]])
    const on = load({ ...env, SIMULATION_REQUIRED: 'true' })
    expect([on.simulationRequired, on.warnings]).toEqual([true, []])
  })

  it('R1: may not be off when one main network is configured', () => {
    const env = { BASE_SEPOLIA_RPC_URL: ALCHEMY, BASE_MAINNET_RPC_URL: ALCHEMY, SIMULATION_REQUIRED: 'False' }
    expect(problemsOf(() => load(env))).toEqual([
      'SIMULATION_REQUIRED may be false on test networks only, and Base would be used',
    ])
  })
})

describe('all problems at once (A3)', () => {
  it('lists every problem of a configuration that is wrong throughout', () => {
    const problems = problemsOf(() =>
      load({
        BASE_MAINNET_RPC_URL: 'wss://node.example',
        BASE_MAINNET_CONFIRMATIONS: '0',
        BASE_MAINNET_CONTRACT_MULTICALL3: '0x12',
        BASE_MAINNET_CONTRACT__X: '0x00000000000000000000000000000000000000c3',
        BURSAR_HOME: 'relative/path',
        SANDBOX_STATE_DIR: './state',
        WALLET_MAIN_PRIVATE_KEY: 'abc',
        WALLET_DEV_PRIVATE_KEY: '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
        MAX_GAS_PRICE_GWEI: '1e3',
        MAX_PER_TRANSACTION: 'base/USDC',
        MAX_FEE_PER_TRANSACTION: 'base/native=1',
        MAX_SLIPPAGE_PERCENT: '51',
        INTENT_TTL_SECONDS: '5',
        RPC_TIMEOUT_MS: '1.5',
        SIMULATION_REQUIRED: 'no',
        LOG_LEVEL: 'loud',
        BURSAR_HOEM: '/x',
      }),
    )
    expect(problems).toEqual([
      'SANDBOX_STATE_DIR must be an absolute path, or one that starts with ~/',
      'BURSAR_HOME must be an absolute path, or one that starts with ~/',
      'BASE_MAINNET_RPC_URL is a WebSocket URL (node.example): it belongs into the variable with _WS_; give the http or https URL here',
      'BASE_MAINNET_CONTRACT_MULTICALL3 must be a contract address on Base',
      'BASE_MAINNET_CONTRACT__X must name its contract in capital letters, digits and single underscores',
      'BASE_MAINNET_CONFIRMATIONS must be a whole number from 1 to 100000',
      'WALLET_DEV_PRIVATE_KEY is a development key: this key is public, everybody can spend from it, and Base would be used with it',
      'WALLET_MAIN_PRIVATE_KEY must be a private key: 64 hex digits, with or without 0x',
      'MAX_GAS_PRICE_GWEI must be a decimal number above 0 with at most 9 decimals, such as 500',
      'MAX_PER_TRANSACTION, entry 1, must look like base/USDC=500 or */native=10',
      'MAX_FEE_PER_TRANSACTION, entry 1, must look like base=0.01 or *=0.1',
      'MAX_SLIPPAGE_PERCENT must be a decimal number from 0 to 50 with at most 2 decimals',
      'INTENT_TTL_SECONDS must be a whole number from 10 to 86400',
      'RPC_TIMEOUT_MS must be a whole number from 100 to 120000',
      'SIMULATION_REQUIRED must be one of true, false',
      'LOG_LEVEL must be one of debug, info, warn, error, silent',
      'BURSAR_HOEM is not a variable that Bursar reads; did you mean BURSAR_HOME?',
    ])
  })
})
