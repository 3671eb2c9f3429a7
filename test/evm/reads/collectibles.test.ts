import type { Hex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AGENT, MERCHANT, TIP_JAR } from '../../support/engine.ts'
import { type Looks, startLooks } from '../../support/looks.ts'

const NOBODY = '0x0000000000000000000000000000000000000000'

let looks: Looks
/** Does what it is told without asking whose it is: what counts here is what its events say. */
let gallery: Hex
let shop: Hex

beforeAll(async () => {
  looks = await startLooks()
  gallery = await looks.install(`contract Subject {
    event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
    event Approval(address indexed owner, address indexed spender, uint256 indexed tokenId);
    function mint(uint256 id) external { emit Transfer(address(0), msg.sender, id); }
    function safeTransferFrom(address from, address to, uint256 id) external { emit Transfer(from, to, id); }
    function approve(address to, uint256 id) external { emit Approval(msg.sender, to, id); }
    function claim(uint256 id) external { emit Approval(msg.sender, address(0), id); emit Transfer(msg.sender, address(this), id); }
  }`)
  shop = await looks.install(`contract Subject {
    event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 amount);
    event TransferBatch(address indexed operator, address indexed from, address indexed to, uint256[] ids, uint256[] amounts);
    function mint(uint256 id, uint256 amount) external { emit TransferSingle(msg.sender, address(0), msg.sender, id, amount); }
    function safeTransferFrom(address from, address to, uint256 id, uint256 amount, bytes calldata) external {
      emit TransferSingle(msg.sender, from, to, id, amount);
    }
    function safeBatchTransferFrom(address from, address to, uint256[] calldata ids, uint256[] calldata amounts, bytes calldata) external {
      if (ids.length != 3) emit TransferBatch(msg.sender, from, to, ids, amounts);
    }
  }`)
})
afterAll(() => looks.stop())

