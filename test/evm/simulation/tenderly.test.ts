import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sandboxA } from '../../../src/chains/data/sandboxA.ts'
import type { EvmPayload } from '../../../src/evm/evmPayload.ts'
import { tenderlySimulator } from '../../../src/evm/simulation/tenderly/tenderly.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import {
  AGENT,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  TIP_JAR,
  USDC,
  type World,
} from '../../support/engine.ts'
import {
  type Simulated,
  startTenderly,
  TENDERLY_ACCOUNT,
  TENDERLY_KEY,
  TENDERLY_PROJECT,
  type TenderlyServer,
} from '../../support/tenderlyServer.ts'

// Tenderly's own client against a server that speaks its API and runs everything on the sandbox's chain.
let world: World
let tenderly: TenderlyServer
let engine: Engine
let key = 0

beforeAll(async () => {
  world = await startWorld()
  tenderly = await startTenderly({ 31337: world.a.rpcUrl })
})
afterAll(async () => {
  await tenderly.close()
  await world.stop()
})
beforeEach(() => {
  world.a.proxy.reset()
  tenderly.setFault(undefined)
  return () => engine.stop()
})

function start(
  change: {
    readonly accessToken?: Secret
    readonly project?: string
    readonly after?: boolean
    /** Short where it hangs; long enough for a machine that is busy where it answers. */
    readonly timeoutMs?: number
  } = {},
) {
  const { after = false, ...more } = change
  const simulator = tenderlySimulator(sandboxA, {
    ...{ account: TENDERLY_ACCOUNT, project: TENDERLY_PROJECT, accessToken: new Secret(TENDERLY_KEY) },
    ...{ apiUrl: tenderly.url, timeoutMs: 10_000 },
    ...more,
  })
  engine = startEngine({
    lanes: [world.a],
    services: () => (local) => (after ? [...local, simulator] : [simulator, ...local]),
  })
}

const prepare = (request: object) => engine.prepare({ ...request, idempotencyKey: `tenderly ${key++}` })
const tip = { to: TIP_JAR, function: 'tip(string)', args: ['thanks'], amount: '1.000000000000000001' }

describe('D1: simulated by Tenderly', () => {
  it('D1: a payment in native tokens, to the unit, and through a contract', async () => {
    start()
    const { simulation } = await prepare({ to: 'merchant', amount: '1.000000000000000001' })
    expect(simulation.backend).toBe('tenderly')
    expect(simulation).not.toHaveProperty('skipped')
    expect(simulation.effects).toMatchObject([
      { kind: 'transfer', from: AGENT, to: MERCHANT, amount: { display: '1.000000000000000001' } },
    ])
    expect((await prepare(tip)).simulation).toMatchObject({
      backend: 'tenderly',
      effects: [{ kind: 'transfer', from: AGENT, to: TIP_JAR, amount: { display: '1.000000000000000001' } }],
    })
    expect(world.a.proxy.count('eth_call')).toBe(0)
  })

  it('D1: a token, with the exact block, price and limit that are signed', async () => {
    start()
    const before = tenderly.asked.length
    const { simulation, intentId } = await prepare({ to: 'merchant', amount: '2.5', asset: 'USDC' })
    expect(simulation.effects).toMatchObject([{ kind: 'transfer', to: MERCHANT, amount: { display: '2.5' } }])
    const plan = JSON.parse((await engine.intents.find(intentId))?.plan ?? '{}')
    expect(tenderly.asked.slice(before)).toMatchObject([
      {
        network_id: '31337',
        block_number_or_hash: { blockNumber: Number(simulation.block.number) },
        call_args: {
          ...{ from: AGENT, to: USDC, value: '0', data: plan.payload.data },
          ...{ gas: Number(plan.payload.gasLimit), gas_price: plan.terms.maxFeePerGas },
        },
      },
    ])
  })

  it('R1, D1: what is signed has its receipt, and is paid', async () => {
    start()
    const { intentId } = await prepare({ to: 'merchant', amount: '0.25' })
    const { operationId } = await engine.execute(intentId)
    const [attempt] = engine.rows('select receipt from attempts')
    expect(JSON.parse(String(attempt?.['receipt']))).toMatchObject({ backend: 'tenderly', skipped: [] })
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'committed' })
  })

  it('D1: what waits of the account is simulated before it, as a bundle', async () => {
    start()
    const approve = { to: USDC, function: 'approve(address,uint256)', args: [AGENT, '7000000'] }
    await engine.execute((await prepare(approve)).intentId)
    const before = tenderly.asked.length
    const take = { function: 'transferFrom(address,address,uint256)', args: [AGENT, MERCHANT, '7000000'] }
    const { simulation } = await prepare({ to: USDC, ...take })
    expect(simulation.backend).toBe('tenderly')
    expect(simulation.effects).toMatchObject([{ kind: 'transfer', to: MERCHANT, amount: { display: '7' } }])
    expect(tenderly.asked.slice(before)).toMatchObject([{ call_args: [{ to: USDC }, { to: USDC }] }])
    await world.a.mine(2)
  })

  it('D2: tells why a call fails, in words of ours, and by the contract’s own apart', async () => {
    start()
    const adapter = await engine.chains.adapter('sandbox-a')
    const words = [MERCHANT, AGENT].map((each) => each.slice(2).toLowerCase().padStart(64, '0'))
    const payload: EvmPayload = {
      ...{ family: 'evm', chain: 'eip155:31337', from: AGENT, to: USDC, value: '0', accessList: [] },
      ...{ gasLimit: '100000', data: `0x23b872dd${words.join('')}${'5'.padStart(64, '0')}` },
    }
    const terms = { maxFeePerGas: '3000000000', maxPriorityFeePerGas: '1' }
    const { outcome, simulator } = await adapter.rehearse(payload, terms, [], [], AbortSignal.timeout(5_000))
    expect(simulator.name).toBe('tenderly')
    expect(outcome).toMatchObject({
      ok: false,
      revert: { reason: expect.stringContaining('ERC20InsufficientAllowance') },
    })
  })
})

