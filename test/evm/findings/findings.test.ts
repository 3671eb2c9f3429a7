import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { FindingCode } from '../../../src/primitives/findings.ts'
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
import { refusing } from '../../support/missingMethods.ts'
import type { FaultRule } from '../../support/rpcProxy.ts'
import { compile, tokenAt } from '../../support/tokens.ts'

let world: World
let engine: Engine
let key = 0

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

async function start(findingsAllowed: readonly FindingCode[] = []) {
  await engine?.stop()
  engine = startEngine({ lanes: [world.a], findingsAllowed })
}
beforeEach(async () => {
  await start()
  return () => engine.stop()
})

const prepare = (request: object) => engine.prepare({ ...request, idempotencyKey: `finding ${key++}` })
const deniedBy = (rule: FindingCode) => ({ code: 'policy_denied', context: { rule }, sideEffect: 'none' })
const approve = (spender: string, raw: string) => ({
  ...{ to: USDC, function: 'approve(address,uint256)', args: [spender, raw] },
})

describe('T17: what others may take', () => {
  it('T17: an exact approval of a contract is shown and found innocent', async () => {
    const { simulation } = await prepare(approve(TIP_JAR, '5000000'))
    expect(simulation.effects).toMatchObject([
      { kind: 'approval', from: AGENT, to: TIP_JAR, amount: { display: '5', symbol: 'USDC' } },
    ])
    expect(simulation).not.toHaveProperty('findings')
  })

  it.each([
    ['all that a word holds', 2n ** 256n - 1n],
    ['all that 96 bits hold, where some tokens end', 2n ** 96n - 1n],
  ])('T17: an approval without limit is denied: %s', async (_what, raw) => {
    await expect(prepare(approve(TIP_JAR, raw.toString()))).rejects.toMatchObject(
      deniedBy('unlimited-approval'),
    )
  })

  it('T17: an approval of an account that somebody has the key of is a warning, with or without a delegation', async () => {
    const delegating = tokenAt(90)
    await world.a.ask('anvil_setCode', delegating, `0xef0100${TIP_JAR.slice(2)}`)
    for (const spender of [MERCHANT, delegating]) {
      const { simulation } = await prepare(approve(spender, '1500000'))
      const detail = new RegExp(
        `^${spender} may take 1.5 USDC, and is an account that somebody has the key of`,
        'i',
      )
      expect(simulation.findings).toEqual([
        { code: 'approval-to-account', severity: 'warning', detail: expect.stringMatching(detail) },
      ])
    }
  })

  it('T17: an approval that ends one is no approval', async () => {
    const { simulation } = await prepare(approve(MERCHANT, '0'))
    expect(simulation).not.toHaveProperty('findings')
  })

  it('T17: setApprovalForAll is denied, its end is not', async () => {
    const gallery = tokenAt(91)
    const code = compile(`contract Subject {
      event ApprovalForAll(address indexed owner, address indexed operator, bool approved);
      function setApprovalForAll(address operator, bool approved) external {
        emit ApprovalForAll(msg.sender, operator, approved);
      }
    }`)
    await world.a.ask('anvil_setCode', gallery, code)
    const set = (approved: string) => ({
      ...{ to: gallery, function: 'setApprovalForAll(address,bool)', args: [TIP_JAR, approved] },
    })
    await expect(prepare(set('true'))).rejects.toMatchObject(deniedBy('approval-for-all'))
    const { simulation } = await prepare(set('false'))
    expect(simulation.effects).toMatchObject([{ kind: 'operator', to: TIP_JAR, amount: { raw: '0' } }])
    expect(simulation).not.toHaveProperty('findings')
  })

  it('T17: what several transfers by Permit2 take is shown, whatever it tells', async () => {
    const permit2 = tokenAt(97)
    await world.a.ask(
      'anvil_setCode',
      permit2,
      compile('contract Subject { uint256 x; fallback() external { x++; } }'),
    )
    const { simulation } = await prepare({
      ...{ to: permit2, function: 'transferFrom((address,address,uint160,address)[])' },
      args: [JSON.stringify([[AGENT, MERCHANT, '5000000', USDC]])],
    })
    expect(simulation.effects).toMatchObject([
      { kind: 'transfer', from: AGENT, to: MERCHANT, amount: { display: '5', symbol: 'USDC' } },
    ])
  })

  it('T17: what the operator allows is shown as found and passes', async () => {
    await start(['unlimited-approval'])
    const { simulation, verdict } = await prepare(approve(TIP_JAR, (2n ** 96n - 1n).toString()))
    expect(simulation.findings).toMatchObject([{ code: 'unlimited-approval', severity: 'critical' }])
    expect(verdict.rules).toContain('unlimited-approval: the operator allows it')
  })
})

interface Head {
  readonly number: number
  /** In seconds. */
  readonly time: number
}

/** A node that simulates calls in the next block and in no other. */
const nextBlockOnly = (code: number) =>
  refusing(({ method, params }) => {
    const [{ blockStateCalls: blocks = [] } = {}] = params as [{ blockStateCalls?: readonly object[] }?]
    if (method !== 'eth_simulateV1' || blocks.length < 2) return undefined
    return { code, message: 'the number of blocks exceeds what is allowed' }
  })

