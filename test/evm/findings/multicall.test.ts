import { encodeFunctionData, type Hex, keccak256, parseAbi } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { multicall3Abi } from '../../../src/evm/calls/abi.ts'
import { AGENT, MERCHANT, TIP_JAR, USDC } from '../../support/engine.ts'
import { type Looks, startLooks } from '../../support/looks.ts'
import { withoutMethods } from '../../support/missingMethods.ts'

const MULTICALL3 = '0xcA11bde05977b3631167028862bE2a173976CA11'
const ALL = (2n ** 256n - 1n).toString()

/** Wraps native tokens and, like the usual one, tells of it by an event that is no Transfer; anybody may mint. */
const WRAPPED = `contract Subject {
  event Transfer(address indexed from, address indexed to, uint256 amount);
  event Approval(address indexed owner, address indexed spender, uint256 amount);
  event Deposit(address indexed to, uint256 amount);
  mapping(address => uint256) public balanceOf;
  mapping(address => mapping(address => uint256)) public allowance;
  function decimals() external pure returns (uint8) { return 18; }
  function symbol() external pure returns (string memory) { return "WRAP"; }
  receive() external payable { deposit(); }
  function deposit() public payable { balanceOf[msg.sender] += msg.value; emit Deposit(msg.sender, msg.value); }
  function depositTo(address to) external payable { balanceOf[to] += msg.value; emit Deposit(to, msg.value); }
  function quietly(address to) external payable { balanceOf[to] += msg.value; }
  function mint(uint256 amount) external { balanceOf[msg.sender] += amount; emit Transfer(address(0), msg.sender, amount); }
  function transfer(address to, uint256 amount) public returns (bool) {
    balanceOf[msg.sender] -= amount; balanceOf[to] += amount; emit Transfer(msg.sender, to, amount); return true;
  }
  function approve(address to, uint256 amount) public returns (bool) {
    allowance[msg.sender][to] = amount; emit Approval(msg.sender, to, amount); return true;
  }
  function permit(address owner, address to, uint256 amount, uint256, uint8, bytes32, bytes32) public {
    allowance[owner][to] = amount; emit Approval(owner, to, amount);
  }
  function transferFrom(address from, address to, uint256 amount) public returns (bool) {
    allowance[from][msg.sender] -= amount; balanceOf[from] -= amount; balanceOf[to] += amount;
    emit Transfer(from, to, amount); return true;
  }
}`
const GALLERY = `contract Subject {
  event ApprovalForAll(address indexed owner, address indexed operator, bool approved);
  event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
  function setApprovalForAll(address operator, bool approved) external { emit ApprovalForAll(msg.sender, operator, approved); }
  function mint(uint256 tokenId) external { emit Transfer(address(0), msg.sender, tokenId); }
}`

/** Where a contract keeps it whose first variable is a mapping by address. */
const pointsOf = (account: string): Hex =>
  keccak256(`0x${account.slice(2).toLowerCase().padStart(64, '0')}${'0'.repeat(64)}`)

let looks: Looks
let wrapped: Hex
let gallery: Hex
const pay = { to: MERCHANT, amount: '0.1' }

beforeAll(async () => {
  looks = await startLooks()
  wrapped = await looks.install(WRAPPED)
  gallery = await looks.install(GALLERY)
})
afterAll(() => looks.stop())

const approve = (to: string, spender: string, raw: string) => ({
  ...{ to, function: 'approve(address,uint256)', args: [spender, raw] },
})

