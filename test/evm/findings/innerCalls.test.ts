import { encodeFunctionData, encodePacked, type Hex, parseAbi, size } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AGENT, MERCHANT, TIP_JAR, USDC } from '../../support/engine.ts'
import { type Looks, startLooks } from '../../support/looks.ts'

const MULTICALL3 = '0xcA11bde05977b3631167028862bE2a173976CA11'
const ALL = 2n ** 256n - 1n

const abi = parseAbi([
  'function approve(address,uint256)',
  'function increaseAllowance(address,uint256)',
  'function permit(address,address,uint256,uint256,uint8,bytes32,bytes32)',
  'function setApprovalForAll(address,bool)',
  'function transferFrom(address,address,uint256)',
  'function transfer(address,uint256)',
  'function balanceOf(address)',
  'function multicall(bytes[])',
  'function aggregate3((address,bool,bytes)[])',
  'function execute(address,uint256,bytes)',
  'function executeBatch(address[],uint256[],bytes[])',
  'function execute(bytes32,bytes)',
  'function execute((address,uint256,bytes)[])',
  'function multiSend(bytes)',
  'function execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)',
  'function exactInput(uint256)',
  'function configureMinter(address,uint256)',
  'function tip(string)',
])
const approveAll = encodeFunctionData({ abi, functionName: 'approve', args: [TIP_JAR, ALL] })
const approveFive = encodeFunctionData({ abi, functionName: 'approve', args: [TIP_JAR, 5n] })
const unknown = encodeFunctionData({ abi, functionName: 'configureMinter', args: [MERCHANT, 1n] })
const multicall = (...inner: Hex[]) => encodeFunctionData({ abi, functionName: 'multicall', args: [inner] })

/** A token that does what it is told and emits nothing. */
const SILENT = `contract Subject {
  mapping(address => mapping(address => uint256)) public allowance;
  function decimals() external pure returns (uint8) { return 18; }
  function symbol() external pure returns (string memory) { return "HUSH"; }
  function approve(address to, uint256 amount) public returns (bool) { allowance[msg.sender][to] = amount; return true; }
  function increaseAllowance(address to, uint256 more) public returns (bool) { allowance[msg.sender][to] += more; return true; }
  function permit(address owner, address to, uint256 amount, uint256, uint8, bytes32, bytes32) public { allowance[owner][to] = amount; }
  function transferFrom(address, address, uint256) public returns (bool) { return true; }
  function transfer(address, uint256 amount) public returns (bool) { return amount < 1000; }
  function setApprovalForAll(address, bool) public {}
  function hidden(uint256) public { allowance[msg.sender][address(1)] = 7; }
  function multicall(bytes[] calldata calls) external {
    for (uint i; i < calls.length; i++) { (bool ok,) = address(this).delegatecall(calls[i]); require(ok); }
  }
}`
/** A wallet contract that does what anybody tells it, in each of the ways in which wallets are told. */
const WALLET = `contract Subject {
  function run(address to, uint256 value, bytes calldata data) internal { (bool ok,) = to.call{value: value}(data); require(ok); }
  function execute(address to, uint256 value, bytes calldata data) external { run(to, value, data); }
  function executeBatch(address[] calldata to, uint256[] calldata value, bytes[] calldata data) external {
    for (uint i; i < to.length; i++) run(to[i], value[i], data[i]);
  }
  struct One { address to; uint256 value; bytes data; }
  function execute(bytes32, bytes calldata batch) external {
    One[] memory all = abi.decode(batch, (One[]));
    for (uint i; i < all.length; i++) { (bool ok,) = all[i].to.call{value: all[i].value}(all[i].data); require(ok); }
  }
  function execute(One[] calldata all) external { for (uint i; i < all.length; i++) { (bool ok,) = all[i].to.call(all[i].data); ok; } }
  function execTransaction(address to, uint256, bytes calldata data, uint8 operation, uint256, uint256, uint256, address, address, bytes calldata) external {
    (bool ok,) = operation == 1 ? to.delegatecall(data) : to.call(data); require(ok);
  }
}`
/** Safe's MultiSend, without its assembly. */
const MULTI_SEND = `contract Subject {
  function multiSend(bytes memory all) external {
    uint i;
    while (i < all.length) {
      address to; uint256 length;
      assembly { to := shr(96, mload(add(add(all, 33), i))) length := mload(add(add(all, 85), i)) }
      bytes memory data = new bytes(length);
      for (uint j; j < length; j++) data[j] = all[i + 85 + j];
      (bool ok,) = to.call(data); require(ok);
      i += 85 + length;
    }
  }
}`