/** Answers of wrong types, and of more than there is. */
const UNREADABLE: readonly ((told: Simulated) => unknown)[] = [
  () => null,
  (told) => ({ ...told, logs: {} }),
  (told) => ({ ...told, logs: [null] }),
  (told) => ({ ...told, trace: 'none' }),
  (told) => ({ ...told, trace: [null] }),
  (told) => ({ ...told, trace: [...told.trace, { ...Object(told.trace[0]), trace_address: {} }] }),
  (told) => {
    const inner = { ...Object(told.trace[0]), trace_address: [0], value: '9'.repeat(78) }
    return { ...told, trace: [told.trace[0], inner] }
  },
  (told) => ({
    ...told,
    status: false,
    trace: [{ ...Object(told.trace[0]), output: null, error_reason: 5 }],
  }),
]

describe('D1, F6: Tenderly is away', () => {
  const AWAY = [
    [{ kind: 'status', code: 500 }, /^tenderly: it answered with status 500/],
    [{ kind: 'status', code: 503, body: '<html>' }, /^tenderly: it answered with status 503/],
    [{ kind: 'status', code: 429 }, 'tenderly: it limits requests (429)'],
    [{ kind: 'hang' }, 'tenderly: it did not answer in time'],
    [
      { kind: 'body', text: '{"status":true}' },
      'tenderly: its answer holds status, gas or block that cannot be read',
    ],
    [
      { kind: 'body', text: 'not json' },
      'tenderly: its answer holds status, gas or block that cannot be read',
    ],
    [
      { kind: 'rewrite', change: (told: object) => ({ ...told, logs: [{ raw: { address: '0x12' } }] }) },
      'tenderly: its answer holds an event that cannot be read',
    ],
    ...UNREADABLE.map(
      (change) => [{ kind: 'rewrite', change }, 'tenderly: its answer cannot be read'] as const,
    ),
  ] as const
  it.each(AWAY)(
    'D1, F6: the endpoints are asked instead, and the intent says so: %o',
    async (fault, reason) => {
      start(fault.kind === 'hang' ? { timeoutMs: 500 } : {})
      tenderly.setFault(fault)
      const { simulation } = await prepare({ to: 'merchant', amount: '1', asset: 'USDC' })
      expect(simulation.backend).toBe('local')
      expect(simulation.skipped).toEqual([
        typeof reason === 'string' ? reason : expect.stringMatching(reason),
      ])
      expect(simulation.effects).toMatchObject([{ kind: 'transfer', to: MERCHANT, amount: { display: '1' } }])
    },
  )

  it('D1: a key that is refused is said, and not tried again with each payment', async () => {
    start({ accessToken: new Secret('wrong') })
    const before = tenderly.asked.length
    for (const amount of ['1', '2']) {
      const { simulation } = await prepare({ to: 'merchant', amount, asset: 'USDC' })
      expect(simulation.skipped).toEqual(['tenderly: it refused the key (401): check TENDERLY_API_KEY'])
    }
    expect(tenderly.asked).toHaveLength(before)
  })

  it('D1: a project that it does not know is said', async () => {
    start({ project: 'another' })
    const { simulation } = await prepare({ to: 'merchant', amount: '1', asset: 'USDC' })
    expect(simulation.skipped).toEqual([
      'tenderly: it knows no such project (404): check TENDERLY_ACCOUNT and TENDERLY_PROJECT',
    ])
  })

  it('D1: a server that nobody runs', async () => {
    const gone = await startTenderly({})
    await gone.close()
    start()
    const simulator = tenderlySimulator(sandboxA, {
      ...{ account: 'a', project: 'b', accessToken: new Secret('c'), apiUrl: gone.url, timeoutMs: 500 },
    })
    await engine.stop()
    engine = startEngine({ lanes: [world.a], services: () => (local) => [simulator, ...local] })
    const { simulation } = await prepare({ to: 'merchant', amount: '1', asset: 'USDC' })
    expect(simulation.skipped).toEqual(['tenderly: it cannot be reached (ECONNREFUSED)'])
  })

  it('D1: no events are none, however that is written', async () => {
    start()
    tenderly.setFault({ kind: 'rewrite', change: (told) => ({ ...told, logs: null }) })
    const { simulation } = await prepare({ to: 'merchant', amount: '1' })
    expect(simulation.backend).toBe('tenderly')
    expect(simulation.effects).toMatchObject([{ kind: 'transfer', to: MERCHANT, amount: { display: '1' } }])
  })

  it.each([[-1], [2]])('R12: an answer of another block is not taken for this one: %i', async (away) => {
    start()
    tenderly.setFault({
      kind: 'rewrite',
      change: (told) => ({ ...told, block_number: told.block_number + away }),
    })
    await expect(prepare({ to: 'merchant', amount: '1', asset: 'USDC' })).rejects.toMatchObject({
      code: 'simulation_unavailable',
      sideEffect: 'none',
    })
  })

  it('R1: when nobody answers at all nothing is prepared', async () => {
    start()
    tenderly.setFault({ kind: 'status', code: 503 })
    world.a.proxy.setFault((calls) => (calls.length > 0 ? { kind: 'reset' } : undefined))
    await expect(prepare({ to: 'merchant', amount: '1' })).rejects.toMatchObject({ sideEffect: 'none' })
    expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(0)
  })
})

