import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../sandbox/support/processes.ts'
import { type Bursar, environmentOf, startBursar, temporaryHome } from '../support/bursarServer.ts'
import { AGENT, MERCHANT, readRows, startWorld, type World } from '../support/engine.ts'
import type { FaultAction } from '../support/rpcProxy.ts'

// kill -9 at the moments that matter, and answers that get lost. A fresh world each time: every balance and every
// transaction on it is the test's own.

let world: World
let home: string
let remove: () => void

beforeEach(async () => {
  world = await startWorld()
  const temporary = temporaryHome()
  home = temporary.home
  remove = () => temporary.remove()
})
afterEach(async () => {
  await world.stop()
  remove()
})

const TEN_THOUSAND = 10_000_000000000000000000n

const start = () => startBursar({ env: environmentOf(world, home, { RPC_TIMEOUT_MS: '2000' }) })

const prepare = (bursar: Bursar) =>
  bursar.answer('simulate_transaction', {
    chain: 'sandbox-a',
    wallet: 'agent',
    to: 'merchant',
    amount: '4',
    idempotencyKey: 'salary-november',
  })

/** What the proxy does with requests that hold this method. */
function fault(method: string, action: FaultAction): void {
  world.a.proxy.setFault((calls) => (calls.some((call) => call.method === method) ? action : undefined))
}

/** Raw bytes of every broadcast that reached the proxy. */
const sends = () =>
  world.a.proxy.calls
    .filter(({ method }) => method === 'eth_sendRawTransaction')
    .map(({ params }) => String(params[0]))

/** Every transaction of the agent that is in a block or in the pool. */
const transactionsOfAgent = async () => Number(await world.a.ask('eth_getTransactionCount', AGENT, 'pending'))

/** Mines until the payment is final, and then proves from the chain that it was made exactly once. */
async function requirePaidOnce(bursar: Bursar): Promise<void> {
  await eventually('the bytes are in the pool', async () => (await transactionsOfAgent()) === 1, 15_000)
  await world.a.mine(2)
  const asked = { operation: 'salary-november', waitSeconds: 20, until: 'final' }
  const operation = await bursar.answer('get_operation', asked)
  expect(operation).toMatchObject({
    state: 'committed',
    sideEffect: 'done',
    steps: [{ state: 'final', nonce: '0' }],
  })
  expect(operation.steps[0]?.attempts).toHaveLength(1)
  expect(await transactionsOfAgent()).toBe(1)
  expect(await world.a.balance(MERCHANT)).toBe(TEN_THOUSAND + 4_000000000000000000n)
  const fee = BigInt(operation.steps[0]?.feePaid?.raw ?? '0')
  expect(await world.a.balance(AGENT)).toBe(TEN_THOUSAND - 4_000000000000000000n - fee)
}

