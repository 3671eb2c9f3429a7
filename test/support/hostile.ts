import { type Hex, pad, stringToHex, toHex } from 'viem'
import { adminBatch } from '../../src/sandbox/adminRpc.ts'
import type { Lane } from './engine.ts'
import { compile } from './tokens.ts'

/**
 * A token, a collection and a contract that fails, all of whose words are the text at the end of its own code, which its
 * last word has the length of.
 */
const HOSTILE = `contract Subject {
  event Transfer(address indexed from, address indexed to, uint256 amount);
  event Approval(address indexed owner, address indexed spender, uint256 amount);
  event Said(string text);
  error Own(string text);
  uint8 public constant decimals = 6;
  mapping(address => uint256) spent;
  mapping(address => uint256) got;
  function _text() internal pure returns (string memory text) { assembly {
    codecopy(0, sub(codesize(), 32), 32)
    let length := mload(0)
    text := mload(0x40)
    mstore(text, length)
    codecopy(add(text, 32), sub(sub(codesize(), 32), length), length)
    mstore(0x40, and(add(add(text, length), 63), not(31)))
  } }
  function symbol() external pure returns (string memory) { return _text(); }
  function name() external pure returns (string memory) { return _text(); }
  function tokenURI(uint256) external pure returns (string memory) { return _text(); }
  function balanceOf(address owner) external view returns (uint256) { return 100e6 + got[owner] - spent[owner]; }
  function transfer(address to, uint256 amount) external returns (bool) {
    spent[msg.sender] += amount; got[to] += amount; emit Transfer(msg.sender, to, amount); return true;
  }
  function say() external { emit Said(_text()); }
  function fail() external pure { revert(_text()); }
  function failOwn() external pure { revert Own(_text()); }
}`

/** Where the n-th text is. */
export const hostileAt = (n: number): Hex => pad(toHex(0xbad00000 + n), { size: 20 })

/** Puts a contract for each of the texts on a chain. */
export async function installHostile(lane: Lane, texts: readonly string[]): Promise<void> {
  const code = compile(HOSTILE)
  const calls = texts.map((text, n) => {
    const tail = stringToHex(text)
    const length = toHex((tail.length - 2) / 2, { size: 32 })
    return { method: 'anvil_setCode', params: [hostileAt(n), `${code}${tail.slice(2)}${length.slice(2)}`] }
  })
  await adminBatch(lane.rpcUrl, calls)
}