it('D1: asked after the endpoints it is not asked while they answer', async () => {
  start({ after: true })
  const before = tenderly.asked.length
  expect((await prepare(tip)).simulation.backend).toBe('local')
  expect(tenderly.asked).toHaveLength(before)
})

it('T14: its key is in no error, whatever goes wrong', async () => {
  start({ timeoutMs: 1_000 })
  const body = JSON.stringify({ error: { id: 'x', slug: 'x', message: `the key ${TENDERLY_KEY} is ill` } })
  const faults = [
    { kind: 'status', code: 500 },
    { kind: 'status', code: 500, body },
    { kind: 'status', code: 418, body },
    { kind: 'hang' },
  ] as const
  for (const fault of faults) {
    tenderly.setFault(fault)
    const intent = await prepare({ to: 'merchant', amount: '1', asset: 'USDC' })
    expect(JSON.stringify(intent)).not.toContain(TENDERLY_KEY)
    expect(intent.simulation.skipped?.join()).toMatch(/status (500|418)$|in time$/)
  }
  const message = `insufficient funds of ${TENDERLY_KEY}`
  const unrunnable = JSON.stringify({ error: { id: 'x', slug: 'invalid_transaction', message } })
  tenderly.setFault({ kind: 'status', code: 400, body: unrunnable })
  const refusal: unknown = await prepare({ to: 'merchant', amount: '1' }).catch((error: unknown) => error)
  expect(JSON.stringify(refusal)).toContain('insufficient funds of [secret]')
})