describe('T17, T18: what Multicall3 may take anybody may', () => {
  it('T18: an exact allowance for it is critical, and for another contract it is innocent', async () => {
    const { found, details } = await looks.at(approve(USDC, MULTICALL3, '5'))
    expect(found).toEqual(['approval-to-multicall critical'])
    expect(details).toEqual([
      `${MULTICALL3} is Multicall3 and could take USDC of ${AGENT}: anybody can have it do so`,
    ])
    expect((await looks.at(approve(USDC, TIP_JAR, '5'))).found).toEqual([])
    expect((await looks.at(approve(USDC, MULTICALL3, '0'))).found).toEqual([])
  })

  it('T18: a copy of it at another address is no better, and a contract that only calls it is innocent', async () => {
    const copy = '0x0000000000000000000000000000000077777010'
    const { world } = looks
    await world.a.ask('anvil_setCode', copy, await world.a.ask('eth_getCode', MULTICALL3, 'latest'))
    expect((await looks.at(approve(USDC, copy, '5'))).found).toEqual(['approval-to-multicall critical'])
    const user = await looks.install(`
      interface M { struct C { address t; bool f; bytes d; } function aggregate3(C[] calldata) external payable; }
      contract Subject { function all(M m, M.C[] calldata calls) external { m.aggregate3(calls); } }`)
    expect((await looks.at(approve(USDC, user, '5'))).found).toEqual([])
  })

  it('T18: so are the rights of an operator, and an allowance by a signature that a batch carries', async () => {
    const set = (operator: string) => ({
      ...{ to: gallery, function: 'setApprovalForAll(address,bool)', args: [operator, 'true'] },
    })
    expect((await looks.at(set(MULTICALL3))).found).toEqual([
      'approval-for-all critical',
      'approval-to-multicall critical',
    ])
    expect((await looks.at(set(TIP_JAR))).found).toEqual(['approval-for-all critical'])
    const zero = `0x${'0'.repeat(64)}`
    const permit = (spender: string) => ({
      to: wrapped,
      function: 'permit(address,address,uint256,uint256,uint8,bytes32,bytes32)',
      args: [AGENT, spender, '5', '0', '0', zero, zero],
    })
    expect((await looks.at({ calls: [pay, permit(MULTICALL3)] })).found).toEqual([
      'approval-to-multicall critical',
    ])
    expect((await looks.at({ calls: [pay, permit(TIP_JAR)] })).found).toEqual([])
  })

  it('T18: an allowance that Bursar itself would give it before a call that takes tokens', async () => {
    const takes = (to: string) => ({
      to,
      asset: 'USDC',
      amount: '5',
      data: encodeFunctionData({
        abi: multicall3Abi,
        functionName: 'aggregate3',
        args: [[]],
      }),
    })
    expect((await looks.at(takes(MULTICALL3))).found).toContain('approval-to-multicall critical')
    const till = await looks.install('contract Subject { fallback() external {} }')
    // It takes nothing of what it may.
    expect((await looks.at(takes(till))).found).toEqual(['allowance-left warning'])
  })

  it('T18: what it takes by an allowance from before is critical, and the finding says why', async () => {
    const take = {
      to: wrapped,
      function: 'transferFrom(address,address,uint256)',
      args: [AGENT, MERCHANT, '7'],
    }
    await expect(looks.at({ calls: [pay, take] })).rejects.toMatchObject({
      code: 'simulation_reverted',
      context: {
        reason: expect.stringMatching(/^calls\[1\].*no tokens, allowances or rights of the account$/),
      },
    })
    const { world } = looks
    const send = (data: Hex) =>
      world.a.ask('eth_sendTransaction', { from: AGENT, to: wrapped, data, gas: '0x30d40' })
    const abi = parseAbi(['function mint(uint256)', 'function approve(address,uint256)'])
    await world.a.ask('anvil_impersonateAccount', AGENT)
    await send(encodeFunctionData({ abi, functionName: 'mint', args: [7n] }))
    await send(encodeFunctionData({ abi, functionName: 'approve', args: [MULTICALL3, 7n] }))
    await world.a.mine()
    const { found, details, effects } = await looks.at({ calls: [pay, take] })
    expect(found).toEqual(['approval-to-multicall critical'])
    expect(details[0]).toContain('by an allowance, which anybody can use as well; pay tokens one by one')
    expect(effects).toContainEqual(
      expect.objectContaining({
        kind: 'transfer',
        from: AGENT,
        to: MERCHANT,
        amount: expect.objectContaining({ raw: '7' }),
      }),
    )
  })
})

describe('T17, T18: what is denied alone is denied in a batch', () => {
  it('T17: an approval without limit and an operator, though Multicall3 is who gives them', async () => {
    expect((await looks.at({ calls: [pay, approve(USDC, TIP_JAR, ALL)] })).found).toEqual([
      'unlimited-approval critical',
    ])
    const operator = { to: gallery, function: 'setApprovalForAll(address,bool)', args: [TIP_JAR, 'true'] }
    expect((await looks.at({ calls: [pay, operator] })).found).toEqual(['approval-for-all critical'])
    expect((await looks.at({ calls: [pay, approve(USDC, MERCHANT, '5')] })).found).toEqual([
      'approval-to-account warning',
    ])
  })

  it('T17: one that no event shows', async () => {
    const silent = await looks.install('contract Subject { function approve(address, uint256) external {} }')
    expect((await looks.at({ calls: [pay, approve(silent, TIP_JAR, ALL)] })).found).toEqual([
      'unlimited-approval critical',
    ])
  })

  it('T17: one inside of a call inside of it', async () => {
    const account = await looks.install(`contract Subject {
      function execute(address to, uint256, bytes calldata data) external { (bool ok,) = to.call(data); require(ok); }
    }`)
    const data = encodeFunctionData({
      abi: parseAbi(['function approve(address,uint256)']),
      functionName: 'approve',
      args: [TIP_JAR, BigInt(ALL)],
    })
    const inner = { to: account, function: 'execute(address,uint256,bytes)', args: [USDC, '0', data] }
    expect((await looks.at({ calls: [pay, inner] })).found).toEqual(['unlimited-approval critical'])
  })

  it('exact approvals of contracts, payments and purchases are innocent', async () => {
    const shop = await looks.install(`contract Subject { uint256 sold; mapping(bytes32 => uint256) paid;
      function buy(bytes32 order) external payable { sold += 1; paid[order] += msg.value; } }`)
    const buy = { to: shop, function: 'buy(bytes32)', args: [`0x${'7'.repeat(64)}`], amount: '0.1' }
    expect((await looks.at({ calls: [pay, buy, approve(USDC, TIP_JAR, '5')] })).found).toEqual([])
  })
})

