import { encodeFunctionData, type Hex, parseAbi } from 'viem'
import { type PackedCall, packCalls } from '../../src/evm/batching/multicall3.ts'
import type { FindingCode } from '../../src/primitives/findings.ts'
import { AGENT, MERCHANT, TIP_JAR, USDC } from '../../test/support/engine.ts'

/** A call and what is to be found in it: nothing, for the look-alikes. */
export interface Labelled {
  readonly name: string
  readonly to: Hex
  readonly data: Hex
  readonly value?: bigint
  readonly findings: readonly FindingCode[]
  readonly reverts?: true
}

type Install = (source: string, storage?: Readonly<Record<string, string>>) => Promise<Hex>

const abi = parseAbi([
  'function go()',
  'function go(address)',
  'function approve(address,uint256)',
  'function setApprovalForAll(address,bool)',
  'function transfer(address,uint256)',
  'function transferFrom(address,address,uint256)',
  'function balanceOf(address)',
  'function multicall(bytes[])',
  'function aggregate3((address,bool,bytes)[])',
  'function tip(string)',
  'function averageTip()',
  'function deposit()',
  'function join()',
  'function withdraw(address,uint256)',
])
const go = encodeFunctionData({ abi, functionName: 'go', args: [] })
const goTo = (to: Hex) => encodeFunctionData({ abi, functionName: 'go', args: [to] })
const approve = (to: Hex, raw: bigint) =>
  encodeFunctionData({ abi, functionName: 'approve', args: [to, raw] })
const transfer = (to: Hex, raw: bigint) =>
  encodeFunctionData({ abi, functionName: 'transfer', args: [to, raw] })
const multicall = (inner: readonly Hex[]) =>
  encodeFunctionData({ abi, functionName: 'multicall', args: [inner] })
const aggregate = (calls: readonly (readonly [Hex, boolean, Hex])[]) =>
  encodeFunctionData({ abi, functionName: 'aggregate3', args: [calls] })

const MULTICALL3: Hex = '0xcA11bde05977b3631167028862bE2a173976CA11'
const SLOT = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc'
const ALL = 2n ** 256n - 1n
const word = (address: string) => `0x${address.slice(2).toLowerCase().padStart(64, '0')}`

/** Payments and calls as agents make them, half of them refused: nothing is to be found in any. */
export function ordinary(turn: number): readonly Labelled[] {
  const raw = BigInt(1_000 + turn)
  const take = encodeFunctionData({ abi, functionName: 'transferFrom', args: [MERCHANT, AGENT, raw] })
  const read = encodeFunctionData({ abi, functionName: 'balanceOf', args: [AGENT] })
  const empty = encodeFunctionData({ abi, functionName: 'withdraw', args: [AGENT, raw] })
  const none = { findings: [] } as const
  return [
    { name: 'native', to: MERCHANT, data: '0x', value: raw, ...none },
    { name: 'token', to: USDC, data: transfer(MERCHANT, raw), ...none },
    { name: 'exact approval', to: USDC, data: approve(TIP_JAR, raw), ...none },
    {
      name: 'tip',
      to: TIP_JAR,
      data: encodeFunctionData({ abi, functionName: 'tip', args: ['hi'] }),
      value: raw,
      ...none,
    },
    {
      name: 'multicall',
      to: MULTICALL3,
      data: aggregate([
        [USDC, true, read],
        [USDC, true, take],
      ]),
      ...none,
    },
    { name: 'no allowance', to: USDC, data: take, reverts: true, ...none },
    {
      name: 'reason',
      to: TIP_JAR,
      data: encodeFunctionData({ abi, functionName: 'tip', args: ['hi'] }),
      reverts: true,
      ...none,
    },
    { name: 'custom error', to: TIP_JAR, data: empty, reverts: true, ...none },
    { name: 'no such function', to: TIP_JAR, data: '0x12345678', reverts: true, ...none },
    {
      name: 'multicall that fails',
      to: MULTICALL3,
      data: aggregate([[USDC, false, take]]),
      reverts: true,
      ...none,
    },
  ]
}

