import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  AGENT,
  AGENT_KEY,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  type World,
} from '../../support/engine.ts'
import type { FaultAction } from '../../support/rpcProxy.ts'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

beforeEach(() => {
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a], rpcTimeoutMs: 1_500 })
  return () => engine.stop()
})

const onSend = (action: FaultAction) =>
  world.a.proxy.setFault(([call]) => (call?.method === 'eth_sendRawTransaction' ? action : undefined))
const sent = () => world.a.proxy.calls.filter(({ method }) => method === 'eth_sendRawTransaction')
const refusal = (message: string): FaultAction => ({
  kind: 'rewrite',
  text: (answer) => {
    const { id } = JSON.parse(answer) as { id: number }
    return JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32000, message } })
  },
})

/** A process that has no memory of what was sent before: it need not wait before it sends again. */
async function resolveAfresh(operationId: string) {
  const other = startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock })
  try {
    await other.driver.drive(operationId)
    return await other.get(operationId)
  } finally {
    await other.stop()
  }
}

describe('R14: a send that is not proven is unknown, and is resolved by its hash', () => {
  const ACCEPTED_UNSEEN: Readonly<Record<string, FaultAction>> = {
    'an answer that is lost after acceptance (F2)': { kind: 'forward-then-drop' },
    '"nonce too low" from an endpoint that has it (F3)': refusal('nonce too low'),
    'a refusal that nobody has seen before': refusal('the mempool says no'),
    'an answer that is not JSON': { kind: 'rewrite', text: () => '<html>gateway</html>' },
  }
  for (const [name, action] of Object.entries(ACCEPTED_UNSEEN)) {
    it(`R14: ${name}`, async () => {
      const before = await world.a.balance(MERCHANT)
      onSend(action)
      const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: name })
      const { operationId, ...unknown } = await engine.execute(intentId)
      expect(unknown).toMatchObject({
        state: 'running',
        sideEffect: 'possible',
        steps: [{ state: 'unknown', note: expect.stringContaining('did not confirm') }],
        next: expect.stringContaining('Do not pay again'),
      })
      // The pool has it: that alone ends the doubt, without another send.
      await engine.driver.drive(operationId)
      expect((await engine.get(operationId)).steps[0]?.state).toBe('sent')
      expect(sent()).toHaveLength(1)
      await world.a.mine(2)
      await engine.driver.drive(operationId)
      expect(await engine.get(operationId)).toMatchObject({ state: 'committed', sideEffect: 'done' })
      expect((await world.a.balance(MERCHANT)) - before).toBe(100_000_000_000_000_000n)
    })
  }

  const NEVER_ARRIVED: Readonly<Record<string, FaultAction>> = {
    'a connection that breaks': { kind: 'reset' },
    'HTTP 500': { kind: 'status', code: 500, body: 'oops' },
    'HTTP 502 with a page': { kind: 'status', code: 502, body: '<html>bad gateway</html>' },
    'HTTP 429 with a JSON-RPC body': {
      kind: 'status',
      code: 429,
      body: '{"jsonrpc":"2.0","id":1,"error":{"code":429,"message":"too many requests"}}',
    },
    silence: { kind: 'hang' },
    'a body that is cut off': { kind: 'body', text: '{"jsonrpc":"2.0","id":1,"resu' },
    'an answer to another request': { kind: 'body', text: '{"jsonrpc":"2.0","id":999999,"result":"0x1"}' },
  }
  for (const [name, action] of Object.entries(NEVER_ARRIVED)) {
    it(`R14, F17: ${name}, and the bytes never arrived`, async () => {
      const before = await world.a.balance(MERCHANT)
      onSend(action)
      const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: name })
      const { operationId, steps } = await engine.execute(intentId)
      expect(steps[0]?.state).toBe('unknown')
      world.a.proxy.setFault(undefined)
      expect((await resolveAfresh(operationId)).steps[0]?.state).toBe('sent')
      expect(sent()).toHaveLength(2)
      expect(sent()[1]?.params).toEqual(sent()[0]?.params)
      await world.a.mine(2)
      expect(await resolveAfresh(operationId)).toMatchObject({ state: 'committed' })
      expect((await world.a.balance(MERCHANT)) - before).toBe(100_000_000_000_000_000n)
    })
  }

  it('R14, F3: "transaction already imported" is acceptance of what was sent before', async () => {
    onSend({ kind: 'forward-then-drop' })
    const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: 'known' })
    const { operationId } = await engine.execute(intentId)
    // Status reads that miss the pool once, so that the bytes are sent a second time.
    world.a.proxy.setFault((calls) =>
      calls.some(({ method }) => method === 'eth_getTransactionByHash')
        ? { kind: 'rewrite', text: withNull(calls.map(({ method }) => method)) }
        : undefined,
    )
    expect((await resolveAfresh(operationId)).steps[0]).toMatchObject({ state: 'sent', attempts: [{}] })
    expect(sent()).toHaveLength(2)
    expect(sent()[1]?.params).toEqual(sent()[0]?.params)
    await world.a.mine()
  })
})