const effectsOf = async (to: Hex, name: string, ...args: string[]) =>
  (await looks.at({ to, function: name, args })).effects.map(({ kind, from, to, amount }) => {
    return [kind, from, to, amount.asset.replace(/^eip155:31337\//, '').toLowerCase(), amount.raw]
  })

describe('D2: one of a kind (ERC-721)', () => {
  const one = (id: number) => `erc721:${gallery}/${id}`

  it('a mint comes from nobody', async () => {
    expect(await effectsOf(gallery, 'mint(uint256)', '7')).toEqual([['transfer', NOBODY, AGENT, one(7), '1']])
  })

  it('a transfer is of that one', async () => {
    const moved = await effectsOf(gallery, 'safeTransferFrom(address,address,uint256)', AGENT, MERCHANT, '8')
    expect(moved).toEqual([['transfer', AGENT, MERCHANT, one(8), '1']])
  })

  it('T17: an approval is of that one, and told when somebody with a key gets it', async () => {
    const approved = await effectsOf(gallery, 'approve(address,uint256)', TIP_JAR, '9')
    expect(approved).toEqual([['approval', AGENT, TIP_JAR, one(9), '1']])
    const { found } = await looks.at({
      to: gallery,
      function: 'approve(address,uint256)',
      args: [MERCHANT, '9'],
    })
    expect(found).toEqual(['approval-to-account warning'])
  })

  it('an approval of nobody ends one, and is none', async () => {
    expect((await looks.at({ to: gallery, function: 'claim(uint256)', args: ['9'] })).found).toEqual([])
  })
})

describe('D2: several of several kinds (ERC-1155)', () => {
  const some = (id: number) => `erc1155:${shop}/${id}`

  it('a mint comes from nobody', async () => {
    const minted = await effectsOf(shop, 'mint(uint256,uint256)', '7', '30')
    expect(minted).toEqual([['transfer', NOBODY, AGENT, some(7), '30']])
  })

  it('a transfer is of so many of that kind', async () => {
    const name = 'safeTransferFrom(address,address,uint256,uint256,bytes)'
    const moved = await effectsOf(shop, name, AGENT, MERCHANT, '8', '2', '0x')
    expect(moved).toEqual([['transfer', AGENT, MERCHANT, some(8), '2']])
  })

  const BATCH = 'safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)'

  it('a batch is one effect a kind', async () => {
    const moved = await effectsOf(shop, BATCH, AGENT, MERCHANT, '["1","2"]', '["10","20"]', '0x')
    expect(moved).toEqual([
      ['transfer', AGENT, MERCHANT, some(1), '10'],
      ['transfer', AGENT, MERCHANT, some(2), '20'],
    ])
  })

  it('T17: a batch that no event shows is told all the same', async () => {
    const moved = await effectsOf(shop, BATCH, AGENT, MERCHANT, '["1","2","3"]', '["10","20","30"]', '0x')
    expect(moved).toEqual([
      ['transfer', AGENT, MERCHANT, some(1), '10'],
      ['transfer', AGENT, MERCHANT, some(2), '20'],
      ['transfer', AGENT, MERCHANT, some(3), '30'],
    ])
  })
})

it('T17, T34: a batch of more kinds than can be judged is refused, and not left out', async () => {
  const crowd = await looks.install(`contract Subject {
    event TransferBatch(address indexed operator, address indexed from, address indexed to, uint256[] ids, uint256[] amounts);
    function take(address to) external { emit TransferBatch(msg.sender, msg.sender, to, new uint256[](2001), new uint256[](2001)); }
  }`)
  await expect(effectsOf(crowd, 'take(address)', MERCHANT)).rejects.toMatchObject({
    code: 'effects_too_many',
    context: { found: '2001 events' },
  })
})

describe('D2: many kinds in one contract (ERC-6909)', () => {
  let vault: Hex
  /** The same, and says nothing of it. */
  let silent: Hex
  const BODIES = (told: (event: string) => string) => `contract Subject {
    event Transfer(address caller, address indexed sender, address indexed receiver, uint256 indexed id, uint256 amount);
    event OperatorSet(address indexed owner, address indexed spender, bool approved);
    event Approval(address indexed owner, address indexed spender, uint256 indexed id, uint256 amount);
    uint256 x;
    function transfer(address to, uint256 id, uint256 n) external returns (bool) { x++; ${told('Transfer(msg.sender, msg.sender, to, id, n)')} return true; }
    function transferFrom(address from, address to, uint256 id, uint256 n) external returns (bool) { x++; ${told('Transfer(msg.sender, from, to, id, n)')} return true; }
    function approve(address to, uint256 id, uint256 n) external returns (bool) { x++; ${told('Approval(msg.sender, to, id, n)')} return true; }
    function setOperator(address to, bool yes) external returns (bool) { x++; ${told('OperatorSet(msg.sender, to, yes)')} return true; }
    function take(address from) external { x++; ${told('Transfer(msg.sender, from, address(this), 4, 9)')} }
  }`
  beforeAll(async () => {
    vault = await looks.install(BODIES((event) => `emit ${event};`))
    silent = await looks.install(BODIES(() => ''))
  })
  const some = (at: Hex, id: number) => `erc6909:${at}/${id}`

  it.each([['with'], ['without']])('a transfer is of so many of one kind, %s an event', async (how) => {
    const at = how === 'with' ? vault : silent
    const sent = await effectsOf(at, 'transfer(address,uint256,uint256)', MERCHANT, '4', '9')
    expect(sent).toEqual([['transfer', AGENT, MERCHANT, some(at, 4), '9']])
    const taken = ['transferFrom(address,address,uint256,uint256)', AGENT, TIP_JAR, '5', '2'] as const
    expect(await effectsOf(at, ...taken)).toEqual([['transfer', AGENT, TIP_JAR, some(at, 5), '2']])
  })

  it('T18: one that somebody takes without being called by its name is seen', async () => {
    expect(await effectsOf(vault, 'take(address)', AGENT)).toEqual([
      ['transfer', AGENT, expect.stringMatching(new RegExp(vault, 'i')), some(vault, 4), '9'],
    ])
  })

  it.each([['with'], ['without']])('T17: an approval is of one kind, %s an event', async (how) => {
    const at = how === 'with' ? vault : silent
    const approved = await effectsOf(at, 'approve(address,uint256,uint256)', TIP_JAR, '4', '9')
    expect(approved).toEqual([['approval', AGENT, TIP_JAR, some(at, 4), '9']])
  })

  it('T17: an operator may take all of them', async () => {
    const request = { to: vault, function: 'setOperator(address,bool)', args: [TIP_JAR, 'true'] }
    const { found, effects } = await looks.at(request)
    expect(found).toEqual(['approval-for-all critical'])
    expect(effects).toMatchObject([{ kind: 'operator', to: TIP_JAR, amount: { raw: '1' } }])
    expect(effects[0]?.amount.asset).toMatch(/\/erc6909:0x/)
  })
})
