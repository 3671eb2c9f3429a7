import { getAddress, pad } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
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
import { withoutMethods } from '../../support/missingMethods.ts'
import { compile } from '../../support/tokens.ts'

// What Bursar does when an endpoint can simulate in one way and not in another: never less than it can tell.
let world: World
let engine: Engine
let key = 0

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())
beforeEach(() => {
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a] })
  return () => engine.stop()
})

const prepare = (request: object) => engine.prepare({ ...request, idempotencyKey: `ladder ${key++}` })
const tip = { to: TIP_JAR, function: 'tip(string)', args: ['thanks'], amount: '0.05' }

describe('D1: an endpoint without eth_simulateV1', () => {
  beforeEach(() => world.a.proxy.setFault(withoutMethods(['eth_simulateV1'])))

  it('D1: is asked to trace instead, which shows the same effects', async () => {
    const { simulation } = await prepare({ to: 'merchant', amount: '2.5', asset: 'USDC' })
    expect(simulation.backend).toBe('local:debug_traceCall')
    expect(simulation.skipped).toEqual([expect.stringMatching(/^local: .* does not offer eth_simulateV1$/)])
    expect(simulation.effects).toMatchObject([
      { kind: 'transfer', to: MERCHANT, amount: { display: '2.5', symbol: 'USDC' } },
    ])
  })

  it('D1: traces what is paid in native tokens, by way of a contract too', async () => {
    const { simulation } = await prepare(tip)
    expect(simulation.backend).toBe('local:debug_traceCall')
    expect(simulation.effects).toMatchObject([{ kind: 'transfer', to: TIP_JAR, amount: { display: '0.05' } }])
  })

  it('D2: tells why a call reverts', async () => {
    const take = { function: 'transferFrom(address,address,uint256)', args: [MERCHANT, AGENT, '5'] }
    await expect(prepare({ to: USDC, ...take })).rejects.toMatchObject({
      code: 'simulation_reverted',
      context: { reason: expect.stringContaining('ERC20InsufficientAllowance') },
      sideEffect: 'none',
    })
  })

  it('R1: pays, and the receipt says who simulated it', async () => {
    const { intentId } = await prepare({ to: 'merchant', amount: '0.25' })
    const { operationId } = await engine.execute(intentId)
    const [attempt] = engine.rows('select receipt from attempts')
    expect(JSON.parse(String(attempt?.['receipt']))).toMatchObject({ backend: 'local:debug_traceCall' })
    await world.a.mine(2)
    await engine.driver.drive(operationId)
    expect(await engine.get(operationId)).toMatchObject({ state: 'committed' })
  })

  it('is not asked for it again with each payment', async () => {
    await prepare({ to: 'merchant', amount: '0.1' })
    world.a.proxy.reset()
    world.a.proxy.setFault(withoutMethods(['eth_simulateV1']))
    await prepare({ to: 'merchant', amount: '0.2' })
    expect(world.a.proxy.count('eth_simulateV1')).toBe(0)
  })
})

describe('D1: an endpoint that neither simulates nor traces', () => {
  beforeEach(() => world.a.proxy.setFault(withoutMethods(['eth_simulateV1', 'debug_traceCall'])))

  it('D1: pays plainly, marked as simulated in a reduced way', async () => {
    const { simulation } = await prepare({ to: 'merchant', amount: '0.25' })
    expect(simulation.backend).toBe('local:eth_call')
    expect(simulation.skipped).toHaveLength(2)
    expect(simulation.effects).toMatchObject([
      { kind: 'transfer', to: MERCHANT, amount: { display: '0.25' } },
    ])
  })

  it('R1: a call of a contract is denied: what happens inside is not seen', async () => {
    await expect(prepare(tip)).rejects.toMatchObject({
      code: 'policy_denied',
      context: { rule: 'effects-unseen' },
      sideEffect: 'none',
    })
  })

  it('D1: names the contracts that it touches, by its access list', async () => {
    const relay = pad('0xacce55', { size: 20 })
    const source = `interface Token { function balanceOf(address) external view returns (uint256); }
      contract Subject { uint256 seen; function look() external { seen = Token(${USDC}).balanceOf(msg.sender); } }`
    await world.a.ask('anvil_setCode', relay, compile(source))
    const look = { to: relay, function: 'look()', idempotencyKey: 'look' }
    await expect(prepare(look)).rejects.toMatchObject({
      code: 'policy_denied',
      message: expect.stringContaining(`besides ${getAddress(relay)} it touches ${USDC} (`),
    })
    // A node that makes none tells the rest all the same.
    world.a.proxy.setFault(withoutMethods(['eth_simulateV1', 'debug_traceCall', 'eth_createAccessList']))
    const blind = await prepare({ ...look, idempotencyKey: 'blind' }).catch((error: Error) => error)
    expect(blind).toMatchObject({ code: 'policy_denied', context: { rule: 'effects-unseen' } })
    expect(String(blind)).not.toContain('touches')
  })

  it('R1: unless the operator allows it', async () => {
    await engine.stop()
    engine = startEngine({ lanes: [world.a], findingsAllowed: ['effects-unseen'] })
    const { simulation, verdict } = await prepare(tip)
    expect(simulation.findings).toMatchObject([
      { code: 'effects-unseen', severity: 'critical' },
      { code: 'first-recipient' },
    ])
    expect(verdict.rules).toContain('effects-unseen: the operator allows it')
  })
})

it('D2: where nobody traces, a call is prepared and says what was not looked at', async () => {
  world.a.proxy.setFault(withoutMethods(['debug_traceCall']))
  const { simulation } = await prepare(tip)
  expect(simulation.backend).toBe('local')
  expect(simulation.findings).toContainEqual({
    code: 'not-traced',
    severity: 'info',
    detail: 'not looked at: who calls whom inside (no endpoint traced it)',
  })
})

it('a transfer of a token that the registry lists is not traced: nothing of it is strange', async () => {
  const { simulation } = await prepare({ to: 'merchant', amount: '1', asset: 'USDC' })
  expect(world.a.proxy.count('debug_traceCall')).toBe(0)
  expect(simulation.findings).toMatchObject([{ code: 'first-recipient' }])
})

/** What an endpoint answers that stops before the last of several calls. */
function cutShort(answer: string): string {
  const entries = JSON.parse(answer) as { readonly result?: unknown }[]
  return JSON.stringify(
    entries.map((entry) => {
      const blocks = Array.isArray(entry.result) ? (entry.result as { calls?: unknown[] }[]) : []
      if (!blocks.some(({ calls = [] }) => calls.length > 1)) return entry
      return { ...entry, result: blocks.map((block) => ({ ...block, calls: block.calls?.slice(0, -1) })) }
    }),
  )
}

it('R1, F17: what comes before a payload is not taken for it where an answer is cut short', async () => {
  const approve = { to: USDC, function: 'approve(address,uint256)', args: [TIP_JAR, '5000000'] }
  await engine.execute((await prepare(approve)).intentId)
  expect((await prepare(tip)).simulation.effects).toMatchObject([{ kind: 'transfer', to: TIP_JAR }])
  world.a.proxy.setFault((calls) =>
    calls.some(({ method }) => method === 'eth_simulateV1') ? { kind: 'rewrite', text: cutShort } : undefined,
  )
  await expect(prepare(tip)).rejects.toMatchObject({ code: 'provider_garbage', sideEffect: 'none' })
})
