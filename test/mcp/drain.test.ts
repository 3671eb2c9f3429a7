import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../sandbox/support/processes.ts'
import { type Bursar, environmentOf, startBursar, temporaryHome } from '../support/bursarServer.ts'
import { AGENT, readRows, startWorld, type World } from '../support/engine.ts'
import type { FaultAction, ProxyCall } from '../support/rpcProxy.ts'
import { isSend } from './support/chainSide.ts'

// SIGTERM while many payments are under way, some of them in the hands of an endpoint that is slow or hangs.

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

const start = () => startBursar({ env: environmentOf(world, home) })

interface Payment {
  readonly key: string
  readonly to: string
  readonly intentId: string
}

const PAYMENTS = 24
const recipient = (n: number) => `0x${createHash('sha256').update(`drain ${n}`).digest('hex').slice(0, 40)}`

/** Each of 0.25 to an address that nobody else pays. */
async function prepareAll(bursar: Bursar): Promise<readonly Payment[]> {
  const prepared: Payment[] = []
  for (let n = 0; n < PAYMENTS; n++) {
    const payment = { key: `drain-${n}`, to: recipient(n) }
    const { intentId } = await bursar.answer('simulate_transaction', {
      ...{ chain: 'sandbox-a', wallet: 'agent', amount: '0.25', to: payment.to },
      idempotencyKey: payment.key,
    })
    prepared.push({ ...payment, intentId })
  }
  return prepared
}

/** Whether a request is about a payment: its simulation, or its signed bytes. */
const isAbout = (calls: readonly ProxyCall[], { to }: Payment) =>
  JSON.stringify(calls).toLowerCase().includes(to.slice(2))

/** An operation, a refusal and what it says of side effects, or nothing when the server has gone first. */
type Answer = { readonly operationId: string } | { readonly sideEffect: string } | undefined

/** Sends all of them at once. */
const sendAll = (bursar: Bursar, payments: readonly Payment[]): Promise<Answer>[] =>
  payments.map(async ({ intentId }) => {
    const gone = () => undefined
    const answer = await bursar.connection.callTool('send_transaction', { intentId }).catch(gone)
    if (!answer) return undefined
    const told = JSON.parse(answer.content[0]?.text ?? '') as Answer & {
      readonly error: { sideEffect: string }
    }
    return answer.isError ? told.error : told
  })

/** Ends it as a supervisor does; fails unless it ends by itself, with code 0, within 10 s. */
async function terminate(bursar: Bursar): Promise<void> {
  const told = performance.now()
  bursar.connection.process.kill('SIGTERM')
  expect(await bursar.ended).toBe(0)
  expect(performance.now() - told).toBeLessThan(10_000)
  bursar.requireCleanStdout()
}

const rows = (sql: string) => readRows(join(home, 'journal.db'), sql)
const running = () => rows("select id from operations where state not in ('committed', 'failed')").length

/** Blocks come until nothing is under way any more. */
const finishAll = () =>
  eventually(
    'everything that had begun has ended',
    async () => {
      await world.a.mine()
      return running() === 0
    },
    40_000,
  )

/** What a server says of each payment; `none` when it was never begun. */
const statesOf = (bursar: Bursar, payments: readonly Payment[]) =>
  Promise.all(
    payments.map(async ({ key }) => {
      const begun = rows(`select id from operations where idempotency_key = '${key}'`).length > 0
      if (begun) return (await bursar.answer('get_operation', { operation: key })).state
      const refusal = await bursar.refusal('get_operation', { operation: key })
      expect(refusal).toMatchObject({ code: 'operation_unknown', sideEffect: 'none' })
      return 'none'
    }),
  )

const balances = (payments: readonly Payment[]) => Promise.all(payments.map(({ to }) => world.a.balance(to)))
const PAID = 250_000_000_000_000_000n

/** Every payment is on the chain once where the journal says so, and not at all where it does not. */
async function requireTruth(
  bursar: Bursar,
  payments: readonly Payment[],
  answers: readonly Answer[],
): Promise<readonly string[]> {
  const states = await statesOf(bursar, payments)
  expect(await balances(payments)).toEqual(states.map((state) => (state === 'committed' ? PAID : 0n)))
  // What was answered had begun, under the id that was told; of what was refused nothing is there.
  for (const [n, answer] of answers.entries()) {
    if (answer === undefined) continue
    if ('sideEffect' in answer && !('operationId' in answer)) {
      expect([answer.sideEffect, states[n]]).toEqual(['none', 'none'])
      continue
    }
    const known = { operationId: answer.operationId, state: 'committed' }
    expect(await bursar.answer('get_operation', { operation: payments[n]?.key ?? '' })).toMatchObject(known)
  }
  return states
}

