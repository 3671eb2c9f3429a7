import { encodeFunctionData, parseAbi } from 'viem'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { checksum } from '../../../src/evm/address.ts'
import { AWKWARD, act, installAwkward, STRANGER, taking } from '../../support/awkwardTokens.ts'
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
import { compile } from '../../support/tokens.ts'

/** Same first and last four digits as the merchant; one digit off; two neighbours swapped. */
const POISON = checksum('0x3c441111222233334444555566667777888893bc')
const SLIP = checksum('0x3c44cdddb6a900fa2b585dd299e03d12fa4293bd')
const SWAP = checksum('0x3c44cdddb6a900fa2b585dd299e03d12fa4239bc')
const INNOCENT = checksum('0x3c4f1111222233334444555566667777888893bc')
const CAROL = checksum('0xca401111222233334444555566667777888888c1')
const LIKE_CAROL = checksum('0xca40aaaabbbbccccddddeeeeffff000011112222'.replace(/....$/, '88c1'))

let world: World
let engine: Engine
let paid = 0

beforeAll(async () => {
  world = await startWorld()
  await installAwkward(world.a)
})
afterAll(() => world.stop())
beforeEach(() => {
  engine = startEngine({ lanes: [world.a, world.b] })
  return () => engine.stop()
})

const prepare = (more: object) => engine.prepare({ amount: '0.01', idempotencyKey: `pay ${paid++}`, ...more })

/** Pays, and mines it unless told not to. */
async function pay(to: string, more: { readonly mined?: boolean; readonly chain?: 'sandbox-b' } = {}) {
  const { mined = true, ...rest } = more
  const { intentId } = await prepare({ to, ...rest })
  const { operationId } = await engine.execute(intentId)
  const lane = more.chain ? world.b : world.a
  if (mined) await lane.mine(3)
  if (mined) await engine.driver.drive(operationId)
  return operationId
}

const refusal = (recipient: string, known: string, whose: string) => ({
  code: 'recipient_lookalike',
  kind: 'policy',
  sideEffect: 'none',
  context: expect.objectContaining({ recipient, known, whose }),
})

describe('T5: who looks like one that was paid is refused, with both addresses', () => {
  it.each([
    ['the same ends', POISON],
    ['one digit', SLIP],
    ['swapped digits', SWAP],
  ])('%s', async (_what, recipient) => {
    await pay(MERCHANT)
    const before = await world.a.balance(recipient)
    await expect(prepare({ to: recipient })).rejects.toMatchObject(
      refusal(recipient, MERCHANT, 'the wallet "merchant"'),
    )
    expect(await world.a.balance(recipient)).toBe(before)
    // Whoever only half agrees is somebody else.
    expect(await prepare({ to: INNOCENT })).toMatchObject({ to: INNOCENT })
  })

  it('by history, on whatever chain and of whatever account it was paid', async () => {
    await pay(CAROL, { chain: 'sandbox-b' })
    await expect(prepare({ to: LIKE_CAROL })).rejects.toMatchObject(
      refusal(LIKE_CAROL, CAROL, 'which was paid before'),
    )
    await expect(prepare({ to: LIKE_CAROL, wallet: 'payroll' })).rejects.toMatchObject(
      refusal(LIKE_CAROL, CAROL, 'which was paid before'),
    )
    // Whom we know may be paid again.
    expect(await prepare({ to: CAROL })).toMatchObject({ to: CAROL })
  })

  it('not by what was only prepared or sent: a payment counts when it is in a block', async () => {
    await pay(CAROL, { mined: false })
    expect(await prepare({ to: LIKE_CAROL })).toMatchObject({ to: LIKE_CAROL })
    await world.a.mine(3)
    const [{ id } = {}] = engine.rows('select id from operations')
    await engine.driver.drive(String(id))
    await expect(prepare({ to: LIKE_CAROL })).rejects.toMatchObject({ code: 'recipient_lookalike' })
  })

  it('judged again when it is sent, also when it is poison only since', async () => {
    const { intentId } = await prepare({ to: LIKE_CAROL })
    await pay(CAROL)
    const before = await world.a.balance(LIKE_CAROL)
    await expect(engine.execute(intentId)).rejects.toMatchObject(
      refusal(LIKE_CAROL, CAROL, 'which was paid before'),
    )
    await world.a.mine()
    expect(await world.a.balance(LIKE_CAROL)).toBe(before)
    expect(engine.rows(`select id from operations where intent_id = '${intentId}'`)).toEqual([])
  })

  it('each recipient of a batch, and none of the others is paid', async () => {
    await engine.book.add({ name: 'carol', address: CAROL })
    const calls = [
      { to: MERCHANT, amount: '0.01' },
      { to: LIKE_CAROL, amount: '0.01' },
    ]
    await expect(engine.prepare({ calls, idempotencyKey: 'batch' })).rejects.toMatchObject(
      refusal(LIKE_CAROL, CAROL, 'the contact "carol"'),
    )
    const good = [calls[0], { to: CAROL, amount: '0.01' }] as typeof calls
    expect(await engine.prepare({ calls: good, idempotencyKey: 'good' })).toMatchObject({
      names: [{ field: 'calls[1].to', name: 'carol', by: 'contact', address: CAROL }],
    })
  })

  it('who was paid in a batch is known as well', async () => {
    const calls = [MERCHANT, CAROL].map((to) => ({ to, amount: '0.01' }))
    const { intentId } = await engine.prepare({ calls, idempotencyKey: 'batch' })
    const { operationId } = await engine.execute(intentId)
    await world.a.mine(3)
    await engine.driver.drive(operationId)
    await expect(prepare({ to: LIKE_CAROL })).rejects.toMatchObject({ code: 'recipient_lookalike' })
  })

  it('who is to be paid by calldata, and who would be allowed to take', async () => {
    await engine.book.add({ name: 'carol', address: CAROL })
    const call = (name: string) => ({
      ...{ to: USDC, function: `${name}(address,uint256)`, args: [LIKE_CAROL, '1000000'] },
      ...{ amount: '0', idempotencyKey: name },
    })
    for (const name of ['transfer', 'approve'])
      await expect(engine.prepare(call(name))).rejects.toMatchObject(
        refusal(LIKE_CAROL, CAROL, 'the contact "carol"'),
      )
    const transfer = { ...call('transfer'), args: [CAROL, '1000000'], idempotencyKey: 'honest' }
    expect(await engine.prepare(transfer)).toMatchObject({ status: 'ready' })
  })

  it('a contract that looks like one that was called', async () => {
    await act(world.a, AGENT, AWKWARD.taker, 'close', false)
    const tip = { to: TIP_JAR, function: 'tip(string)', args: ['x'], amount: '0.01' }
    const { intentId } = await engine.prepare({ ...tip, idempotencyKey: 'tip' })
    const { operationId } = await engine.execute(intentId)
    await world.a.mine(3)
    await engine.driver.drive(operationId)
    const twin = checksum(`${TIP_JAR.slice(0, 6)}${'5'.repeat(32)}${TIP_JAR.slice(-4)}`)
    await world.a.ask('anvil_setCode', twin, await world.a.ask('eth_getCode', TIP_JAR, 'latest'))
    await expect(engine.prepare({ ...tip, to: twin, idempotencyKey: 'twin' })).rejects.toMatchObject(
      refusal(twin, TIP_JAR, 'which was paid before'),
    )
    // System-like addresses stand side by side and are nobody's poison.
    expect(await engine.prepare(taking(USDC, '1'))).toMatchObject({ status: 'ready' })
  })
})

