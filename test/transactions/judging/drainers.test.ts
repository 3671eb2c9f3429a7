import { encodeFunctionData, type Hex, parseAbi } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DRAINERS, type Parties } from '../../corpora/drainers.ts'
import { AGENT, type Engine, startEngine, TIP_JAR, USDC, type World } from '../../support/engine.ts'
import { compile, tokenAt } from '../../support/tokens.ts'
import { startVaultWorld, VAULT } from '../../support/vault.ts'

// Under no rule of an operator but the defaults.

let world: World
let engine: Engine
let parties: Parties
let count = 0
beforeAll(async () => {
  world = await startVaultWorld()
  engine = startEngine({ lanes: [world.a] })
  const yes = tokenAt(700)
  // Whatever it is told, it says yes; as a token it has one decimal.
  const source = `contract Subject {
    fallback(bytes calldata) external payable returns (bytes memory) { return abi.encode(uint256(1)); }
  }`
  await world.a.ask('anvil_setCode', yes, compile(source))
  parties = { yes, token: USDC as Hex, victim: AGENT as Hex, spender: TIP_JAR as Hex }
})
afterAll(async () => {
  await engine.stop()
  await world.stop()
})

const prepare = (request: object) => engine.prepare({ ...request, idempotencyKey: `call ${count++}` })

describe('T16, T17, T18: by which wallets were emptied', () => {
  it.each(DRAINERS)('$name: denied as $rule, alone and among honest calls', async ({ rule, request }) => {
    const denied = { code: 'policy_denied', context: { rule }, sideEffect: 'none' }
    const call = request(parties)
    await expect(prepare(call)).rejects.toMatchObject(denied)
    const honest = { to: 'merchant', amount: '0.001' }
    const batch = { wallet: 'vault', calls: [honest, request({ ...parties, victim: VAULT })] }
    await expect(prepare(batch)).rejects.toMatchObject(denied)
  })

  it('nothing of it was signed, and an exact permission for a contract is prepared', async () => {
    expect(engine.rows('select id from attempts')).toEqual([])
    const data = encodeFunctionData({
      abi: parseAbi(['function approve(address,uint256)']),
      args: [TIP_JAR as Hex, 25_000_000n],
    })
    expect(await prepare({ to: USDC, data })).toMatchObject({
      status: 'ready',
      simulation: { effects: [{ kind: 'approval', to: TIP_JAR, amount: { raw: '25000000' } }] },
    })
  })
})