describe('kill -9', () => {
  test.each([
    ['before a node has seen the bytes', { kind: 'hang' }, 0],
    ['after a node took the bytes, its answer lost', { kind: 'forward-then-drop' }, 1],
  ] as const)(
    'between journal and broadcast, %s: paid exactly once (R2, F1)',
    async (_when, action, onChain) => {
      const first = await start()
      const { intentId } = await prepare(first)
      fault('eth_sendRawTransaction', action)
      const lost = first.connection
        .callTool('send_transaction', { intentId })
        .catch((error: unknown) => error)
      await eventually('the broadcast has begun', () => sends().length > 0)
      await eventually('the pool is as expected', async () => (await transactionsOfAgent()) === onChain)
      await first.kill()
      expect(await lost).toBeInstanceOf(Error)

      const recorded = readRows(join(home, 'journal.db'), 'select raw, live from attempts')
      expect(recorded).toEqual([{ raw: sends()[0], live: 1 }])
      expect(await world.a.balance(MERCHANT)).toBe(TEN_THOUSAND)

      world.a.proxy.setFault(undefined)
      const second = await start()
      await requirePaidOnce(second)
      expect(new Set(sends())).toEqual(new Set([recorded[0]?.['raw']]))
      expect(await second.answer('send_transaction', { intentId })).toMatchObject({ state: 'committed' })
      expect(await transactionsOfAgent()).toBe(1)
      await second.close()
    },
  )

  test('before anything is in the journal: nothing happened, and the intent can be sent again (R1, R2)', async () => {
    const first = await start()
    const { intentId } = await prepare(first)
    const simulated = world.a.proxy.count('eth_simulateV1')
    fault('eth_simulateV1', { kind: 'hang' })
    const lost = first.connection.callTool('send_transaction', { intentId }).catch((error: unknown) => error)
    await eventually('the simulation has begun', () => world.a.proxy.count('eth_simulateV1') > simulated)
    await first.kill()
    expect(await lost).toBeInstanceOf(Error)

    world.a.proxy.setFault(undefined)
    const second = await start()
    expect(await second.answer('list_operations')).toEqual({ operations: [] })
    expect(readRows(join(home, 'journal.db'), 'select * from attempts')).toEqual([])
    expect(sends()).toEqual([])
    expect(await prepare(second)).toMatchObject({ intentId, status: 'ready' })
    expect(await second.answer('send_transaction', { intentId })).toMatchObject({ state: 'running' })
    await requirePaidOnce(second)
    expect(sends()).toHaveLength(1)
    await second.close()
  })
})

describe('an answer that is lost (F2, R14)', () => {
  test('after the node took the bytes: unknown at first, then committed, paid once', async () => {
    const bursar = await start()
    const { intentId } = await prepare(bursar)
    fault('eth_sendRawTransaction', { kind: 'forward-then-drop' })
    const sent = await bursar.answer('send_transaction', { intentId })
    expect(sent).toMatchObject({ state: 'running', sideEffect: 'possible' })
    expect(['unknown', 'sent']).toContain(sent.steps[0]?.state)
    expect(sent.next).toMatch(/[Dd]o not (pay again|send it again)/)
    await requirePaidOnce(bursar)
    expect(new Set(sends()).size).toBe(1)
    await bursar.close()
  })

  test('and no node took the bytes: unknown, the same bytes are sent again, paid once', async () => {
    const bursar = await start()
    const { intentId } = await prepare(bursar)
    fault('eth_sendRawTransaction', { kind: 'reset' })
    const sent = await bursar.answer('send_transaction', { intentId })
    expect(sent).toMatchObject({
      state: 'running',
      sideEffect: 'possible',
      steps: [{ state: 'unknown', nonce: '0' }],
      next: 'Not known yet whether the network has it. Do not pay again: Bursar keeps resolving it. Call get_operation again.',
    })
    expect(await transactionsOfAgent()).toBe(0)
    world.a.proxy.setFault(undefined)
    await requirePaidOnce(bursar)
    expect(sends().length).toBeGreaterThan(1)
    expect(new Set(sends()).size).toBe(1)
    await bursar.close()
  })

  test('while the chain is gone altogether: it stays unknown and is never called failed', async () => {
    const bursar = await start()
    const { intentId } = await prepare(bursar)
    world.a.proxy.setFault((calls) => (calls.some(isSimulation) ? undefined : { kind: 'reset' }))
    expect(await bursar.answer('send_transaction', { intentId })).toMatchObject({
      state: 'running',
      sideEffect: 'possible',
      steps: [{ state: 'unknown' }],
    })
    const seen = world.a.proxy.roundTrips
    await eventually('it looks again and again', () => world.a.proxy.roundTrips > seen + 3)
    expect(await bursar.answer('get_operation', { operation: intentId })).toMatchObject({
      state: 'running',
      steps: [{ state: 'unknown' }],
    })
    world.a.proxy.setFault(undefined)
    await requirePaidOnce(bursar)
    await bursar.close()
  })
})

const isSimulation = ({ method }: { readonly method: string }) => method === 'eth_simulateV1'
