import { encodeFunctionData, type Hex, pad, parseAbi } from 'viem'
import type { Engine, Lane } from './engine.ts'
import { compile } from './tokens.ts'

/** Tokens as they are found on real chains, and a contract that takes what it was allowed to. */

const BOOKS = `
  mapping(address => uint256) public balanceOf;
  mapping(address => mapping(address => uint256)) public allowance;
  uint8 public constant decimals = 6;
  string public constant symbol = "AWK";
  event Transfer(address indexed from, address indexed to, uint256 amount);
  event Approval(address indexed owner, address indexed spender, uint256 amount);
  function mint(address to, uint256 amount) external { balanceOf[to] += amount; emit Transfer(address(0), to, amount); }
  function _move(address from, address to, uint256 amount) internal {
    balanceOf[from] -= amount; balanceOf[to] += amount; emit Transfer(from, to, amount);
  }
`

/** Returns nothing, and changes no allowance that is not zero to another one. */
const RESET = `contract Subject { ${BOOKS}
  function transfer(address to, uint256 amount) external { _move(msg.sender, to, amount); }
  function approve(address spender, uint256 amount) external {
    require(amount == 0 || allowance[msg.sender][spender] == 0, "reset first");
    allowance[msg.sender][spender] = amount; emit Approval(msg.sender, spender, amount);
  }
  function transferFrom(address from, address to, uint256 amount) external {
    allowance[from][msg.sender] -= amount; _move(from, to, amount);
  }
}`

/** Keeps five per cent of what is sent. */
const FEE = `contract Subject { ${BOOKS}
  function transfer(address to, uint256 amount) external returns (bool) {
    uint256 fee = amount / 20; _move(msg.sender, address(this), fee); _move(msg.sender, to, amount - fee); return true;
  }
}`

/** Says that it was not done, and has done nothing. */
const REFUSING = `contract Subject { ${BOOKS}
  function transfer(address, uint256) external pure returns (bool) { return false; }
}`

/** Takes a unit from whoever changes an allowance, once it is taxed. */
const TOLL = `contract Subject { ${BOOKS}
  function approve(address spender, uint256 amount) external returns (bool) {
    if (balanceOf[address(this)] > 0) _move(msg.sender, address(this), 1);
    allowance[msg.sender][spender] = amount; emit Approval(msg.sender, spender, amount); return true;
  }
  function transferFrom(address from, address to, uint256 amount) external {
    allowance[from][msg.sender] -= amount; _move(from, to, amount);
  }
}`

/** Takes tokens from its caller, unless it is closed. */
const TAKER = `
interface Token { function transferFrom(address from, address to, uint256 amount) external; }
contract Subject {
  bool public closed;
  function take(address token, uint256 amount) external {
    require(!closed, "closed");
    (bool done,) = token.call(abi.encodeCall(Token.transferFrom, (msg.sender, address(this), amount)));
    require(done, "not allowed");
  }
  function close(bool now_) external { closed = now_; }
}`

const SOURCES = { reset: RESET, fee: FEE, refusing: REFUSING, toll: TOLL, taker: TAKER } as const

export const AWKWARD: Readonly<Record<keyof typeof SOURCES, Hex>> = {
  reset: pad('0x5e7a01', { size: 20 }),
  fee: pad('0x5e7a02', { size: 20 }),
  refusing: pad('0x5e7a03', { size: 20 }),
  taker: pad('0x5e7a04', { size: 20 }),
  toll: pad('0x5e7a05', { size: 20 }),
}

export async function installAwkward(lane: Lane): Promise<void> {
  for (const [name, source] of Object.entries(SOURCES))
    await lane.ask('anvil_setCode', AWKWARD[name as keyof typeof SOURCES], compile(source))
}

const abi = parseAbi([
  'function mint(address to, uint256 amount)',
  'function approve(address spender, uint256 amount)',
  'function close(bool now_)',
  'function balanceOf(address) view returns (uint256)',
  'function allowance(address, address) view returns (uint256)',
])

/** A transaction of an account of anvil's, mined. */
export async function act(
  lane: Lane,
  from: string,
  to: Hex,
  ...[functionName, ...args]: ['mint' | 'approve', Hex, bigint] | ['close', boolean]
): Promise<void> {
  const data = encodeFunctionData({ abi, functionName, args } as Parameters<typeof encodeFunctionData>[0])
  await lane.ask('eth_sendTransaction', { from, to, data })
  await lane.mine()
}

export async function tokenBalance(lane: Lane, token: Hex, account: Hex): Promise<bigint> {
  const data = encodeFunctionData({ abi, functionName: 'balanceOf', args: [account] })
  return BigInt((await lane.ask('eth_call', { to: token, data }, 'latest')) as string)
}

export async function allowanceOf(lane: Lane, token: Hex, owner: Hex, spender: Hex): Promise<bigint> {
  const data = encodeFunctionData({ abi, functionName: 'allowance', args: [owner, spender] })
  return BigInt((await lane.ask('eth_call', { to: token, data }, 'latest')) as string)
}

/** Another account of anvil's, which owns nothing of what is tested. */
export const STRANGER: Hex = '0xa0Ee7A142d267C1f36714E4a8F75612F20a79720'

/** A call that takes so many of a token, in whole units. */
export const taking = (token: string, amount: string, taken = `${Number(amount) * 1e6}`) => ({
  to: AWKWARD.taker,
  function: 'take(address,uint256)',
  args: [token, taken],
  asset: token,
  amount,
  idempotencyKey: `take ${amount} of ${token}`,
})

/** Mines and looks until an operation has long ended, or will not end. */
export async function finishOf(lane: Lane, engine: Engine, operationId: string) {
  for (let looks = 0; looks < 6; looks++) {
    await lane.mine(2)
    await engine.driver.drive(operationId)
  }
  return engine.get(operationId)
}