/** The answer of an endpoint that lags: it knows neither the receipt nor the transaction. */
function withNull(methods: readonly string[]): (answer: string) => string {
  return (answer) => {
    const entries = [JSON.parse(answer)].flat() as { id: number }[]
    const first = Math.min(...entries.map(({ id }) => id))
    return JSON.stringify(
      entries.map((entry) =>
        /^eth_getTransaction(ByHash|Receipt)$/.test(methods[entry.id - first] ?? '')
          ? { jsonrpc: '2.0', id: entry.id, result: null }
          : entry,
      ),
    )
  }
}

describe('F8, R14: another program uses the account', () => {
  async function foreignPayment(nonce: number) {
    const raw = await privateKeyToAccount(AGENT_KEY).signTransaction({
      type: 'eip1559',
      chainId: 31337,
      nonce,
      to: AGENT,
      value: 0n,
      gas: 21_000n,
      maxFeePerGas: 100_000_000_000n,
      maxPriorityFeePerGas: 1_000_000_000n,
    })
    await world.a.ask('eth_sendRawTransaction', raw)
  }

  it('F8, R14: its nonce taken is unknown at first, replaced once final, and nothing is paid', async () => {
    const before = await world.a.balance(MERCHANT)
    onSend({ kind: 'hang' })
    const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: 'foreign' })
    const { operationId, steps } = await engine.execute(intentId)
    world.a.proxy.setFault(undefined)
    await foreignPayment(Number(steps[0]?.nonce))
    await world.a.mine()
    expect(await resolveAfresh(operationId)).toMatchObject({
      state: 'running',
      steps: [{ state: 'unknown' }],
    })
    await world.a.mine()
    expect(await resolveAfresh(operationId)).toMatchObject({
      state: 'failed',
      sideEffect: 'none',
      steps: [{ state: 'replaced', note: expect.stringContaining("not Bursar's") }],
    })
    expect(engine.rows("select * from reservations where state = 'held'")).toEqual([])
    await world.a.mine(3)
    expect(await world.a.balance(MERCHANT)).toBe(before)
    // The next payment goes on above the nonce that the other program used.
    const next = await engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: 'after' })
    const operation = await engine.execute(next.intentId)
    expect(Number(operation.steps[0]?.nonce)).toBe(Number(steps[0]?.nonce) + 1)
    await world.a.mine(2)
    expect((await world.a.balance(MERCHANT)) - before).toBe(100_000_000_000_000_000n)
  })

  it('R14, T12: an endpoint that lags while ours is mined is no proof that it was replaced', async () => {
    const before = await world.a.balance(MERCHANT)
    const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: 'lagging' })
    const { operationId } = await engine.execute(intentId)
    // The status reads of one round trip are answered by a node that has not seen the newest blocks,
    // the counts by one that has.
    await world.a.mine(3)
    let lagging = true
    world.a.proxy.setFault((calls) => {
      if (!lagging || !calls.some(({ method }) => method === 'eth_getTransactionReceipt')) return undefined
      lagging = false
      return { kind: 'rewrite', text: withNull(calls.map(({ method }) => method)) }
    })
    await engine.driver.drive(operationId)
    expect(lagging).toBe(false)
    expect((await engine.get(operationId)).state).not.toBe('failed')
    await engine.driver.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'committed', steps: [{ state: 'final' }] })
    expect((await world.a.balance(MERCHANT)) - before).toBe(100_000_000_000_000_000n)
  })
})