let looks: Looks
let silent: Hex
let wallet: Hex

beforeAll(async () => {
  looks = await startLooks()
  silent = await looks.install(SILENT)
  wallet = await looks.install(WALLET)
})
afterAll(() => looks.stop())

describe('T17: an allowance that no event shows', () => {
  it.each([
    ['approve(address,uint256)', [TIP_JAR, '7'], '7'],
    ['increaseAllowance(address,uint256)', [TIP_JAR, '8'], '8'],
    [
      'permit(address,address,uint256,uint256,uint8,bytes32,bytes32)',
      [AGENT, TIP_JAR, '9', '0', '0', `0x${'0'.repeat(64)}`, `0x${'0'.repeat(64)}`],
      '9',
    ],
  ])('T17: is an effect all the same: %s', async (name, args, raw) => {
    const { effects, found } = await looks.at({ to: silent, function: name, args })
    expect(effects).toMatchObject([{ kind: 'approval', from: AGENT, to: TIP_JAR, amount: { raw } }])
    expect(found).toEqual([])
  })

  it('T17: is found when it has no limit', async () => {
    const { found } = await looks.at({ to: silent, data: approveAll })
    expect(found).toEqual(['unlimited-approval critical'])
  })

  it('T17: is one of Permit2 as well, which keeps it for the token', async () => {
    const permit2 = await looks.install(
      'contract Subject { function approve(address, address, uint160, uint48) external {} }',
    )
    const args = [USDC, TIP_JAR, (2n ** 160n - 1n).toString(), '281474976710655']
    const { found, effects } = await looks.at({
      ...{ to: permit2, function: 'approve(address,address,uint160,uint48)', args },
    })
    expect(effects).toMatchObject([{ kind: 'approval', to: TIP_JAR, amount: { symbol: 'USDC' } }])
    expect(found).toEqual(['unlimited-approval critical'])
  })

  it('what an event shows is counted once', async () => {
    const { effects } = await looks.at({ to: USDC, data: approveFive })
    expect(effects).toMatchObject([{ kind: 'approval', amount: { raw: '5' } }])
    expect(effects).toHaveLength(1)
  })

  it('is counted once behind a proxy', async () => {
    const proxy = await looks.install(`contract Subject {
      fallback() external { (bool ok,) = address(uint160(${BigInt(silent)})).delegatecall(msg.data); require(ok); }
    }`)
    const { effects } = await looks.at({ to: proxy, data: approveFive })
    expect(effects).toMatchObject([{ kind: 'approval', amount: { raw: '5' } }])
    expect(effects).toHaveLength(1)
  })

  it('a transfer that answers that it did nothing is none', async () => {
    const args = (raw: string) => ({
      to: silent,
      function: 'transfer(address,uint256)',
      args: [MERCHANT, raw],
    })
    expect((await looks.at(args('1000'))).effects).toEqual([])
  })
})