const BANK = (withdraw: string) => `contract Subject {
  mapping(address => uint256) public balance; uint256 lock;
  function deposit() external payable { balance[msg.sender] += msg.value; }
  function withdraw() external { ${withdraw} }
}`
const PAY = '(bool ok,) = msg.sender.call{value: amount}(""); require(ok);'
const READ = 'uint256 amount = balance[msg.sender];'
const CLIENT = (
  back: string,
) => `interface Bank { function deposit() external payable; function withdraw() external; }
  contract Subject {
    Bank bank; bool on;
    function go(Bank at) external payable { bank = at; on = true; bank.deposit{value: msg.value}(); bank.withdraw(); }
    receive() external payable { if (on) { on = false; ${back} } }
  }`
const SELF_MULTICALL = `function multicall(bytes[] calldata calls) external {
  for (uint i; i < calls.length; i++) { (bool ok,) = address(this).delegatecall(calls[i]); require(ok); }
}`
const OWNED = (how: string) => `contract Subject {
  address owner; address other;
  event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
  function go(address next) external { ${how} }
}`

/** Contracts that show a finding, each beside one that looks like it and is innocent. */
export async function labelled(
  install: Install,
  fund: (account: Hex) => Promise<unknown>,
): Promise<readonly Labelled[]> {
  const cases: Labelled[] = []
  const add = (name: string, to: Hex, data: Hex, findings: readonly FindingCode[], value = 0n) =>
    cases.push({ name, to, data, findings, value })

  const hush = await install(`contract Subject { mapping(address => uint256) a;
    function approve(address to, uint256 raw) external { a[to] = raw; }
    function setApprovalForAll(address, bool) external {} ${SELF_MULTICALL} }`)
  const forAll = (on: boolean) =>
    encodeFunctionData({ abi, functionName: 'setApprovalForAll', args: [TIP_JAR, on] })
  add('approval without limit', USDC, approve(TIP_JAR, ALL), ['unlimited-approval'])
  add('approval of an account', USDC, approve(MERCHANT, 5n), ['approval-to-account'])
  add('silent approval within a multicall', hush, multicall([approve(TIP_JAR, ALL)]), ['unlimited-approval'])
  add('exact silent approval within a multicall', hush, multicall([approve(TIP_JAR, 5n)]), [])
  add('approval for all', hush, forAll(true), ['approval-for-all'])
  add('end of an approval for all', hush, forAll(false), [])
  add(
    'approval without limit by Multicall3, of its own',
    MULTICALL3,
    aggregate([[USDC, true, approve(TIP_JAR, ALL)]]),
    [],
  )
  const lenient = await install('contract Subject { fallback() external {} }')
  add('bytes that are no call', lenient, multicall(['0x1234']), ['inner-call-unknown'])
  const router = await install(
    `contract Subject { uint256 x; function go() external { x++; } ${SELF_MULTICALL} }`,
  )
  add('functions of its own', router, multicall([go, go]), [])

  const wrapper =
    await install(`contract Subject { mapping(address => uint256) public balanceOf; mapping(address => uint256) points;
    function deposit() external payable { balanceOf[msg.sender] += msg.value; }
    function join() external { points[msg.sender]++; }
    function transfer(address to, uint256 raw) external { balanceOf[msg.sender] -= raw; balanceOf[to] += raw; } }`)
  const batch = (...calls: readonly PackedCall[]) => packCalls(calls)
  const pay: PackedCall = { to: MERCHANT as Hex, value: 5n, data: '0x' }
  const wrap = { to: wrapper, value: 5n, data: encodeFunctionData({ abi, functionName: 'deposit' }) }
  const on = { to: wrapper, value: 0n, data: transfer(MERCHANT, 5n) }
  const join = { to: wrapper, value: 0n, data: encodeFunctionData({ abi, functionName: 'join' }) }
  const limitless = { to: USDC as Hex, value: 0n, data: approve(TIP_JAR, ALL) }
  add('approval of Multicall3', USDC, approve(MULTICALL3, 5n), ['approval-to-multicall'])
  add('end of an approval of Multicall3', USDC, approve(MULTICALL3, 0n), [])
  add('token to Multicall3', USDC, transfer(MULTICALL3, 5n), ['left-in-multicall'])
  add('a batch of payments', MULTICALL3, batch(pay, pay), [], 10n)
  add('a batch that wraps and keeps', MULTICALL3, batch(pay, wrap), ['left-in-multicall'], 10n)
  add('a batch that wraps and sends on', MULTICALL3, batch(wrap, on), [], 5n)
  add('a batch that joins', MULTICALL3, batch(pay, join), ['credited-to-multicall'], 5n)
  add('a batch that approves without limit', MULTICALL3, batch(pay, limitless), ['unlimited-approval'], 5n)

  add('token to itself', USDC, transfer(USDC, 5n), ['token-as-recipient'])
  const pair =
    await install(`contract Subject { event Transfer(address indexed from, address indexed to, uint256 raw);
    function transfer(address to, uint256 raw) external { emit Transfer(msg.sender, to, raw); emit Transfer(to, address(0), raw); } }`)
  add('token to itself, burnt', pair, transfer(pair, 5n), [])

  const client = await install(CLIENT('bank.withdraw();'))
  const stale = await install(BANK(`${READ} ${PAY} balance[msg.sender] = 0;`))
  await fund(stale)
  const careful = await install(BANK(`${READ} balance[msg.sender] = 0; ${PAY}`))
  const guarded = await install(
    BANK(`require(lock == 0); lock = 1; ${READ} ${PAY} balance[msg.sender] = 0; lock = 0;`),
  )
  const trying = await install(CLIENT('try bank.withdraw() {} catch {}'))
  add('effects after interactions', client, goTo(stale), ['reentrancy'], 10n)
  add('effects before interactions', client, goTo(careful), [], 10n)
  add('a guard', trying, goTo(guarded), [], 10n)

  const logic = await install('contract Subject { uint256 x; function go() external { x++; } }')
  const proxy = await install(
    `contract Subject { fallback() external { address to; assembly { to := sload(${SLOT}) } (bool ok,) = to.delegatecall(msg.data); require(ok); } }`,
    { [SLOT]: word(logic) },
  )
  const anything = await install(
    'contract Subject { function go(address to) external { (bool ok,) = to.delegatecall(abi.encodeWithSignature("go()")); require(ok); } }',
  )
  add('code of the caller’s choice', anything, goTo(logic), ['delegatecall-unknown'])
  add('a proxy', proxy, go, [])
  const upgradable = await install(
    `contract Subject { function go(address to) external { assembly { sstore(${SLOT}, to) } } }`,
    { [SLOT]: word(TIP_JAR) },
  )
  add('an upgrade', upgradable, goTo(MERCHANT), ['upgrade'])
  add('an upgrade to the same', upgradable, goTo(TIP_JAR), [])

  const ours = { '0x0': word(AGENT) }
  const given = await install(OWNED('emit OwnershipTransferred(owner, next); owner = next;'), ours)
  const quiet = await install(OWNED('owner = next;'), ours)
  const noted = await install(OWNED('other = next;'), ours)
  add('ownership given away', given, goTo(MERCHANT), ['ownership-change'])
  add('ownership given away without a word', quiet, goTo(MERCHANT), ['ownership-change'])
  add('another address noted', noted, goTo(MERCHANT), [])

  const factory = await install('contract C {} contract Subject { function go() external { new C(); } }')
  const failing = await install(
    'contract C { constructor() { revert(); } } contract Subject { function go() external { try new C() {} catch {} } }',
  )
  add('a creation', factory, go, ['contract-creation'])
  add('a creation that is undone', failing, go, [])
  const mortal = await install(
    'contract Subject { function go(address payable to) external { selfdestruct(to); } }',
  )
  add('a self-destruction', mortal, goTo(MERCHANT), ['self-destruct'])
  const trap =
    await install(`contract Subject { event Approval(address indexed a, address indexed b, uint256 raw);
    function go() external { if (block.coinbase != address(0)) emit Approval(msg.sender, address(this), 5); } }`)
  const open = await install(
    `contract Subject { address last; function go() external { last = block.coinbase; } }`,
  )
  add('one that behaves in simulations', trap, go, ['environment-dependent'])
  add('one that reads the block', open, go, [])
  return cases
}
