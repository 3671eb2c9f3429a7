import { encodeAbiParameters, type Hex, keccak256 } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MERCHANT } from '../../support/engine.ts'
import { type Looks, startLooks, wordOf } from '../../support/looks.ts'

const IMPLEMENTATION = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc'
const BEACON = '0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50'

/** set(uint256) of 7. */
const SET_SEVEN: Hex = `0x60fe47b1${'7'.padStart(64, '0')}`

let looks: Looks
/** Code that others borrow. */
let logic: Hex

beforeAll(async () => {
  looks = await startLooks()
  // Its variable is not where a proxy may keep whose code it runs.
  logic = await looks.install(
    'contract Subject { uint256[9] room; uint256 x; function set(uint256 to) external { x = to; } }',
  )
})
afterAll(() => looks.stop())

const set = (to: string) => looks.at({ to, function: 'set(uint256)', args: ['7'] })
const delegating = (find: string, more = '') => `contract Subject { ${more} fallback() external {
  address to; ${find}
  (bool ok,) = to.delegatecall(msg.data); require(ok);
} }`

it('D2: code that whoever calls may choose', async () => {
  const anything = await looks.install(
    'contract Subject { function execute(address to, bytes calldata data) external { (bool ok,) = to.delegatecall(data); require(ok); } }',
  )
  const request = { to: anything, function: 'execute(address,bytes)', args: [logic, SET_SEVEN] }
  const { found, details } = await looks.at(request)
  expect(found).toEqual(['delegatecall-unknown warning'])
  expect(details[0]?.toLowerCase()).toBe(
    `${anything} runs the code of ${logic} with all that it has, which neither its own code nor its storage names`,
  )
})

it('D2: a proxy that runs other code than its slot names', async () => {
  const find = 'to = address(bytes20(msg.data[msg.data.length - 20:]));'
  const liar = await looks.install(delegating(find), { [IMPLEMENTATION]: wordOf(MERCHANT) })
  const data = `${SET_SEVEN}${logic.slice(2)}`
  expect((await looks.at({ to: liar, data })).found).toEqual(['delegatecall-unknown warning'])
})

describe('D2: innocent look-alikes', () => {
  it.each([
    ['a proxy of EIP-1967', IMPLEMENTATION],
    ["OpenZeppelin's from before it", '0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3'],
    ["Safe's, in the first slot", '0x0000000000000000000000000000000000000000000000000000000000000000'],
  ])('%s', async (_name, slot) => {
    const proxy = await looks.install(delegating(`assembly { to := sload(${slot}) }`), {
      [slot]: wordOf(logic),
    })
    looks.world.a.proxy.reset()
    expect((await set(proxy)).found).toEqual([])
    const states = looks.world.a.proxy.calls.filter(({ params }) => {
      const options = params[2] as { tracer?: string; tracerConfig?: object } | undefined
      return options?.tracer === 'prestateTracer' && options.tracerConfig === undefined
    })
    expect(states).toEqual([])
  })

  it('a proxy that keeps its code in a slot of its own', async () => {
    const slot = `0x${'5'.repeat(64)}`
    const proxy = await looks.install(delegating(`assembly { to := sload(${slot}) }`), {
      [slot]: wordOf(logic),
    })
    expect((await set(proxy)).found).toEqual([])
  })

  it('a beacon proxy', async () => {
    const beacon = await looks.install(
      'contract Subject { address code; function implementation() external view returns (address) { return code; } }',
      { '0x0': wordOf(logic) },
    )
    const proxy = await looks.install(
      `interface Beacon { function implementation() external view returns (address); }
      ${delegating(`assembly { to := sload(${BEACON}) } to = Beacon(to).implementation();`)}`,
      { [BEACON]: wordOf(beacon) },
    )
    expect((await set(proxy)).found).toEqual([])
  })

  it('a minimal proxy (EIP-1167), and a library whose address is in the code', async () => {
    const clone = `0x363d3d373d3d3d363d73${logic.slice(2)}5af43d82803e903d91602b57fd5bf3`
    const at = await looks.install('contract Subject {}')
    await looks.world.a.ask('anvil_setCode', at, clone)
    expect((await set(at)).found).toEqual([])
    const user = await looks.install(delegating(`to = address(uint160(${BigInt(logic)}));`))
    expect((await set(user)).found).toEqual([])
  })

  it('a diamond, which keeps the code of each function', async () => {
    const slot = keccak256(encodeAbiParameters([{ type: 'bytes4' }, { type: 'uint256' }], ['0x60fe47b1', 0n]))
    const diamond = await looks.install(
      delegating('to = facets[msg.sig];', 'mapping(bytes4 => address) facets;'),
      { [slot]: wordOf(logic) },
    )
    expect((await set(diamond)).found).toEqual([])
  })

  it('a multicall, which borrows its own code, by way of a proxy too', async () => {
    const multi = await looks.install(`contract Subject { uint256 x;
      function set(uint256 to) external { x = to; }
      function multicall(bytes[] calldata calls) external {
        for (uint i; i < calls.length; i++) { (bool ok,) = address(this).delegatecall(calls[i]); require(ok); }
      }
    }`)
    const proxy = await looks.install(delegating(`assembly { to := sload(${IMPLEMENTATION}) }`), {
      [IMPLEMENTATION]: wordOf(multi),
    })
    const args = [`["${SET_SEVEN}"]`]
    for (const to of [multi, proxy])
      expect((await looks.at({ to, function: 'multicall(bytes[])', args })).found).toEqual([])
  })
})