describe('T18: what a payload carries to be called inside', () => {
  it('T18: multicall by delegatecall: an approval without limit that no event shows', async () => {
    const { found, effects } = await looks.at({
      to: silent,
      data: multicall(approveFive, multicall(approveAll)),
    })
    expect(found).toEqual(['unlimited-approval critical'])
    expect(effects).toMatchObject([
      { kind: 'approval', amount: { raw: '5' } },
      { kind: 'approval', amount: { raw: ALL.toString() } },
    ])
  })

  it('T18: setApprovalForAll and transferFrom of the account that no event shows', async () => {
    const forAll = encodeFunctionData({ abi, functionName: 'setApprovalForAll', args: [TIP_JAR, true] })
    expect((await looks.at({ to: silent, data: multicall(forAll) })).found).toEqual([
      'approval-for-all critical',
    ])
    const take = encodeFunctionData({ abi, functionName: 'transferFrom', args: [AGENT, MERCHANT, 44n] })
    expect((await looks.at({ to: silent, data: multicall(take) })).effects).toMatchObject([
      { kind: 'transfer', from: AGENT, to: MERCHANT, amount: { raw: '44' } },
    ])
  })

  it('T18: a transfer of the account that fails now and is allowed to is an effect', async () => {
    const take = encodeFunctionData({ abi, functionName: 'transferFrom', args: [AGENT, MERCHANT, 44n] })
    const data = encodeFunctionData({ abi, functionName: 'aggregate3', args: [[[USDC, true, take]]] })
    const { effects } = await looks.at({ to: MULTICALL3, data })
    expect(effects).toMatchObject([{ kind: 'transfer', from: AGENT, to: MERCHANT, amount: { raw: '44' } }])
  })

  it.each([
    [
      'execute',
      (): Hex => encodeFunctionData({ abi, functionName: 'execute', args: [USDC, 0n, approveAll] }),
    ],
    [
      'executeBatch',
      (): Hex =>
        encodeFunctionData({ abi, functionName: 'executeBatch', args: [[USDC], [0n], [approveAll]] }),
    ],
    [
      'ERC-7579',
      (): Hex => {
        const calls = encodeFunctionData({
          abi: parseAbi(['function f((address,uint256,bytes)[])']),
          args: [[[USDC, 0n, approveAll]]],
        })
        const mode: Hex = `0x01${'0'.repeat(62)}`
        return encodeFunctionData({ abi, functionName: 'execute', args: [mode, `0x${calls.slice(10)}`] })
      },
    ],
  ])('T17, T18: a wallet contract is commanded to approve without limit: %s', async (_name, data) => {
    const { found, details } = await looks.at({ to: wallet, data: data() })
    expect(found).toEqual(['unlimited-approval critical'])
    expect(details[0]?.toLowerCase()).toContain(`may take all usdc of ${wallet}`)
  })

  it("T17, T18: Safe's multiSend is unpacked", async () => {
    const sender = await looks.install(MULTI_SEND)
    const one = (data: Hex) =>
      encodePacked(
        ['uint8', 'address', 'uint256', 'uint256', 'bytes'],
        [0, USDC, 0n, BigInt(size(data)), data],
      )
    const packed: Hex = `0x${one(approveFive).slice(2)}${one(approveAll).slice(2)}`
    const inner = encodeFunctionData({ abi, functionName: 'multiSend', args: [packed] })
    const zero = `0x${'0'.repeat(40)}` as const
    const data = encodeFunctionData({
      abi,
      functionName: 'execTransaction',
      args: [sender, 0n, inner, 1, 0n, 0n, 0n, zero, zero, '0x'],
    })
    expect((await looks.at({ to: wallet, data })).found).toContain('unlimited-approval critical')
  })

  it('T18: bytes that cannot be read, with the rights of the account', async () => {
    const lenient = await looks.install('contract Subject { fallback() external {} }')
    const { found } = await looks.at({ to: lenient, data: multicall('0x1234') })
    expect(found).toEqual(['inner-call-unknown critical'])
    const odd = `0xe9ae5c53${'7'.repeat(128)}` as const
    expect((await looks.at({ to: lenient, data: odd })).found).toEqual(['inner-call-unknown warning'])
    const garbled = await looks.at({ to: lenient, data: `0xac9650d8${'f'.repeat(64)}` })
    expect(garbled.found).toEqual(['inner-call-unknown critical'])
  })

  it('T18: a function of a listed token that nobody knows, by an account that runs the code of a wallet', async () => {
    const code = await looks.world.a.ask('eth_getCode', wallet, 'latest')
    await looks.world.a.ask('anvil_setCode', AGENT, code)
    const lenient = await looks.world.a.ask('eth_getCode', USDC, 'latest')
    try {
      await looks.world.a.ask('anvil_setCode', USDC, '0x00')
      const data = encodeFunctionData({ abi, functionName: 'execute', args: [USDC, 0n, unknown] })
      const { found, details } = await looks.at({ to: AGENT, data })
      expect(found).toEqual(['inner-call-unknown critical'])
      expect(details[0]).toContain(USDC)
    } finally {
      await looks.world.a.ask('anvil_setCode', AGENT, '0x')
      await looks.world.a.ask('anvil_setCode', USDC, lenient)
    }
  })

  it('T18: a call in the name of a wallet contract that fails now, and may', async () => {
    const args = [
      [[TIP_JAR, 0n, encodeFunctionData({ abi, functionName: 'exactInput', args: [7n] })]],
    ] as const
    const data = encodeFunctionData({ abi, functionName: 'execute', args })
    const { found, details } = await looks.at({ to: wallet, data })
    expect(found).toEqual(['inner-call-unknown warning'])
    expect(details[0]).toContain(`of ${TIP_JAR}: it failed when it was tried`)
  })

  it('T18: calls in calls are read to a depth, and beyond it are unknown', async () => {
    const nested = (depth: number): Hex => (depth === 0 ? approveFive : multicall(nested(depth - 1)))
    expect((await looks.at({ to: silent, data: nested(6) })).found).toEqual([])
    expect((await looks.at({ to: silent, data: nested(7) })).found).toEqual(['inner-call-unknown critical'])
  })
})

