import type { Services } from '../../src/mcp/services.ts'
import type { OperationView } from '../../src/transactions/views/views.ts'

// One full answer of each service, with every optional member present, so that schemas are used to the end.

const chain = { id: 'eip155:31337', name: 'Sandbox A', native: 'ETH', sandbox: true } as const
const block = { number: '12', hash: `0x${'ab'.repeat(32)}`, timestamp: 1_800_000_000 }
const native = { asset: 'eip155:31337/slip44:60', symbol: 'ETH', raw: '1500000000000000000', display: '1.5' }
const stranger = {
  asset: 'eip155:31337/erc20:0x00000000000000000000000000000000000000aa',
  claims: { untrusted: 'FREE' },
  raw: '7',
  display: '7',
}
const wallet = { name: 'alice', address: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8' }
const tier = { maxFeePerGasGwei: '3', maxPriorityFeePerGasGwei: '1', expected: native, ceiling: native }

const operation: OperationView = {
  operationId: 'op_1',
  intentId: 'int_1',
  idempotencyKey: 'rent-11',
  state: 'committed',
  sideEffect: 'done',
  steps: [
    {
      chain,
      wallet,
      to: wallet.address,
      amount: native,
      calls: 3,
      state: 'final',
      nonce: '3',
      attempts: [
        { hash: '0x01', kind: 'original', state: 'included', explorerUrl: 'https://x.example/0x01' },
      ],
      confirmations: 12,
      requiredConfirmations: 12,
      includedIn: { number: block.number, hash: block.hash },
      gasUsed: '21000',
      feePaid: native,
      note: 'final',
    },
  ],
  createdAt: '2026-11-21T00:00:00.000Z',
  updatedAt: '2026-11-21T00:00:10.000Z',
  next: 'Nothing: the payment is final.',
}

export const answering: Services = {
  chains: {
    list: async () => ({
      chains: [
        {
          chain,
          aliases: ['sandbox-a'],
          network: 'sandbox',
          confirmations: 3,
          tokens: [{ symbol: 'USDC', address: wallet.address, decimals: 6 }],
          head: block,
          endpoints: { healthy: 1, of: 2 },
          live: 'socket' as const,
          problem: 'slow',
        },
      ],
      notConfigured: ['eip155:1 (ethereum)'],
    }),
  },
  wallets: {
    list: async () => ({
      wallets: [
        { ...wallet, kind: 'eoa', chains: [chain.id] },
        {
          ...{ ...wallet, name: 'vault', kind: 'smart-account', owner: wallet.name, chains: [chain.id] },
          accounts: [{ chain: chain.id, deployed: false, deposit: native }],
        },
      ],
      limits: ['1 ETH'],
    }),
  },
  balances: {
    read: async () => ({
      chains: [
        {
          chain,
          at: block,
          accounts: [
            {
              account: wallet.address,
              wallet: wallet.name,
              balances: [native, stranger],
              missing: ['0xdead'],
            },
          ],
        },
      ],
      failed: [{ chain, code: 'provider_unreachable', message: 'no answer', fix: 'Call again.' }],
    }),
  },
  gas: {
    quote: async () => ({
      chain,
      at: block,
      baseFeeGwei: '1',
      nextBaseFeeGwei: '1.1',
      source: 'exact',
      forecast: { likelyGwei: ['1', '1', '1', '1', '1'], lowGwei: '0.9', highGwei: '1.1' },
      confidence: 'high',
      waiting: { verdict: 'unclear', maxFeeGwei: '0.9' },
      dataFee: native,
      congestion: 'low',
      trend: 'flat',
      gasLimit: '21000',
      tiers: { slow: tier, standard: tier, fast: tier },
      cap: { maxGasPriceGwei: '500', verdict: 'below-cap' },
    }),
  },
  intents: {
    prepare: async (request) => ({
      intentId: 'int_1',
      status: 'ready',
      chain,
      wallet,
      to: wallet.address,
      amount: native,
      function: 'transfer(address,uint256)',
      batch: { calls: 3, saved: { gas: '-7', amount: native } },
      route: 'public',
      gasLimit: '21000',
      gasLimitBasis: { source: 'estimate', confidence: 'high' },
      fees: { expected: native, ceiling: native, maxFeePerGasGwei: '3', maxPriorityFeePerGasGwei: '1' },
      simulation: {
        backend: 'local',
        block,
        gasUsed: '21000',
        effects: [{ kind: 'transfer', from: wallet.address, to: wallet.address, amount: native }],
      },
      verdict: { decision: 'needs_approval', rules: ['per-transaction-cap'] },
      approval: { state: 'pending', why: ['5 ETH'], command: 'bursar approvals approve int_1', reason: 'no' },
      idempotencyKey: request.idempotencyKey,
      digest: '0x02',
      expiresAt: '2026-11-21T00:05:00.000Z',
      operationId: 'op_1',
      next: 'Call send_transaction with this intentId.',
    }),
  },
  replacements: {
    prepare: async (request) => ({
      intentId: 'int_2',
      status: 'ready',
      replaces: { operationId: request.operation, kind: request.kind, nonce: '7' },
      to: wallet.address,
      amount: native,
      fees: { expected: native, ceiling: native, maxFeePerGasGwei: '3', maxPriorityFeePerGasGwei: '1' },
      expiresAt: '2026-11-21T00:05:00.000Z',
      next: 'Call send_transaction with this intentId.',
    }),
  },
  operations: {
    execute: async () => operation,
    get: async () => operation,
    list: async () => ({
      operations: [
        {
          operationId: 'op_1',
          idempotencyKey: 'rent-11',
          state: 'committed',
          chain,
          wallet,
          to: wallet.address,
          amount: native,
          calls: 3,
          hash: '0x01',
          createdAt: operation.createdAt,
        },
      ],
      nextCursor: 'c2',
    }),
  },
  status: {
    read: async () => ({
      version: '0.1.0',
      uptimeSeconds: 5,
      sandbox: true,
      chains: [
        {
          chain,
          endpoints: [
            {
              host: '127.0.0.1:1',
              reachable: false,
              latencyMs: 3,
              state: 'lagging',
              errorRate: 0.5,
              lag: 4,
              problem: 'refused',
            },
          ],
          head: block,
          live: 'polling' as const,
          socket: { host: '127.0.0.1:2', connected: false, uptime: 0.5, problem: 'lost' },
          foreignUse: [{ wallet: 'agent', times: 1, lastNonce: '7', lastAt: '2026-01-01T00:00:00.000Z' }],
          fees30d: {
            ...{ transactions: 9, succeeded: 8, paid: native, saved: native },
            ...{ best: ['USDC transfer: 1 ETH'], advice: ['Use urgency slow.'] },
          },
        },
      ],
      operations: { running: 0, committed: 1, failed: 0, stuck: 0, compensated: 0 },
      journal: { writable: true, problem: 'none' },
      cache: { size: 1, hits: 2, misses: 3, evictions: 0 },
      warnings: ['sandbox'],
    }),
  },
}

/** Arguments that each tool accepts. */
export const goodArguments: Readonly<Record<string, Record<string, unknown>>> = {
  list_chains: {},
  get_wallets: { chain: 'sandbox-a' },
  get_balances: { chains: ['sandbox-a'], accounts: ['alice'], assets: ['native', 'USDC'] },
  quote_gas: { chain: 'sandbox-a', gasLimit: '50000' },
  simulate_transaction: {
    chain: 'sandbox-a',
    wallet: 'alice',
    to: wallet.address,
    amount: '1.5',
    urgency: 'fast',
    idempotencyKey: 'rent-11',
  },
  send_transaction: { intentId: 'int_1' },
  get_operation: { operation: 'op_1', waitSeconds: 45, until: 'final' },
  list_operations: { state: 'committed', limit: 100, cursor: 'c1' },
  get_status: {},
}