/** Sent once more, each is paid exactly once whatever had become of it. */
async function requireAllPaidOnce(bursar: Bursar, payments: readonly Payment[]): Promise<void> {
  await Promise.all(payments.map(({ intentId }) => bursar.answer('send_transaction', { intentId })))
  await finishAll()
  expect(await balances(payments)).toEqual(payments.map(() => PAID))
  expect(Number(await world.a.ask('eth_getTransactionCount', AGENT, 'latest'))).toBe(24)
  expect(Number(await world.a.ask('eth_getTransactionCount', AGENT, 'pending'))).toBe(24)
  expect(rows("select * from reservations where state = 'held'")).toEqual([])
}

test('F25: SIGTERM while 24 payments are under way, slow, held or not yet simulated: it ends within 10 s, the next server ends what had begun, and each is made once or not begun (R2, R14)', async () => {
  const first = await start()
  const payments = await prepareAll(first)
  let release: (value?: unknown) => void = () => undefined
  const held = new Promise((resolve) => {
    release = resolve
  })
  const group = (number: number) => payments.filter((_, n) => n % 4 === number)
  const [slow, taken, unsimulated] = [group(1), group(2), group(3)]
  const seen = new Set<string>()
  world.a.proxy.setFault((calls): FaultAction | undefined => {
    const about = (group: readonly Payment[]) => group.find((payment) => isAbout(calls, payment))
    const note = (payment: Payment | undefined) => payment && seen.add(payment.key)
    if (isSend(calls)) {
      if (note(about(slow))) return { kind: 'delay', ms: 1_500 }
      // A node takes the bytes, and its answer does not come while the server lives.
      return note(about(taken)) && { kind: 'hold', until: held }
    }
    const simulates = calls.some(({ method }) => method === 'eth_simulateV1')
    return simulates && note(about(unsimulated)) ? { kind: 'hang' } : undefined
  })
  const others = payments.filter((payment) => !unsimulated.includes(payment))
  const met = (these: readonly Payment[]) => these.some(({ key }) => seen.has(key))
  const sending = sendAll(first, others)
  await eventually('some are slow, and answers are held', () => met(slow) && met(taken))
  // Later than the others: simulations that are asked for together would all hang.
  const simulating = sendAll(first, unsimulated)
  await eventually('simulations hang', () => met(unsimulated))
  await terminate(first)
  const answers = await Promise.all(sending)
  const unbegun = await Promise.all(simulating)
  release()
  world.a.proxy.setFault(undefined)

  const begun = rows('select id from operations').length
  expect(begun).toBeGreaterThan(0)
  expect(begun).toBeLessThanOrEqual(18)
  const second = await start()
  await second.answer('get_status')
  await finishAll()
  const states = await requireTruth(second, [...others, ...unsimulated], [...answers, ...unbegun])
  expect(states.filter((state) => state === 'committed')).toHaveLength(begun)
  expect(states.filter((state) => state === 'none')).toHaveLength(24 - begun)
  await requireAllPaidOnce(second, payments)
  await second.close()
}, 120_000)

test('F25: SIGTERM while the only endpoint hangs for ever: it ends within 10 s, and the next server ends what had begun', async () => {
  const first = await start()
  const payments = await prepareAll(first)
  let sends = 0
  // It takes five sends, and hangs from then on.
  world.a.proxy.setFault((calls) => {
    if (isSend(calls)) sends++
    return sends > 5 ? { kind: 'hang' } : undefined
  })
  const sending = sendAll(first, payments)
  await eventually('it hangs', () => sends > 5)
  await terminate(first)
  const answers = await Promise.all(sending)
  expect(answers.filter(Boolean).length).toBeLessThan(24)
  world.a.proxy.setFault(undefined)

  const begun = rows('select id from operations').length
  expect(begun).toBeGreaterThan(5)
  const second = await start()
  await second.answer('get_status')
  await finishAll()
  const states = await requireTruth(second, payments, answers)
  expect(states.filter((state) => state === 'committed')).toHaveLength(begun)
  await requireAllPaidOnce(second, payments)
  await second.close()
}, 120_000)