describe('T18: innocent look-alikes', () => {
  it('a router whose multicall runs functions of its own', async () => {
    const router = await looks.install(`contract Subject {
      uint256 paid;
      function exactInput(uint256 amount) external payable { paid = amount; }
      function multicall(bytes[] calldata calls) external payable {
        for (uint i; i < calls.length; i++) { (bool ok,) = address(this).delegatecall(calls[i]); require(ok); }
      }
    }`)
    const swap = encodeFunctionData({ abi, functionName: 'exactInput', args: [7n] })
    expect((await looks.at({ to: router, data: multicall(swap, swap), amount: '0.1' })).found).toEqual([])
  })

  it('Multicall3 reads, fails where it may, and calls with no rights but its own', async () => {
    const read = encodeFunctionData({ abi, functionName: 'balanceOf', args: [AGENT] })
    const calls = [
      [USDC, true, read],
      [USDC, true, unknown],
      [USDC, true, approveAll],
      [TIP_JAR, true, encodeFunctionData({ abi, functionName: 'tip', args: ['none'] })],
    ] as const
    const data = encodeFunctionData({ abi, functionName: 'aggregate3', args: [calls] })
    const { found, effects } = await looks.at({ to: MULTICALL3, data })
    expect(found).toEqual([])
    expect(effects.filter(({ from }) => from === AGENT)).toEqual([])
  })

  it('a batch of an account that approves exactly and deposits where shares are a token', async () => {
    const vault = await looks.install(`contract Subject {
      function decimals() external pure returns (uint8) { return 6; }
      function symbol() external pure returns (string memory) { return "cUSDC"; }
      event Transfer(address indexed from, address indexed to, uint256 amount);
      function exactInput(uint256 amount) external { emit Transfer(address(0), msg.sender, amount); }
    }`)
    await looks.world.a.ask('anvil_setCode', AGENT, await looks.world.a.ask('eth_getCode', wallet, 'latest'))
    try {
      const supply = encodeFunctionData({ abi, functionName: 'exactInput', args: [5n] })
      const data = encodeFunctionData({
        abi,
        functionName: 'executeBatch',
        args: [
          [USDC, vault],
          [0n, 0n],
          [approveFive, supply],
        ],
      })
      const { found, effects } = await looks.at({ to: AGENT, data })
      expect(found).toEqual([])
      expect(effects).toMatchObject([
        { kind: 'approval', from: AGENT, amount: { raw: '5' } },
        { kind: 'transfer', to: AGENT, amount: { raw: '5' } },
      ])
    } finally {
      await looks.world.a.ask('anvil_setCode', AGENT, '0x')
    }
  })

  it('a contract whose execute and multicalls are no calls at all', async () => {
    const other = await looks.install(`contract Subject { uint256 x;
      function execute(address, uint256, bytes calldata data) external { x = data.length; }
      function execute(bytes32, bytes calldata data) external { x = data.length; }
    }`)
    const order = encodeFunctionData({ abi, functionName: 'execute', args: [USDC, 5n, approveAll] })
    expect((await looks.at({ to: other, data: order })).found).toEqual([])
    const args = [USDC, 5n, '0x1234'] as const
    const bytes = encodeFunctionData({ abi, functionName: 'execute', args })
    expect((await looks.at({ to: other, data: bytes })).found).toEqual([])
  })

  it('a collection from before events were indexed', async () => {
    const kitties = await looks.install(`contract Subject {
      event Transfer(address from, address to, uint256 tokenId);
      function balanceOf(address) external pure returns (uint256) { return 1; }
      function transfer(address to, uint256 tokenId) external { emit Transfer(msg.sender, to, tokenId); }
    }`)
    const request = { to: kitties, function: 'transfer(address,uint256)', args: [MERCHANT, '8123'] }
    expect((await looks.at(request)).found).toEqual([])
  })

  it('a wallet contract that is commanded to approve exactly', async () => {
    const data = encodeFunctionData({ abi, functionName: 'execute', args: [USDC, 0n, approveFive] })
    expect((await looks.at({ to: wallet, data })).found).toEqual([])
  })
})
