import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { MERCHANT, startEngine, startWorld, USDC, type World } from '../../support/engine.ts'
import type { EngineOptions } from '../../support/engineOptions.ts'
import type { FaultAction, ProxyCall } from '../../support/rpcProxy.ts'

let world: World
const started: ReturnType<typeof startEngine>[] = []

beforeAll(async () => {
  world = await startWorld()
})
afterEach(async () => {
  world.a.proxy.reset()
  await Promise.all(started.splice(0).map((engine) => engine.stop()))
})
afterAll(() => world.stop())

function engineWith(options: EngineOptions) {
  const engine = startEngine(options)
  started.push(engine)
  return engine
}

const BROKEN = { code: -32603, message: 'internal error' }
const TOO_MANY = { code: -32005, message: 'daily request count exceeded, request rate limited' }

/** Has the endpoint fail the calls of a batch that `fails` picks, with an error that is not the chain's. */
const failing =
  (fails: (call: ProxyCall) => boolean, error = BROKEN) =>
  (calls: readonly ProxyCall[]): FaultAction | undefined => {
    if (!calls.some(fails)) return undefined
    return {
      kind: 'rewrite',
      text: (answer) => {
        const entries = JSON.parse(answer) as { id: number }[]
        return JSON.stringify(
          entries.map((entry, index) => {
            const call = calls[index]
            return call && fails(call) ? { jsonrpc: '2.0', id: entry.id, error } : entry
          }),
        )
      },
    }
  }

const approval = (idempotencyKey: string) => ({
  to: USDC,
  function: 'approve(address,uint256)',
  args: [MERCHANT, '5000000000'],
  idempotencyKey,
})

it('R3, R14: a key that reads like the id of another intent never answers for that intent', async () => {
  const engine = engineWith({ lanes: [world.a] })
  const first = await engine.prepare({ to: 'merchant', amount: '1', idempotencyKey: 'pay-1' })
  const second = await engine.prepare({ to: 'payroll', amount: '0.5', idempotencyKey: first.intentId })
  const paidSecond = await engine.execute(second.intentId)
  const paidFirst = await engine.execute(first.intentId)
  expect(paidFirst.intentId).toBe(first.intentId)
  expect(paidFirst.operationId).not.toBe(paidSecond.operationId)
  expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(2)
  await world.a.mine(2)
})

it('R5, T17: a cap holds when the endpoint cannot say what decimals a token has: nothing is prepared', async () => {
  const engine = engineWith({ lanes: [world.a], caps: [{ chain: '*', asset: 'USDC', max: '1' }] })
  world.a.proxy.setFault(failing(({ params }) => JSON.stringify(params).includes('0x313ce567')))
  await expect(engine.prepare(approval('unknown decimals'))).rejects.toMatchObject({ sideEffect: 'none' })
  world.a.proxy.setFault(undefined)
  await expect(engine.prepare(approval('known decimals'))).rejects.toMatchObject({ code: 'policy_denied' })
})

/** A call that reads something offers no fees. */
const onlyReads = ({ method, params }: ProxyCall) =>
  method === 'eth_call' && !JSON.stringify(params).includes('maxFeePerGas')

it.each([
  // One that cannot simulate is asked to trace, and then to call.
  ['eth_simulateV1 debug_traceCall eth_call', BROKEN, 'simulation_unavailable'],
  ['eth_estimateGas', BROKEN, 'simulation_unavailable'],
  ['eth_simulateV1', TOO_MANY, 'provider_throttled'],
  ['eth_estimateGas', TOO_MANY, 'provider_throttled'],
] as const)(
  'R10, R14: an endpoint that cannot answer %s (%o) is not a revert of the chain',
  async (method, error, code) => {
    const engine = engineWith({ lanes: [world.a] })
    const request = { to: 'merchant', amount: '5', asset: 'USDC', idempotencyKey: `${code} ${method}` }
    world.a.proxy.setFault(
      failing((call) => method.split(' ').includes(call.method) && !onlyReads(call), error),
    )
    await expect(engine.prepare(request)).rejects.toMatchObject({
      code,
      kind: 'provider',
      retry: { afterSeconds: 10 },
      sideEffect: 'none',
    })
    world.a.proxy.setFault(undefined)
    expect(await engine.prepare(request)).toMatchObject({ status: 'ready' })
  },
)

it('history is readable when its chain is no longer configured', async () => {
  const engine = engineWith({ lanes: [world.a] })
  const intent = await engine.prepare({ to: 'merchant', amount: '2', idempotencyKey: 'kept' })
  const { operationId } = await engine.execute(intent.intentId)
  await world.a.mine(2)
  const later = engineWith({ lanes: [world.b], home: engine.home, clock: engine.clock })
  expect(await later.get(operationId)).toMatchObject({ operationId, steps: [{ amount: { display: '2' } }] })
})

it('R10: what fails after the broadcast is answered with "possible", not with "none"', async () => {
  const engine = engineWith({ lanes: [world.a] })
  const intent = await engine.prepare({ to: 'merchant', amount: '3', idempotencyKey: 'unreadable' })
  const read = engine.operations.find.bind(engine.operations)
  const { BursarError } = await import('../../../src/errors/bursarError.ts')
  engine.operations.find = async (id) => {
    if (world.a.proxy.count('eth_sendRawTransaction') === 0) return read(id)
    throw new BursarError('journal_unavailable', { reason: 'SQLITE_IOERR' })
  }
  await expect(engine.execute(intent.intentId)).rejects.toMatchObject({
    code: 'journal_unavailable',
    sideEffect: 'possible',
  })
  expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(1)
  await world.a.mine(2)
})
