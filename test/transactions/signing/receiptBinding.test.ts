import { type Hex, keccak256 } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Planned } from '../../../src/chains/adapter.ts'
import { issueReceipt, type SimulationReceipt } from '../../../src/chains/simulationReceipt.ts'
import type { EvmPayload } from '../../../src/evm/evmPayload.ts'
import {
  AGENT,
  AGENT_KEY,
  type Engine,
  MERCHANT,
  startEngine,
  startWorld,
  USDC,
  type World,
} from '../../support/engine.ts'
import { emptyLedger } from '../../support/ledger.ts'
import { withoutMethods } from '../../support/missingMethods.ts'
import { type TestClock, testClock } from '../../support/testClock.ts'

const MERCHANT_KEY = '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a'
const signal = AbortSignal.timeout(60_000)

let world: World
let engine: Engine
let clock: TestClock

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

beforeEach(() => {
  world.a.proxy.reset()
  clock = testClock()
  engine = startEngine({ lanes: [world.a, world.b], clock })
  return () => engine.stop()
})

/** A USDC transfer that was simulated and judged, with its receipt. */
async function judged() {
  const adapter = await engine.chains.adapter('sandbox-a')
  const draft = await adapter.draft({ to: MERCHANT, amount: '2.5', asset: 'USDC' }, AGENT, signal)
  const askedAt = clock.now()
  const planned: Planned = await adapter.plan(
    draft,
    { urgency: 'standard', maxGasPrice: 500_000_000_000n },
    [],
    signal,
  )
  const { payload, terms, rehearsal } = planned
  const whose = { wallet: 'agent', principal: 'local' }
  const matter = { adapter, ...whose, payload, terms, outflow: draft.outflow, rehearsal, askedAt }
  const { receipt } = engine.judge.pass(matter, emptyLedger(engine.judge.policy.version))
  const signer = engine.wallets.find('agent', adapter.chain).signer
  const order = { payload: payload as EvmPayload, nonce: 7n, terms, receipt, head: rehearsal.block }
  return { adapter, planned, receipt, signer, order }
}

/** One change of each field that a signature covers; the fees and the nonce are not part of a payload. */
const CHANGES: Readonly<Record<string, Partial<EvmPayload>>> = {
  chain: { chain: 'eip155:31338' },
  from: { from: MERCHANT },
  to: { to: '0x9594a4C95A3acfb82307B158CD774a6740316BEe' },
  value: { value: '1' },
  data: { data: `0xa9059cbb${'0'.repeat(24)}${MERCHANT.slice(2).toLowerCase()}${'0'.repeat(58)}2625a1` },
  accessList: { accessList: [{ address: USDC, storageKeys: [] }] },
  gasLimit: { gasLimit: '9000000' },
}

describe('R1, T10: the signer', () => {
  it('R1: signs exactly the payload that its receipt is for', async () => {
    const { signer, order, adapter } = await judged()
    const { raw } = await signer.sign(order, adapter.codec)
    const parsed = await adapter.codec.parse(raw)
    expect(parsed.payload).toEqual(order.payload)
    expect(parsed.nonce).toBe(7n)
    expect(parsed.terms).toEqual(order.terms)
  })

  for (const [field, change] of Object.entries(CHANGES)) {
    it(`R1, T10: refuses a payload whose ${field} changed after its simulation`, async () => {
      const { signer, order, adapter } = await judged()
      const payload = { ...order.payload, ...change }
      expect(payload).not.toEqual(order.payload)
      await expect(signer.sign({ ...order, payload }, adapter.codec)).rejects.toMatchObject({
        code: 'receipt_refused',
        sideEffect: 'none',
      })
    })
  }

  it('R1: refuses a payload with a field that was not simulated at all', async () => {
    const { signer, order, adapter } = await judged()
    const payload = { ...order.payload, authorizationList: [] }
    await expect(signer.sign({ ...order, payload }, adapter.codec)).rejects.toMatchObject({
      code: 'receipt_refused',
    })
  })

  it('R1, T36: refuses a receipt of the same payload on another chain', async () => {
    const { signer, order, adapter } = await judged()
    const receipt: SimulationReceipt = { ...order.receipt, chain: 'eip155:31338' }
    await expect(signer.sign({ ...order, receipt }, adapter.codec)).rejects.toThrow(
      'its receipt is for another chain',
    )
  })

  it('R1: another wallet does not sign what is not its own', async () => {
    const { order, adapter } = await judged()
    const merchant = engine.wallets.find('merchant', adapter.chain).signer
    await expect(merchant.sign(order, adapter.codec)).rejects.toMatchObject({ code: 'receipt_refused' })
  })
})

