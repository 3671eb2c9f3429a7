import type { Hex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { delegations } from '../../../src/evm/findings/creations.ts'
import type { Evidence } from '../../../src/evm/findings/evidence.ts'
import { AGENT, MERCHANT, TIP_JAR, USDC } from '../../support/engine.ts'
import { type Looks, startLooks, wordOf } from '../../support/looks.ts'

let looks: Looks

beforeAll(async () => {
  looks = await startLooks()
})
afterAll(() => looks.stop())

const call = (to: string, name: string, ...args: string[]) => looks.at({ to, function: name, args })

describe('contracts that come and go', () => {
  it('a creation is told, however deep', async () => {
    const factory = await looks.install(`
      contract Child { uint256 public one = 1; }
      contract Subject { function make() external { new Child(); } }`)
    const { found, details } = await call(factory, 'make()')
    expect(found).toEqual(['contract-creation info'])
    expect(details[0]).toMatch(/^it creates 0x[0-9a-fA-F]{40}$/)
  })

  it('a creation that is undone is none', async () => {
    const factory = await looks.install(`
      contract Child { constructor() { revert(); } }
      contract Subject { function make() external { try new Child() {} catch {} } }`)
    expect((await call(factory, 'make()')).found).toEqual([])
  })

  it('a contract that destroys itself is told', async () => {
    const mortal = await looks.install(
      'contract Subject { function kill(address payable to) external { selfdestruct(to); } }',
    )
    const { found, details } = await call(mortal, 'kill(address)', MERCHANT)
    expect(found).toEqual(['self-destruct warning'])
    expect(details[0]?.toLowerCase()).toBe(
      `${mortal} destroys itself, and all that it has goes to ${MERCHANT.toLowerCase()}`,
    )
  })

  it('one that lives within the transaction only harms nobody, nor one whose end is undone', async () => {
    const nest = await looks.install(`
      contract Sweeper { constructor(address payable to) { selfdestruct(to); } }
      contract Mortal { function kill() external { selfdestruct(payable(msg.sender)); } }
      contract Subject {
        function sweep(address payable to) external { new Sweeper(to); }
        function end(address payable to) external { selfdestruct(to); }
        function undone(address payable to) external { try this.both(to) {} catch {} }
        function both(address payable to) external { this.end(to); revert(); }
      }`)
    expect((await call(nest, 'sweep(address)', MERCHANT)).found).not.toContain('self-destruct warning')
    expect((await call(nest, 'undone(address)', MERCHANT)).found).toEqual([])
  })

  it('T17: an account that begins to run the code of a contract is critical, one that ends it is not', () => {
    const of = (before: Hex, after: Hex) => {
      const changes = new Map([[AGENT as Hex, { storage: new Map(), code: { before, after } }]])
      return delegations({ changes } as unknown as Evidence).map(({ severity, detail }) => [severity, detail])
    }
    const delegating: Hex = `0xef0100${TIP_JAR.slice(2).toLowerCase() as string}`
    expect(of('0x', delegating)).toEqual([
      ['critical', `from now on the account ${AGENT} does what the code of ${TIP_JAR.toLowerCase()} says`],
    ])
    expect(of(delegating, '0x')).toEqual([])
    expect(of('0x', '0x6001')).toEqual([])
  })
})

describe('contracts that run other code from now on', () => {
  const IMPLEMENTATION = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc'
  const PROXY = (rest: string) => `contract Subject {
    event Upgraded(address indexed implementation);
    function put(bytes32 slot, address to) internal { assembly { sstore(slot, to) } }
    ${rest}
  }`

  it.each([
    ['implementation', IMPLEMENTATION],
    ['admin', '0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103'],
    ['beacon', '0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50'],
  ])('a changed slot is told without an event: %s', async (what, slot) => {
    const proxy = await looks.install(PROXY(`function to(address next) external { put(${slot}, next); }`), {
      [slot]: wordOf(TIP_JAR),
    })
    const { found, details } = await call(proxy, 'to(address)', MERCHANT)
    expect(found).toEqual(['upgrade warning'])
    expect(details[0]).toMatch(
      new RegExp(`^the ${what} of ${proxy} becomes ${MERCHANT}, not ${TIP_JAR}$`, 'i'),
    )
  })

  it('an event is told where the slot is another one', async () => {
    const proxy = await looks.install(
      PROXY('address code; function to(address next) external { code = next; emit Upgraded(next); }'),
    )
    const { found } = await call(proxy, 'to(address)', MERCHANT)
    expect(found).toEqual(['upgrade warning'])
  })

  it('a diamond that gets other facets is told (EIP-2535)', async () => {
    const diamond = await looks.install(`contract Subject {
      struct FacetCut { address facet; uint8 action; bytes4[] selectors; }
      event DiamondCut(FacetCut[] cut, address init, bytes data);
      mapping(bytes4 => address) facets;
      function diamondCut(FacetCut[] calldata cut, address init, bytes calldata data) external {
        facets[cut[0].selectors[0]] = cut[0].facet;
        emit DiamondCut(cut, init, data);
      }
    }`)
    const cut = JSON.stringify([[MERCHANT, '0', ['0xa9059cbb']]])
    const name = 'diamondCut((address,uint8,bytes4[])[],address,bytes)'
    const { found, details } = await call(diamond, name, cut, MERCHANT, '0x')
    expect(found).toEqual(['upgrade warning'])
    expect(details[0]?.toLowerCase()).toBe(`${diamond} says that its facets are now others`)
  })

  /** A wallet in the way of a Safe: its first word is whose code it runs, and it does what its owner says. */
  const WALLET = `contract Subject {
    address singleton;
    fallback() external payable { assembly {
      calldatacopy(0, 0, calldatasize())
      let ok := delegatecall(gas(), sload(0), 0, calldatasize(), 0, 0)
      returndatacopy(0, 0, returndatasize())
      if iszero(ok) { revert(0, returndatasize()) }
      return(0, returndatasize())
    } }
  }`
  const LOGIC = `contract Subject {
    address singleton;
    uint256 public payments;
    function pay() external { payments++; }
    function become(address to) external { singleton = to; }
    function execTransaction(
      address to, uint256 value, bytes calldata data, uint8 operation,
      uint256, uint256, uint256, address, address, bytes calldata
    ) external payable returns (bool ok) {
      (ok, ) = operation == 1 ? to.delegatecall(data) : to.call{ value: value }(data);
      require(ok);
    }
  }`
  const EXECUTE = 'execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)'
  const rest = ['0', '0', '0', MERCHANT, MERCHANT, '0x']
  /** become(address) of somebody else. */
  const BECOME = `0x19ab453c${wordOf(MERCHANT).slice(2)}`

  it('T17: whoever changes the code of a wallet that the account commands has all that it has', async () => {
    const logic = await looks.install(LOGIC)
    const wallet = await looks.install(WALLET, { '0x0': wordOf(logic) })
    const thief = await looks.install(
      'contract Subject { address singleton; function init(address to) external { singleton = to; } }',
    )
    expect((await call(wallet, 'pay()')).found).toEqual([])
    const { found, details } = await call(wallet, EXECUTE, thief, '0', BECOME, '1', ...rest)
    expect(found).toEqual(['upgrade critical', 'delegatecall-unknown warning'])
    expect(details[0]?.toLowerCase()).toBe(
      `the implementation of ${wallet} becomes ${MERCHANT}, not ${logic}`.toLowerCase(),
    )
    // One that is nobody's wallet here.
    expect((await call(wallet, 'become(address)', MERCHANT)).found).toEqual(['upgrade warning'])
  })

  it('T17: so has the first word of what is no proxy nothing to do with code', async () => {
    const plain = await looks.install(LOGIC, { '0x0': wordOf(TIP_JAR) })
    expect((await call(plain, 'become(address)', MERCHANT)).found).toEqual([])
  })

  it('a proxy that is used, or made, or whose slot is written as it was, is not upgraded', async () => {
    const proxy = await looks.install(
      PROXY(`function to(address next) external { put(${IMPLEMENTATION}, next); }`),
      {
        [IMPLEMENTATION]: wordOf(TIP_JAR),
      },
    )
    expect((await call(proxy, 'to(address)', TIP_JAR)).found).toEqual([])
    const factory = await looks.install(`
      contract Proxy {
        event Upgraded(address indexed implementation);
        constructor(address to) { assembly { sstore(${IMPLEMENTATION}, to) } emit Upgraded(to); }
      }
      contract Subject { function make(address to) external { new Proxy(to); } }`)
    expect((await call(factory, 'make(address)', TIP_JAR)).found).toEqual(['contract-creation info'])
  })
})

describe('who rules a contract', () => {
  const OWNABLE = `contract Subject {
    address public owner;
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
    event OwnershipTransferStarted(address indexed previousOwner, address indexed newOwner);
    function transferOwnership(address next) external { emit OwnershipTransferred(owner, next); owner = next; }
    function offer(address next) external { emit OwnershipTransferStarted(owner, next); }
    function quietly(address next) external { owner = next; }
    event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
    event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
    function grantRole(address to) external { emit RoleGranted(bytes32(uint256(1)), to, msg.sender); }
    function revokeRole(address from) external { emit RoleRevoked(bytes32(uint256(1)), from, msg.sender); }
  }`

  it.each([
    ['transferOwnership(address)', MERCHANT],
    ['offer(address)', MERCHANT],
    ['quietly(address)', MERCHANT],
    ['grantRole(address)', MERCHANT],
    ['revokeRole(address)', AGENT],
  ])('T17: what the account loses or gives away is critical: %s', async (name, to) => {
    const at = await looks.install(OWNABLE, { '0x0': wordOf(AGENT) })
    const { found } = await call(at, name, to)
    expect(found).toEqual(['ownership-change critical'])
  })

  it.each([
    ['transferOwnership(address)', AGENT],
    ['transferOwnership(address)', TIP_JAR],
    ['grantRole(address)', AGENT],
    ['revokeRole(address)', MERCHANT],
  ])('what others lose, or the account gains, is a warning: %s of %s', async (name, to) => {
    const at = await looks.install(OWNABLE, { '0x0': wordOf(MERCHANT) })
    expect((await call(at, name, to)).found).toEqual(['ownership-change warning'])
  })

  const SILENT = `contract Subject {
    uint256 one; uint8 two; address owner; address heir;
    function setOwner(address next) external { owner = next; }
    function accept() external { owner = heir; heir = address(0); }
    function leave() external { heir = address(0); }
    event LogSetOwner(address indexed owner);
    function tell(address next) external { emit LogSetOwner(next); owner = next; }
  }`
  const packedAfterOne = (address: string) =>
    `0x${'0'.repeat(22)}${address.slice(2).toLowerCase()}05` as const

  it('T17: an owner is lost without an event, wherever the contract keeps it, alone or with other things', async () => {
    const at = await looks.install(SILENT, { '0x1': packedAfterOne(AGENT) })
    const { found, details } = await call(at, 'setOwner(address)', MERCHANT)
    expect(found).toEqual(['ownership-change critical'])
    expect(details[0]?.toLowerCase()).toBe(
      `the owner of ${at} seems to become ${MERCHANT}, not ${AGENT}`.toLowerCase(),
    )
    expect((await call(at, 'tell(address)', MERCHANT)).found).toEqual([
      'ownership-change critical',
      'ownership-change warning',
    ])
    expect((await call(at, 'setOwner(address)', AGENT)).found).toEqual([])
  })

  it('T17: an event of another does not hide it', async () => {
    const at = await looks.install(
      `contract Subject {
        address a; address owner;
        event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
        function lie(address next) external { emit OwnershipTransferred(address(1), next); owner = next; }
      }`,
      { '0x1': wordOf(AGENT) },
    )
    expect((await call(at, 'lie(address)', MERCHANT)).found).toEqual([
      'ownership-change critical',
      'ownership-change warning',
    ])
  })

  it('an heir that becomes the owner, or wants to be neither, loses nothing', async () => {
    const at = await looks.install(SILENT, { '0x1': packedAfterOne(MERCHANT), '0x2': wordOf(AGENT) })
    expect((await call(at, 'accept()')).found).toEqual([])
    expect((await call(at, 'leave()')).found).toEqual([])
  })

  it.each([['ChangedGuard(address)'], ['ChangedModuleGuard(address)'], ['ChangedFallbackHandler(address)']])(
    'T17: a Safe tells by %s that another has a say',
    async (event) => {
      const name = event.split('(')[0]
      const safe = await looks.install(`contract Subject {
      event ${name}(address indexed by);
      function set(address to) external { emit ${name}(to); }
    }`)
      const { found, details } = await call(safe, 'set(address)', MERCHANT)
      expect(found).toEqual(['ownership-change warning'])
      expect(details[0]?.toLowerCase()).toContain(MERCHANT.toLowerCase())
    },
  )

  it('T17: and by ChangedThreshold how many have to agree', async () => {
    const safe = await looks.install(`contract Subject {
      event ChangedThreshold(uint256 threshold);
      function set(uint256 to) external { emit ChangedThreshold(to); }
    }`)
    const { found, details } = await call(safe, 'set(uint256)', '1')
    expect(found).toEqual(['ownership-change warning'])
    expect(details[0]?.toLowerCase()).toBe(
      `the wallet ${safe} does what 1 of its owners agree to from now on`,
    )
  })

  it('a first slot that holds another thing, and a contract that is made for the account, are innocent', async () => {
    const at = await looks.install(OWNABLE, { '0x0': wordOf(MERCHANT) })
    expect((await call(at, 'quietly(address)', TIP_JAR)).found).toEqual([])
    const factory = await looks.install(`
      contract Owned {
        event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
        constructor(address owner) { emit OwnershipTransferred(msg.sender, owner); }
      }
      contract Subject { function make(address to) external { new Owned(to); } }`)
    expect((await call(factory, 'make(address)', MERCHANT)).found).toEqual(['contract-creation info'])
  })
})

describe('tokens that nobody gets out again', () => {
  const send = (token: string, to: string) => call(token, 'transfer(address,uint256)', to, '5')

  it('the token itself receives its own, from the account', async () => {
    const { found, details } = await send(USDC, USDC)
    expect(found).toEqual(['token-as-recipient critical'])
    expect(details).toEqual([`${AGENT} sends the token ${USDC} to its own contract, where nobody can use it`])
  })

  const TOKEN = `contract Subject {
    event Transfer(address indexed from, address indexed to, uint256 amount);
    function decimals() external pure returns (uint8) { return 6; }
    function symbol() external pure returns (string memory) { return "LP"; }
    function transfer(address to, uint256 amount) external { emit Transfer(msg.sender, to, amount); }
    function transferFrom(address from, address to, uint256 amount) external { emit Transfer(from, to, amount); }
    function burn(uint256 amount) external { emit Transfer(address(this), address(0), amount); }
  }`

  it('a token of the registry receives another one, at any depth', async () => {
    const token = await looks.install(TOKEN)
    expect((await send(token, USDC)).found).toEqual(['token-as-recipient critical'])
    const router = await looks.install(`
      interface Token { function transferFrom(address, address, uint256) external; }
      contract Subject {
        function pay(Token token, address to) external { token.transferFrom(msg.sender, to, 5); }
      }`)
    const { found } = await call(router, 'pay(address,address)', token, USDC)
    expect(found).toEqual(['token-as-recipient critical'])
  })

  it('liquidity that goes back to its pair to be burnt is innocent', async () => {
    const pair = await looks.install(TOKEN)
    const router = await looks.install(`
      interface Pair { function transferFrom(address, address, uint256) external; function burn(uint256) external; }
      contract Subject {
        function removeLiquidity(Pair pair) external {
          pair.transferFrom(msg.sender, address(pair), 5);
          pair.burn(5);
        }
      }`)
    expect((await call(router, 'removeLiquidity(address)', pair)).found).toEqual([])
  })

  it('a contract that is no listed token may receive any', async () => {
    expect((await send(USDC, TIP_JAR)).found).toEqual([])
  })
})
