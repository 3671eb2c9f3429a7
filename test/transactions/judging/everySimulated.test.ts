import { type Hex, parseTransaction } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sandboxA } from '../../../src/chains/data/sandboxA.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { installAwkward, taking } from '../../support/awkwardTokens.ts'
import {
  AGENT_KEY,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  TIP_JAR,
  USDC,
  type World,
} from '../../support/engine.ts'
import type { ProxyCall } from '../../support/rpcProxy.ts'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
  await installAwkward(world.a)
  const caps = ['native', 'USDC'].map((asset) => ({ chain: '*', asset, max: '100' }))
  const wallets = [{ name: 'agent', privateKey: new Secret(AGENT_KEY) }]
  engine = startEngine({ lanes: [world.a], chains: [{ ...sandboxA, network: 'mainnet' }], caps, wallets })
})
afterAll(async () => {
  await engine.stop()
  await world.stop()
})

interface Simulated {
  readonly to: string
  readonly value: string
  readonly input: string
  readonly gas: string
}

/** What a call to the node simulates last: what comes before it only has to have happened. */
function simulatedBy({ method, params }: ProxyCall): Simulated | undefined {
  if (method !== 'eth_simulateV1') return undefined
  const [{ blockStateCalls, validation }] = params as [
    { blockStateCalls: readonly { calls: readonly Simulated[] }[]; validation: boolean },
  ]
  return validation ? blockStateCalls.at(-1)?.calls.at(-1) : undefined
}

it('D5, R1: on a mainnet every transaction that is sent was simulated with exactly its payload before', async () => {
  const tip = { to: TIP_JAR, function: 'tip(string)', args: ['x'], amount: '0.01' }
  const requests = [
    { to: MERCHANT, amount: '0.5' },
    { to: MERCHANT, amount: '0.25' },
    { to: MERCHANT, amount: '3', asset: 'USDC' },
    { to: MERCHANT, amount: '4', asset: USDC },
    tip,
    { ...tip, amount: '0.02' },
    { calls: [{ to: MERCHANT, amount: '0.1' }, tip] },
    // Two transactions: its approval, and itself.
    taking(USDC, '2'),
  ]
  for (const [index, request] of requests.entries()) {
    const { intentId } = await engine.prepare({ ...request, idempotencyKey: `every ${index}` })
    await engine.execute(intentId)
  }
  const failing = { to: TIP_JAR, function: 'tip(string)', args: ['x'], idempotencyKey: 'failing' }
  await expect(engine.prepare(failing)).rejects.toMatchObject({ code: 'simulation_reverted' })

  const { calls } = world.a.proxy
  const sends = calls.flatMap((call, at) => (call.method === 'eth_sendRawTransaction' ? [{ call, at }] : []))
  expect(sends).toHaveLength(9)
  for (const { call, at } of sends) {
    const { to, value = 0n, data = '0x', gas } = parseTransaction(call.params[0] as Hex)
    const same = calls.slice(0, at).filter((each) => {
      const simulated = simulatedBy(each)
      return (
        simulated?.to.toLowerCase() === to?.toLowerCase() &&
        BigInt(simulated?.value ?? -1) === value &&
        simulated?.input === data &&
        BigInt(simulated?.gas ?? -1) === gas
      )
    })
    // Once when it was prepared, and once more before it was signed.
    expect(same.length, `${to} ${data.slice(0, 10)}`).toBeGreaterThanOrEqual(2)
  }
})