/** Another value of each field of a receipt than the one that it was issued with. */
const RECEIPT_CHANGES: Readonly<Record<keyof SimulationReceipt, Partial<SimulationReceipt>>> = {
  payloadDigest: { payloadDigest: `0x${'1'.repeat(64)}` },
  chain: { chain: 'eip155:31338' },
  backend: { backend: 'tenderly' },
  skipped: { skipped: ['tenderly: it was away'] },
  block: { block: { number: '1', hash: `0x${'2'.repeat(64)}`, timestamp: 1 } },
  gasUsed: { gasUsed: '1' },
  effectsDigest: { effectsDigest: `0x${'3'.repeat(64)}` },
  policy: { policy: '0x0123456789abcdef' },
  route: { route: 'private' },
  publicFrom: { publicFrom: '1' },
  simulatedAt: { simulatedAt: '2026-01-01T00:00:00.000Z' },
  expiresAt: { expiresAt: '2999-01-01T00:00:00.000Z' },
  expiresAtBlock: { expiresAtBlock: '999999999' },
  seal: { seal: `0x${'4'.repeat(64)}` },
}

describe('R1: every field of a receipt', () => {
  for (const [field, change] of Object.entries(RECEIPT_CHANGES)) {
    it(`R1: its ${field} cannot be another one: neither signed nor broadcast`, async () => {
      const { signer, order, adapter, receipt } = await judged()
      expect(Object.keys(receipt)).toContain(field)
      const changed = { ...receipt, ...change }
      expect(changed).not.toEqual(receipt)
      const refused = { code: 'receipt_refused', sideEffect: 'none' }
      await expect(signer.sign({ ...order, receipt: changed }, adapter.codec)).rejects.toMatchObject(refused)
      const { raw, hash } = await signer.sign(order, adapter.codec)
      world.a.proxy.reset()
      const account = order.payload.from
      await expect(
        engine.broadcaster.broadcast(adapter, { raw, hash, account, receipt: changed }),
      ).rejects.toMatchObject(refused)
      expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(0)
    })
  }

  it('R1: all of them are tried here', async () => {
    const { receipt } = await judged()
    expect(Object.keys(receipt).toSorted()).toEqual(Object.keys(RECEIPT_CHANGES).toSorted())
  })
})

describe('R1, F20: the age of a receipt', () => {
  it('R1: is good for 60 seconds, and not for one millisecond more', async () => {
    const { signer, order, adapter } = await judged()
    clock.advance(59_999)
    await expect(signer.sign(order, adapter.codec)).resolves.toMatchObject({ raw: expect.any(String) })
    clock.advance(1)
    await expect(signer.sign(order, adapter.codec)).rejects.toThrow('its simulation is too old')
  })

  it('R1: is good for as many blocks as fit into 60 seconds, and not for one more', async () => {
    const { signer, order, adapter } = await judged()
    const at = (blocks: bigint) => ({
      ...order,
      head: { ...order.head, number: String(BigInt(order.head.number) + blocks) },
    })
    await expect(signer.sign(at(60n), adapter.codec)).resolves.toMatchObject({ raw: expect.any(String) })
    await expect(signer.sign(at(61n), adapter.codec)).rejects.toThrow('the chain has moved on')
  })

  it('R1, F20: is not known when the clock was set back, by a second or by two days', async () => {
    const { signer, order, adapter } = await judged()
    clock.advance(-1_000)
    await expect(signer.sign(order, adapter.codec)).rejects.toThrow('its simulation is too old')
    clock.advance(-2 * 86_400_000)
    await expect(signer.sign(order, adapter.codec)).rejects.toThrow('its simulation is too old')
  })

  it('R1: of a receipt that says no time at all is not asked: it is not as it was issued', async () => {
    const { signer, order, adapter } = await judged()
    const receipt = { ...order.receipt, simulatedAt: 'yesterday' }
    await expect(signer.sign({ ...order, receipt }, adapter.codec)).rejects.toThrow(
      'its receipt is not as it was issued',
    )
  })
})

