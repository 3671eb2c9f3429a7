import { expect, it } from 'vitest'
import { BalanceSheets } from '../../src/balances/balanceSheets.ts'
import { allChains } from '../../src/chains/allChains.ts'
import { createRegistry } from '../../src/chains/registry.ts'
import { BursarError } from '../../src/errors/bursarError.ts'
import { listChains } from '../../src/observability/chainList.ts'
import { reportStatus, type StatusSources } from '../../src/observability/statusReport.ts'
import { silentMetrics } from '../../src/primitives/metrics.ts'
import { lruNodeCache } from '../../src/rpc/cache/lruNodeCache.ts'
import { OpenChains } from '../../src/runtime/chainDirectory.ts'
import { WalletBook } from '../../src/wallets/walletBook.ts'
import { caller } from '../support/engine.ts'
import { testClock } from '../support/testClock.ts'

// A sandbox that cannot start: what a new user sees who has no write access to SANDBOX_STATE_DIR.
const registry = createRegistry(allChains, [])
const sandboxes = registry.all().filter(({ network }) => network === 'sandbox')
const chains = new OpenChains(
  registry,
  sandboxes,
  () => Promise.reject(new BursarError('sandbox_unavailable', { reason: 'the state folder is read-only' })),
  { timeoutMs: 1_000, cache: lruNodeCache(10), metrics: silentMetrics },
)
const wallets = new WalletBook([], testClock())
const problem = expect.stringMatching(
  /^The sandbox is not usable: the state folder is read-only\. Correct that/,
)

const access = async (chain: string) => (await chains.open(chain)).access

it('R10: list_chains names the chains and what is wrong with them', async () => {
  const { chains: listed, notConfigured } = await listChains(chains, access, caller())
  expect(listed).toMatchObject([
    { chain: { id: 'eip155:31337' }, problem },
    { chain: { id: 'eip155:31338' }, problem },
  ])
  expect(notConfigured).toContain('eip155:8453 (base)')
})

const statusOf = (probe: StatusSources['probe']) =>
  ({
    version: '0.0.0',
    sandbox: true,
    directory: chains,
    operations: {
      countByState: async () => ({ running: 1, committed: 2, failed: 3, stuck: 0, compensated: 0 }),
    },
    foreignUses: async () => [],
    halts: async () => [],
    gasUses: async function* () {},
    probe,
    access,
    lockJournal: async () => undefined,
    cache: () => ({ size: 0, hits: 0, misses: 0, evictions: 0 }),
    alerts: () => [],
    warnings: () => [],
    clock: testClock(),
    startedAt: 0,
  }) as unknown as StatusSources

it('R10: get_status tells everything else', async () => {
  const sources = statusOf(async (chain) => {
    await chains.open(chain)
    throw new Error('unreachable')
  })
  expect(await reportStatus(sources, caller())).toMatchObject({
    chains: [
      { chain: { id: 'eip155:31337' }, endpoints: [], problem },
      { chain: { id: 'eip155:31338' }, endpoints: [], problem },
    ],
    operations: { committed: 2 },
    journal: { writable: true },
  })
})

it('R10: get_status does not pass a defect of ours off as a chain that is down', async () => {
  const sources = statusOf(() => Promise.reject(new TypeError('a defect')))
  await expect(reportStatus(sources, caller())).rejects.toThrow(new TypeError('a defect'))
})

it('get_wallets needs no chain that answers', async () => {
  const { wallets: listed } = await wallets.list(undefined, chains, [])
  expect(listed.map(({ name }) => name)).toEqual(['treasury', 'agent', 'merchant', 'payroll', 'vault'])
})

it('get_balances reports chains that cannot be read one by one', async () => {
  const { failed } = await new BalanceSheets(chains, wallets).read({}, caller())
  expect(failed).toMatchObject([
    { chain: { id: 'eip155:31337' }, code: 'sandbox_unavailable' },
    { chain: { id: 'eip155:31338' }, code: 'sandbox_unavailable' },
  ])
})

it('R12: the head that get_status tells is not that of an endpoint that is stuck', async () => {
  const head = (number: string) => ({ number, hash: '0x1', timestamp: 1 })
  const sources = {
    ...statusOf(async () => [
      { host: 'stuck', reachable: true, errorRate: 0, state: 'lagging', head: head('100') },
      { host: 'works', reachable: true, errorRate: 0, state: 'healthy', head: head('4096') },
    ]),
    access: async () => ({ report: () => [], live: { following: () => 'idle', report: () => undefined } }),
  } as unknown as StatusSources
  const { chains: told } = await reportStatus(sources, caller())
  expect(told[0]?.head?.number).toBe('4096')
})