describe('T18: what stays in Multicall3 anybody takes', () => {
  const left = (amount: string) =>
    `${amount} would stay in Multicall3 ${MULTICALL3}, where anybody can take it`

  it('T18: tokens that are sent to it, and that it makes for itself', async () => {
    const { found, details } = await looks.at({ to: MULTICALL3, amount: '2.5', asset: 'USDC' })
    expect(found).toEqual(['left-in-multicall critical'])
    expect(details).toEqual([left('2.5 USDC')])
    const mint = { to: wrapped, function: 'mint(uint256)', args: ['5'] }
    const batch = await looks.at({ calls: [pay, mint] })
    expect(batch.found).toEqual(['left-in-multicall critical'])
    expect(batch.details[0]).toContain('0.000000000000000005')
    expect(
      (await looks.at({ calls: [pay, { to: gallery, function: 'mint(uint256)', args: ['5'] }] })).found,
    ).toEqual(['left-in-multicall critical'])
  })

  it('T18: what is wrapped for it, although no transfer shows it, by a call or by a payment', async () => {
    const wrap = { to: wrapped, function: 'deposit()', amount: '1' }
    const { found, details } = await looks.at({ calls: [pay, wrap] })
    expect(found).toEqual(['left-in-multicall critical'])
    expect(details[0]).toMatch(/^1 eip155:31337\/erc20:0x\w+ would stay/)
    expect((await looks.at({ calls: [pay, { to: wrapped, amount: '1' }] })).found).toEqual([
      'left-in-multicall critical',
    ])
  })

  it('T18: what is wrapped, minted and sent on is innocent, to the unit', async () => {
    const wrap = { to: wrapped, function: 'deposit()', amount: '1' }
    const mint = { to: wrapped, function: 'mint(uint256)', args: ['5'] }
    const on = (raw: string) => ({
      to: wrapped,
      function: 'transfer(address,uint256)',
      args: [MERCHANT, raw],
    })
    expect((await looks.at({ calls: [wrap, mint, on('1000000000000000005')] })).found).toEqual([])
    const { details } = await looks.at({ calls: [wrap, mint, on('1000000000000000004')] })
    expect(details).toEqual([expect.stringMatching(/^0\.000000000000000001 eip155/)])
  })

  it('T18: what a contract on the way keeps for it, that no call names', async () => {
    const router =
      await looks.install(`interface W { function deposit() external payable; function transfer(address, uint256) external;
        function depositTo(address) external payable; function quietly(address) external payable; }
      contract Subject { function swap(W wrapped) external payable {
        wrapped.deposit{value: msg.value}(); wrapped.transfer(msg.sender, msg.value); }
        function wrap(W wrapped) external payable { wrapped.depositTo{value: msg.value}(msg.sender); }
        function hush(W wrapped) external payable { wrapped.quietly{value: msg.value}(msg.sender); } }`)
    for (const way of ['swap', 'wrap', 'hush']) {
      const { found } = await looks.at({
        calls: [pay, { to: router, function: `${way}(address)`, args: [wrapped], amount: '1' }],
      })
      expect(found).toEqual(['left-in-multicall critical'])
    }
  })

  it('T18: native tokens of a call that fails and may, and that nobody took', async () => {
    const calls = [{ target: TIP_JAR as Hex, allowFailure: true, value: 10n ** 17n, callData: '0x' as const }]
    const data = encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3Value', args: [calls] })
    const { found, details } = await looks.at({ to: MULTICALL3, data, amount: '0.1' })
    expect(found).toEqual(['left-in-multicall critical'])
    expect(details).toEqual([left('0.1 ETH')])
    const unused = encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3', args: [[]] })
    expect((await looks.at({ to: MULTICALL3, data: unused, amount: '0.1' })).found).toEqual([
      'left-in-multicall critical',
    ])
    expect((await looks.at({ to: MULTICALL3, data: unused })).found).toEqual([])
  })

  it('T18: what was in it before, and others credit it, is not taken for what stays', async () => {
    const { world } = looks
    await world.a.ask('anvil_setBalance', MULTICALL3, '0xde0b6b3a7640000')
    try {
      expect(
        (
          await looks.at({
            calls: [pay, { to: wrapped, function: 'balanceOf(address)', args: [MULTICALL3] }],
          })
        ).found,
      ).toEqual([])
    } finally {
      await world.a.ask('anvil_setBalance', MULTICALL3, '0x0')
    }
  })

  it('T18: what contracts note in its name is told: by caller, by caller and token, by token and caller', async () => {
    const tip = { to: TIP_JAR, function: 'tip(string)', args: ['x'], amount: '0.1' }
    const { found, details } = await looks.at({ calls: [pay, tip] })
    expect(found).toEqual(['credited-to-multicall warning'])
    expect(details).toEqual([
      `${TIP_JAR} would note something in the name of Multicall3, which calls it: if that can be taken out, anybody can`,
    ])
    expect((await looks.at(tip)).found).toEqual([])
    for (const entry of ['deposits[msg.sender][address(0)]', 'deposits[address(0)][msg.sender]']) {
      const bank = await looks.install(
        `contract Subject { uint256[30] gap;
        mapping(address => mapping(address => uint256)) deposits;
        function deposit() external payable { ${entry} += msg.value; }
        function withdraw(uint256 raw) external { ${entry} -= raw; (bool ok,) = MERCHANT.call{value: raw}(""); require(ok); }
      }`.replace('MERCHANT', MERCHANT),
      )
      const deposit = { to: bank, function: 'deposit()', amount: '0.1' }
      expect((await looks.at({ calls: [pay, deposit] })).found).toEqual(['credited-to-multicall warning'])
      // What was put in is taken out again: nothing is left of it.
      const withdraw = { to: bank, function: 'withdraw(uint256)', args: ['100000000000000000'] }
      expect((await looks.at({ calls: [pay, deposit, withdraw] })).found).toEqual([])
    }
    const club = await looks.install(`contract Subject { mapping(address => uint256) points;
      function join() external { points[msg.sender] += 1; } function leave() external { points[msg.sender] -= 1; } }`)
    const call = (name: string) => {
      const callData = encodeFunctionData({ abi: parseAbi([`function ${name}()` as 'function f()']) })
      const args = [[{ target: club, allowFailure: false, callData }]] as const
      return encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3', args })
    }
    const joined = { to: MULTICALL3, data: call('join') }
    expect((await looks.at(joined)).found).toEqual(['credited-to-multicall warning'])
    const { world } = looks
    await world.a.ask('anvil_setStorageAt', club, pointsOf(MULTICALL3), `0x${'0'.repeat(63)}5`)
    expect((await looks.at({ to: MULTICALL3, data: call('leave') })).found).toEqual([])
    expect((await looks.at(joined)).found).toEqual(['credited-to-multicall warning'])
  })

  it('what could not be looked at is told', async () => {
    looks.world.a.proxy.setFault((calls) => {
      const probes = calls.length === 1 && calls[0]?.method === 'eth_call'
      return probes ? withoutMethods(['eth_call'])(calls) : undefined
    })
    try {
      const { found, details } = await looks.at({ calls: [pay, pay] })
      expect(found).toEqual(['not-traced info'])
      expect(details).toEqual(['whether something stays in Multicall3 could not be looked at'])
    } finally {
      looks.world.a.proxy.setFault(undefined)
    }
  })

  // The last one: that an endpoint does not trace is remembered.
  it('T18: what is wrapped for it is found by its events where no endpoint traces', async () => {
    const router = await looks.install(`interface W { function depositTo(address) external payable; }
      contract Subject { function wrap(W wrapped) external payable { wrapped.depositTo{value: msg.value}(msg.sender); } }`)
    looks.world.a.proxy.setFault(withoutMethods(['debug_traceCall']))
    try {
      const { found } = await looks.at({
        calls: [pay, { to: router, function: 'wrap(address)', args: [wrapped], amount: '1' }],
      })
      expect(found).toEqual(['left-in-multicall critical', 'not-traced info'])
    } finally {
      looks.world.a.proxy.setFault(undefined)
    }
  })
})
