import fc from 'fast-check'
import { getAddress, type Hex, parseTransaction } from 'viem'
import { privateKeyToAccount, sign } from 'viem/accounts'
import { expect, it } from 'vitest'
import { sandboxA } from '../../src/chains/data/sandboxA.ts'
import { evmCodec } from '../../src/evm/codec.ts'
import type { EvmPayload } from '../../src/evm/evmPayload.ts'
import { AGENT, AGENT_KEY } from '../support/engine.ts'

const codec = evmCodec(sandboxA)
const account = privateKeyToAccount(AGENT_KEY)

const hex = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map(asHex)
const asHex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`
const uint = (bits: bigint) => fc.bigInt({ min: 0n, max: 2n ** bits - 1n })

const payloads = fc.record({
  family: fc.constant('evm' as const),
  chain: fc.constant('eip155:31337'),
  from: fc.constant(AGENT as Hex),
  to: hex(20).map((address) => getAddress(address)),
  value: uint(256n).map(String),
  data: fc.uint8Array({ maxLength: 300 }).map(asHex),
  accessList: fc.array(fc.record({ address: hex(20), storageKeys: fc.array(hex(32), { maxLength: 3 }) }), {
    maxLength: 3,
  }),
  gasLimit: fc.bigInt({ min: 21_000n, max: 2n ** 63n }).map(String),
})
const orders = fc.record({
  payload: payloads,
  nonce: fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }),
  tip: uint(64n),
  headroom: uint(64n),
})

it('R1: bytes are those that viem signs, and say of themselves exactly what was asked for', async () => {
  await fc.assert(
    fc.asyncProperty(orders, async ({ payload, nonce, tip, headroom }) => {
      const terms = { maxFeePerGas: String(tip + headroom), maxPriorityFeePerGas: String(tip) }
      const digest = codec.signingDigest(payload, nonce, terms) as Hex
      const signature = await sign({ hash: digest, privateKey: AGENT_KEY, to: 'hex' })
      const signed = codec.assemble(payload, nonce, terms, signature)
      const reference = await account.signTransaction({
        type: 'eip1559',
        chainId: 31337,
        nonce: Number(nonce),
        to: payload.to,
        value: BigInt(payload.value),
        data: payload.data,
        accessList: payload.accessList,
        gas: BigInt(payload.gasLimit),
        maxFeePerGas: tip + headroom,
        maxPriorityFeePerGas: tip,
      })
      expect(signed.raw).toBe(reference)
      expect(await codec.parse(signed.raw)).toEqual({ payload, nonce, terms, hash: signed.hash })
    }),
    { numRuns: 150 },
  )
})

it('R1, T33: no byte of signed bytes can change without changing what they say, or who says it', async () => {
  const payload: EvmPayload = {
    family: 'evm',
    chain: 'eip155:31337',
    from: AGENT,
    to: '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
    value: '1250000000000000000',
    data: '0xa9059cbb',
    accessList: [],
    gasLimit: '50000',
  }
  const terms = { maxFeePerGas: '2000000000', maxPriorityFeePerGas: '10000000' }
  const digest = codec.signingDigest(payload, 5n, terms) as Hex
  const signature = await sign({ hash: digest, privateKey: AGENT_KEY, to: 'hex' })
  const { raw } = codec.assemble(payload, 5n, terms, signature)
  const bytes = Buffer.from(raw.slice(2), 'hex')
  let survivors = 0
  for (let index = 0; index < bytes.length; index++) {
    const changed = Buffer.from(bytes)
    changed[index] = (changed[index] ?? 0) ^ 1
    const parsed = await codec.parse(`0x${changed.toString('hex')}`).catch(() => undefined)
    if (parsed && parsed.payload.from === AGENT) survivors++
  }
  expect(survivors).toBe(0)
})

it.each([
  ['another chain', { chainId: 31338 }],
  ['a creation', { to: undefined }],
])('R1, T36: bytes for %s are not parsed', async (_name, change) => {
  const raw = await account.signTransaction({
    type: 'eip1559',
    chainId: 31337,
    nonce: 0,
    to: AGENT,
    gas: 21_000n,
    maxFeePerGas: 1n,
    maxPriorityFeePerGas: 1n,
    ...change,
  } as never)
  await expect(codec.parse(raw)).rejects.toThrow('not an EIP-1559 transaction for eip155:31337')
})

it('R8: the ceiling of the fee and the value are exact', () => {
  const payload = {
    family: 'evm',
    chain: 'eip155:31337',
    from: AGENT,
    value: '9007199254740993',
    gasLimit: '21001',
  }
  const terms = { maxFeePerGas: '1000000007', maxPriorityFeePerGas: '0' }
  expect(codec.maxFee(payload as never, terms)).toBe(21_001_000_147_007n)
  expect(codec.value(payload as never)).toBe(9_007_199_254_740_993n)
})

it('sanity: viem reads the same nonce', async () => {
  const raw = await account.signTransaction({
    type: 'eip1559',
    chainId: 31337,
    nonce: 3,
    to: AGENT,
    gas: 21_000n,
    maxFeePerGas: 1n,
  })
  expect(parseTransaction(raw).nonce).toBe(3)
  expect((await codec.parse(raw)).nonce).toBe(3n)
})