describe('R1: what gets no receipt', () => {
  it('R1: a simulation that failed', async () => {
    const { adapter, planned } = await judged()
    const outcome = { ok: false, gasUsed: 21_000n, effects: [], findings: [] }
    const judgement = { policy: 'any', findings: [] }
    const failed = { ...planned.rehearsal, outcome }
    expect(() => issueReceipt(adapter.chain, planned.payload, failed, judgement, clock.now())).toThrow(
      'its simulation did not pass',
    )
  })

  it('R1: a payment that no endpoint can simulate in any way; nothing is signed and nothing is sent', async () => {
    const { intentId } = await engine.prepare({ to: 'merchant', amount: '1', idempotencyKey: 'no-sim' })
    world.a.proxy.setFault(withoutMethods(['eth_simulateV1', 'debug_traceCall', 'eth_call']))
    await expect(engine.execute(intentId)).rejects.toMatchObject({
      code: 'simulation_unavailable',
      sideEffect: 'none',
    })
    expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(0)
    expect(engine.rows('select * from operations')).toEqual([])
    expect(engine.rows('select * from nonces')).toEqual([])
  })
})

describe('R1, T33: the broadcaster', () => {
  /** Bytes that the agent's key really signed, with one field changed. */
  async function signedWith(change: Record<string, unknown>, key: Hex = AGENT_KEY) {
    const { adapter, order, receipt } = await judged()
    const { to, value, data, gasLimit } = order.payload
    const raw = await privateKeyToAccount(key).signTransaction({
      type: 'eip1559',
      chainId: 31337,
      nonce: 0,
      to,
      value: BigInt(value),
      data,
      gas: BigInt(gasLimit),
      maxFeePerGas: BigInt(order.terms.maxFeePerGas),
      maxPriorityFeePerGas: BigInt(order.terms.maxPriorityFeePerGas),
      ...change,
    } as never)
    return { adapter, bytes: { raw, hash: keccak256(raw), account: AGENT, receipt } }
  }

  const nothingLeft = () => expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(0)

  const SIGNED: Readonly<Record<string, Record<string, unknown>>> = {
    chain: { chainId: 31338 },
    to: { to: MERCHANT },
    value: { value: 1n },
    data: { data: CHANGES['data']?.data },
    'access list': { accessList: [{ address: USDC.toLowerCase(), storageKeys: [] }] },
    'gas limit': { gas: 9_000_000n },
    'transaction type (legacy)': {
      type: 'legacy',
      gasPrice: 2_000_000_000n,
      maxFeePerGas: undefined,
      maxPriorityFeePerGas: undefined,
    },
  }
  for (const [field, change] of Object.entries(SIGNED)) {
    it(`R1, T33: does not send bytes whose ${field} is not what was simulated`, async () => {
      const { adapter, bytes } = await signedWith(change)
      await expect(engine.broadcaster.broadcast(adapter, bytes)).rejects.toThrow()
      nothingLeft()
    })
  }

  it('R1, T33: does not send bytes that another key signed', async () => {
    const { adapter, bytes } = await signedWith({}, MERCHANT_KEY)
    await expect(engine.broadcaster.broadcast(adapter, bytes)).rejects.toMatchObject({
      code: 'receipt_refused',
    })
    nothingLeft()
  })

  it('R1, T33: does not send bytes under a hash or an account that the journal does not name', async () => {
    const { adapter, bytes } = await signedWith({})
    const hash = `0x${'ab'.repeat(32)}`
    await expect(engine.broadcaster.broadcast(adapter, { ...bytes, hash })).rejects.toMatchObject({
      code: 'receipt_refused',
    })
    await expect(
      engine.broadcaster.broadcast(adapter, { ...bytes, account: MERCHANT }),
    ).rejects.toMatchObject({ code: 'receipt_refused' })
    nothingLeft()
  })

  it('R1: sends bytes that are exactly what was simulated', async () => {
    const { adapter, bytes } = await signedWith({})
    await expect(engine.broadcaster.broadcast(adapter, bytes)).resolves.toEqual({
      ...{ outcome: 'accepted', by: 'public' },
    })
    expect(world.a.proxy.count('eth_sendRawTransaction')).toBe(1)
  })
})
