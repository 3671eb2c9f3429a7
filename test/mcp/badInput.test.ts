import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../sandbox/support/processes.ts'
import { type Bursar, environmentOf, startBursar, temporaryHome } from '../support/bursarServer.ts'
import { startWorld, TIP_JAR, type World } from '../support/engine.ts'
import { withoutMethods } from '../support/missingMethods.ts'
import { badPayments, transfer } from './badPayments.ts'

// Everything that a caller can get wrong, through the built server and a real client. Each refusal is precise, says
// that nothing happened (R10), and nothing reaches the chain: broadcasts are counted at the proxies.

const SANDBOX_A = { id: 'eip155:31337', name: 'Sandbox A', native: 'ETH', sandbox: true }
const OPERATION = 'op_00000000000000000000000000000000'
const INTENT = 'int_00000000000000000000000000000000'

let world: World
let bursar: Bursar
const { home, remove } = temporaryHome()
/** Of a server whose intents live for ten seconds, the shortest that can be configured. */
let shortLived: { readonly intentId: string; readonly expiresAt: string }

beforeAll(async () => {
  world = await startWorld()
  // The next block costs 0.875 gwei, whatever was mined before.
  await world.a.ask('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00')
  await world.a.mine()
  const hasty = await startBursar({ env: environmentOf(world, home, { INTENT_TTL_SECONDS: '10' }) })
  shortLived = await hasty.answer('simulate_transaction', transfer({ idempotencyKey: 'short' }))
  await hasty.close()
  bursar = await startBursar({ env: environmentOf(world, home) })
})
afterEach(async () => {
  expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(0)
  expect(world.b.proxy.count('eth_sendRawTransaction')).toBe(0)
  expect(await bursar.answer('list_operations')).toEqual({ operations: [] })
})
afterAll(async () => {
  await bursar.close()
  await world.stop()
  remove()
})

test.each(badPayments.map((bad) => [bad.title, bad] as const))(
  'simulate_transaction refuses %s',
  async (_title, { given, code, message, fix, quoted, chainless }) => {
    const error = await bursar.refusal('simulate_transaction', given)
    expect(error).toMatchObject({ code, message, sideEffect: 'none', retry: 'no', ...(fix && { fix }) })
    expect(error.chain).toEqual(chainless ? undefined : SANDBOX_A)
    expect(error.quoted).toEqual(quoted && { untrusted: quoted })
  },
)

test('an unknown chain is answered with all that are known (A4)', async () => {
  const { fix } = await bursar.refusal('simulate_transaction', transfer({ chain: 'bsae' }))
  for (const known of ['eip155:31337 (sandbox-a)', 'eip155:31338 (sandbox-b)', 'eip155:8453 (base)'])
    expect(fix).toContain(known)
})

test('a known chain without an endpoint is answered with what to configure', async () => {
  expect(await bursar.refusal('simulate_transaction', transfer({ chain: 'base' }))).toMatchObject({
    code: 'chain_not_configured',
    kind: 'config',
    chain: { id: 'eip155:8453', name: 'Base' },
    sideEffect: 'none',
  })
})

describe('the same key', () => {
  test('with other arguments names what differs (R3)', async () => {
    const first = await bursar.answer('simulate_transaction', transfer({ idempotencyKey: 'rent' }))
    const other = transfer({ idempotencyKey: 'rent', amount: '2', to: TIP_JAR })
    expect(await bursar.refusal('simulate_transaction', other)).toMatchObject({
      code: 'idempotency_conflict',
      message: `idempotencyKey "rent" already stands for intent ${first.intentId} with other arguments (amount, to differ).`,
      sideEffect: 'none',
      chain: SANDBOX_A,
    })
  })

  test('on another chain is another payment, and refused (R3, R13)', async () => {
    await bursar.answer('simulate_transaction', transfer({ idempotencyKey: 'where' }))
    const other = transfer({ idempotencyKey: 'where', chain: 'sandbox-b' })
    const error = await bursar.refusal('simulate_transaction', other)
    expect(error.code).toBe('idempotency_conflict')
    expect(error.message).toContain('(chain differ)')
  })
})