describe('T6: only what we paid ourselves makes anybody known', () => {
  it('transfers of nothing in our name, invented ones and gifts, of real tokens, are no history of ours', async () => {
    await world.a.ask('anvil_setCode', FAKE, compile(FAKE_TOKEN))
    await world.a.ask('anvil_setBalance', LIKE_CAROL, '0xde0b6b3a7640000')
    await world.a.ask('anvil_impersonateAccount', LIKE_CAROL)
    const abi = parseAbi([
      'function transferFrom(address from, address to, uint256 amount)',
      'function invent(address from, address to, uint256 amount)',
    ])
    const nothing = encodeFunctionData({ abi, functionName: 'transferFrom', args: [AGENT, LIKE_CAROL, 0n] })
    const invented = encodeFunctionData({
      abi,
      functionName: 'invent',
      args: [AGENT, LIKE_CAROL, 1_000_000n],
    })
    const sent = [
      await world.a.ask('eth_sendTransaction', { from: STRANGER, to: USDC, data: nothing }),
      await world.a.ask('eth_sendTransaction', { from: STRANGER, to: FAKE, data: invented }),
      await world.a.ask('eth_sendTransaction', { from: LIKE_CAROL, to: AGENT, value: '0x1' }),
    ]
    await world.a.mine()
    const receipts = await Promise.all(sent.map((hash) => world.a.ask('eth_getTransactionReceipt', hash)))
    expect(receipts).toMatchObject([{ status: '0x1' }, { status: '0x1' }, { status: '0x1' }])
    // Both tokens say that we paid them: who reads events would take that for our history.
    const topics = [AGENT, LIKE_CAROL].map((each) => `0x${each.slice(2).toLowerCase().padStart(64, '0')}`)
    const told = receipts.slice(0, 2) as {
      readonly logs: readonly { readonly topics: readonly string[] }[]
    }[]
    for (const { logs } of told) expect(logs[0]?.topics.slice(1)).toEqual(topics)

    const prepared = await prepare({ to: LIKE_CAROL })
    expect(prepared.simulation.findings).toContainEqual(expect.objectContaining({ code: 'first-recipient' }))
    expect(await engine.list()).toEqual({ operations: [] })
    expect(engine.rows('select * from counterparties')).toEqual([])
    // Were it known, this one would look like it.
    await pay(CAROL)
    expect(engine.rows('select recipient from counterparties')).toEqual([{ recipient: CAROL }])
    await expect(prepare({ to: LIKE_CAROL })).rejects.toMatchObject({ code: 'recipient_lookalike' })
  })
})

const FAKE = '0x5e7a5e7a00005e7a5e7a5e7a5e7a5e7a5e7afa4e'
const FAKE_TOKEN = `contract Subject {
  string public constant symbol = "USDC"; uint8 public constant decimals = 6;
  event Transfer(address indexed from, address indexed to, uint256 amount);
  function invent(address from, address to, uint256 amount) external { emit Transfer(from, to, amount); }
}`