/** A node that is asked for several blocks and answers with the first. */
const firstBlockOnly: FaultRule = () => {
  const first = (entry: { readonly result?: unknown }) =>
    Array.isArray(entry.result) ? { ...entry, result: entry.result.slice(0, 1) } : entry
  return {
    kind: 'rewrite',
    text(answer) {
      const told = JSON.parse(answer)
      return JSON.stringify(Array.isArray(told) ? told.map(first) : first(told))
    },
  }
}

describe('T11: a contract that behaves in simulations', () => {
  /** Takes nothing where it thinks that it is simulated, else an approval that it was not asked for. */
  const trap = (tell: string) =>
    compile(`contract Subject {
      event Approval(address indexed owner, address indexed spender, uint256 amount);
      function mint() external payable {
        if (${tell}) emit Approval(msg.sender, address(this), 500);
      }
    }`)

  it.each([
    ['who makes the block', 'block.coinbase != address(0)'],
    ['the base fee', 'block.basefee > 0 && block.basefee < 900000000'],
  ])('T11: is found out when it goes by %s', async (_what, tell) => {
    const at = tokenAt(92)
    await world.a.ask('anvil_setCode', at, trap(tell))
    await expect(prepare({ to: at, function: 'mint()' })).rejects.toMatchObject(
      deniedBy('environment-dependent'),
    )
  })

  it.each([
    ['when it thinks that it is looked at no longer', (head: Head) => `block.timestamp > ${head.time + 30}`],
    ['in later blocks', (head: Head) => `block.number > ${head.number + 1}`],
    ['in every second block', (head: Head) => `block.number % 2 != ${head.number % 2}`],
  ])('T11: is found out when it does it %s', async (_what, tell) => {
    const { number, timestamp } = (await world.a.ask('eth_getBlockByNumber', 'latest', false)) as Record<
      'number' | 'timestamp',
      string
    >
    const at = tokenAt(96)
    await world.a.ask('anvil_setCode', at, trap(tell({ number: Number(number), time: Number(timestamp) })))
    await expect(prepare({ to: at, function: 'mint()' })).rejects.toMatchObject({
      ...deniedBy('environment-dependent'),
      message: expect.stringContaining('in a later block with another maker, base fee and randomness'),
    })
  })

  it.each([
    ['its limit', nextBlockOnly(-38_026)],
    ['the numbers of blocks', nextBlockOnly(-38_020)],
    ['an argument', nextBlockOnly(-32_602)],
    ['its answer, which lacks them', firstBlockOnly],
  ])(
    'T11, F17: a node that makes up no later block, because of %s, is asked for the next one',
    async (_what, fault) => {
      world.a.proxy.setFault(fault)
      const [honest, trapped] = [tokenAt(97), tokenAt(92)]
      await world.a.ask('anvil_setCode', honest, trap('true'))
      await world.a.ask('anvil_setCode', trapped, trap('block.coinbase != address(0)'))
      expect((await prepare({ to: honest, function: 'mint()' })).simulation).not.toHaveProperty('findings')
      await expect(prepare({ to: trapped, function: 'mint()' })).rejects.toMatchObject(
        deniedBy('environment-dependent'),
      )
      world.a.proxy.setFault(undefined)
    },
  )

  it('T11: one that draws by lot who may take something is found out', async () => {
    const at = tokenAt(95)
    const code = compile(`contract Subject {
      event Approval(address indexed owner, address indexed spender, uint256 amount);
      function mint() external { emit Approval(msg.sender, address(uint160(block.prevrandao)), 500); }
    }`)
    await world.a.ask('anvil_setCode', at, code)
    await expect(prepare({ to: at, function: 'mint()' })).rejects.toMatchObject(
      deniedBy('environment-dependent'),
    )
  })

  it('T11: one that reverts in another block is found out as well', async () => {
    const at = tokenAt(93)
    await world.a.ask(
      'anvil_setCode',
      at,
      compile('contract Subject { function mint() external { require(block.coinbase == address(0)); } }'),
    )
    await expect(prepare({ to: at, function: 'mint()' })).rejects.toMatchObject(
      deniedBy('environment-dependent'),
    )
  })

  it('T11: one that only reads the block and does the same is innocent', async () => {
    const at = tokenAt(94)
    const code = compile(`contract Subject {
      event Approval(address indexed owner, address indexed spender, uint256 amount);
      mapping(address => bytes32) seen;
      function mint() external {
        seen[msg.sender] = keccak256(abi.encode(block.coinbase, block.basefee, block.prevrandao));
        emit Approval(msg.sender, address(this), 500);
      }
    }`)
    await world.a.ask('anvil_setCode', at, code)
    const { simulation } = await prepare({ to: at, function: 'mint()' })
    expect(simulation.effects).toMatchObject([{ kind: 'approval', amount: { raw: '500' } }])
    expect(simulation).not.toHaveProperty('findings')
  })
})