describe('send_transaction refuses', () => {
  test('an intent that does not exist', async () => {
    expect(await bursar.refusal('send_transaction', { intentId: INTENT })).toMatchObject({
      code: 'intent_unknown',
      message: `There is no intent ${INTENT}.`,
      sideEffect: 'none',
    })
  })

  test('to be given a payment instead of an intent', async () => {
    expect(await bursar.refusal('send_transaction', transfer({}))).toMatchObject({
      code: 'input_invalid',
      sideEffect: 'none',
    })
  })

  test('an intent that has expired', async () => {
    const { intentId, expiresAt } = shortLived
    await eventually('the intent expires', () => Date.now() > Date.parse(expiresAt), 15_000)
    expect(await bursar.refusal('send_transaction', { intentId })).toMatchObject({
      code: 'intent_expired',
      message: `Intent ${intentId} expired at ${expiresAt}; nothing was sent.`,
      sideEffect: 'none',
      chain: SANDBOX_A,
    })
    const renewed = await bursar.answer('simulate_transaction', transfer({ idempotencyKey: 'short' }))
    expect(renewed).toMatchObject({ intentId, status: 'ready' })
  })

  test('an intent whose wallet has been emptied since it was prepared (R1)', async () => {
    const { intentId } = await bursar.answer(
      'simulate_transaction',
      transfer({ wallet: 'payroll', idempotencyKey: 'emptied' }),
    )
    const payroll = '0x90F79bf6EB2c4f870365E785982E1f101E93b906'
    // 0.25 native tokens.
    await world.a.ask('anvil_setBalance', payroll, '0x3782dace9d90000')
    expect(await bursar.refusal('send_transaction', { intentId })).toMatchObject({
      code: 'insufficient_funds',
      message:
        'payroll needs 1.00002361211125 ETH and has 0.25: 0.75002361211125 ETH short (1 to send and up to 0.00002361211125 for fees).',
      sideEffect: 'none',
      chain: SANDBOX_A,
    })
  })
})

test('get_operation refuses an operation that does not exist', async () => {
  expect(await bursar.refusal('get_operation', { operation: OPERATION })).toMatchObject({
    code: 'operation_unknown',
    message: `There is no operation ${OPERATION}.`,
    sideEffect: 'none',
  })
})

test.each(['nonsense', 'MjAyNi0xMS0yMVQwMDowMDowMC4wMDBaIG9wXzE'])(
  'list_operations refuses the cursor %s',
  async (cursor) => {
    expect(await bursar.refusal('list_operations', { cursor })).toMatchObject({
      code: 'cursor_invalid',
      sideEffect: 'none',
    })
  },
)

describe('a server whose cap on the price of gas is below the network (R5)', () => {
  test('refuses to prepare, and quote_gas says so', async () => {
    const { home: other, remove: removeOther } = temporaryHome()
    const capped = await startBursar({ env: environmentOf(world, other, { MAX_GAS_PRICE_GWEI: '0.5' }) })
    expect(await capped.refusal('simulate_transaction', transfer({}))).toMatchObject({
      code: 'gas_price_above_cap',
      message: 'The network asks 1.12438625 gwei per gas, above the cap of 0.5 gwei (MAX_GAS_PRICE_GWEI).',
      kind: 'policy',
      retry: 'later',
      retryAfterSeconds: 60,
      sideEffect: 'none',
      chain: SANDBOX_A,
    })
    expect(await capped.answer('quote_gas', { chain: 'sandbox-a' })).toMatchObject({
      nextBaseFeeGwei: '0.875',
      cap: { maxGasPriceGwei: '0.5', verdict: 'above-cap' },
    })
    expect(await capped.answer('list_operations')).toEqual({ operations: [] })
    await capped.close()
    removeOther()
  })
})

describe('an endpoint', () => {
  afterEach(() => world.b.proxy.setFault(undefined))

  test('that can simulate in no way: nothing is prepared (R1)', async () => {
    world.b.proxy.setFault(withoutMethods(['eth_simulateV1', 'debug_traceCall', 'eth_call']))
    expect(await bursar.refusal('simulate_transaction', transfer({ chain: 'sandbox-b' }))).toMatchObject({
      code: 'simulation_unavailable',
      kind: 'provider',
      sideEffect: 'none',
      chain: { id: 'eip155:31338' },
    })
  })

  test('that is down: nothing is prepared, and the answer says which chain (R10, A4)', async () => {
    world.b.proxy.setFault(() => ({ kind: 'reset' }))
    expect(await bursar.refusal('simulate_transaction', transfer({ chain: 'sandbox-b' }))).toMatchObject({
      code: 'provider_unreachable',
      kind: 'provider',
      retry: 'later',
      sideEffect: 'none',
      chain: { id: 'eip155:31338' },
    })
  })
})
