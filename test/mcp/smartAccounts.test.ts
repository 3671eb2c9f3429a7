import { afterAll, beforeAll, expect, test } from 'vitest'
import { BUNDLER, type BundlerServer, startBundler } from '../support/bundlerServer.ts'
import {
  BURSAR,
  type Bursar,
  environmentOf,
  run,
  startBursar,
  temporaryHome,
} from '../support/bursarServer.ts'
import { startWorld, type World } from '../support/engine.ts'
import { TREASURY, VAULT } from '../support/vault.ts'

// The built server, with a bundler on one of its two chains. Blocks come only when a test mines them.

const NEW = '0x0000000000000000000000000000000077777023'

let world: World
let bundler: BundlerServer
let bursar: Bursar
let key = 0
const { home, remove } = temporaryHome()

beforeAll(async () => {
  world = await startWorld()
  bundler = await startBundler(world.b)
  const env = { ...environmentOf(world, home), BUNDLER_URL: `sandbox-b=${bundler.url}` }
  bursar = await startBursar({ env })
})
afterAll(async () => {
  await bursar.close()
  await bundler.close()
  await world.stop()
  remove()
})

async function pay(chain: 'sandbox-a' | 'sandbox-b', request: object) {
  const lane = chain === 'sandbox-a' ? world.a : world.b
  const prepared = { chain, idempotencyKey: `vault-${key++}`, ...request }
  const { intentId } = await bursar.answer('simulate_transaction', prepared)
  const { operationId } = await bursar.answer('send_transaction', { intentId })
  await lane.mine(2)
  return bursar.answer('get_operation', { operation: operationId, waitSeconds: 30, until: 'final' })
}

const stateOn = async (chain: string) => {
  const { wallets } = await bursar.answer('get_wallets', { chain })
  return wallets.find(({ name }) => name === 'vault')
}

test.each([
  ['sandbox-a', 'eip155:31337', TREASURY],
  ['sandbox-b', 'eip155:31338', BUNDLER],
] as const)(
  'F1: the vault of %s is funded, deployed by its first payment, and pays again',
  async (chain, id, by) => {
    const lane = chain === 'sandbox-a' ? world.a : world.b
    expect(await stateOn(chain)).toMatchObject({
      ...{ address: VAULT, kind: 'smart-account', owner: 'treasury' },
      accounts: [{ chain: id, deployed: false, deposit: { raw: '0' } }],
    })
    expect(await pay(chain, { wallet: 'treasury', to: 'vault', amount: '3' })).toMatchObject({
      state: 'committed',
    })
    for (const amount of ['0.5', '0.25']) {
      const done = await pay(chain, { wallet: 'vault', to: NEW, amount })
      expect(done).toMatchObject({ state: 'committed', steps: [{ wallet: { name: 'vault' } }] })
      const receipt = await lane.ask('eth_getTransactionReceipt', done.steps[0]?.attempts[0]?.hash)
      expect(receipt).toMatchObject({ from: by.toLowerCase(), status: '0x1' })
    }
    expect(await lane.balance(NEW)).toBe(750_000_000_000_000_000n)
    const after = await stateOn(chain)
    expect(after?.accounts).toMatchObject([{ deployed: true }])
    expect(BigInt(after?.accounts?.[0]?.deposit.raw ?? 0)).toBeGreaterThan(0n)
    bursar.requireCleanStdout()
    expect(bursar.stderr()).not.toContain('secret-key')
  },
  60_000,
)

test.each(['sandbox-a', 'sandbox-b'] as const)(
  'C3: what the vault of %s pays is cancelled and sped up by the tools of every payment',
  async (chain) => {
    const lane = chain === 'sandbox-a' ? world.a : world.b
    const before = await lane.balance(NEW)
    for (const [kind, state, amount] of [
      ['cancel', 'failed', '0.5'],
      ['speed_up', 'committed', '0.125'],
    ] as const) {
      const prepared = { chain, wallet: 'vault', to: NEW, amount, idempotencyKey: `${chain}-${kind}` }
      const { intentId } = await bursar.answer('simulate_transaction', prepared)
      const { operationId } = await bursar.answer('send_transaction', { intentId })
      const replacing = { operation: operationId, kind, idempotencyKey: `${chain}-${kind}-it` }
      const other = await bursar.answer('replace_transaction', replacing)
      const sent = await bursar.answer('send_transaction', { intentId: other.intentId })
      // R14: neither is in a transaction that has a hash.
      for (const attempt of sent.steps[0]?.attempts ?? []) {
        expect(attempt.userOperationHash).toMatch(/^0x/)
        expect(attempt).not.toHaveProperty('hash')
      }
      await lane.mine(2)
      const ended = { operation: operationId, waitSeconds: 30, until: 'final' }
      const done = await bursar.answer('get_operation', ended)
      expect(done).toMatchObject({
        state,
        steps: [
          {
            attempts: [
              { kind: 'original', state: 'superseded' },
              { kind, state: 'included', hash: expect.any(String) },
            ],
          },
        ],
      })
    }
    expect((await lane.balance(NEW)) - before).toBe(125_000_000_000_000_000n)
  },
  90_000,
)
test('F5: with a bundler as well, nothing is paid from the vault while signing is halted for the wallet that owns it', async () => {
  expect(await pay('sandbox-b', { wallet: 'treasury', to: 'vault', amount: '3' })).toMatchObject({
    state: 'committed',
  })
  const payment = { chain: 'sandbox-b', wallet: 'vault', to: NEW, amount: '0.125', idempotencyKey: 'halted' }
  const { intentId } = await bursar.answer('simulate_transaction', payment)
  const [paid, asked] = [await world.b.balance(NEW), bundler.calls.length]
  const operator = (...args: string[]) =>
    run(process.execPath, [BURSAR, ...args], { env: environmentOf(world, home) })
  expect((await operator('halt', '--wallet', TREASURY, '--reason', 'its key leaked')).code).toBe(0)
  expect(await bursar.refusal('send_transaction', { intentId })).toMatchObject({
    code: 'halted',
    sideEffect: 'none',
  })
  await world.b.mine(2)
  expect(await world.b.balance(NEW)).toBe(paid)
  expect(bundler.calls.slice(asked)).not.toContain('eth_sendUserOperation')
  expect((await operator('resume', '--all')).code).toBe(0)
  await bursar.answer('send_transaction', { intentId })
  await world.b.mine(2)
  await expect.poll(() => world.b.balance(NEW)).toBe(paid + 125_000_000_000_000_000n)
}, 60_000)
