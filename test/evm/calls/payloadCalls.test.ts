import { encodeFunctionData, type Hex, parseAbi } from 'viem'
import { describe, expect, it } from 'vitest'
import { base } from '../../../src/chains/data/base.ts'
import { payloadCalls } from '../../../src/evm/calls/payloadCalls.ts'
import type { EvmPayload } from '../../../src/evm/evmPayload.ts'
import { ENTRY_POINT } from '../../../src/evm/userOperations/smartAccount.ts'

const ACCOUNT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const OTHER = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'
const MALLORY = '0xa0Ee7A142d267C1f36714E4a8F75612F20a79720'
const USDC = '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913'

const abi = parseAbi([
  'function transfer(address to, uint256 amount)',
  'function execute(address target, uint256 value, bytes data)',
  'function vote(uint8 choice, address voter)',
  'function pay(address[] to)',
])
const call = (functionName: string, ...args: readonly unknown[]) =>
  encodeFunctionData({ abi, functionName, args } as never)
const payload = (to: Hex, data: Hex, more: Partial<EvmPayload> = {}): EvmPayload => ({
  ...{ family: 'evm', chain: base.id, from: ACCOUNT, to, value: '0', data, accessList: [], gasLimit: '1' },
  ...more,
})
const kinds = (given: EvmPayload) => payloadCalls(base, given).map(({ contract, kind }) => [contract, kind])
const word = (hex: string) => hex.padStart(64, '0')

describe('T18: the calls of a payload', () => {
  it('are payments where nothing but value, or a listed token, goes to somebody', () => {
    expect(kinds(payload(OTHER, '0x'))).toEqual([[OTHER, 'payment']])
    expect(payloadCalls(base, payload(USDC, call('transfer', MALLORY, 5n)))).toMatchObject([
      { contract: USDC, kind: 'payment', to: [MALLORY], selector: '0xa9059cbb' },
    ])
    expect(payloadCalls(base, payload(OTHER, call('transfer', MALLORY, 5n)))).toMatchObject([
      { contract: OTHER, kind: 'call', to: [MALLORY] },
    ])
  })

  it('begin with one that only carries the others where a contract account pays, and nowhere else', () => {
    const fields = { verificationGasLimit: '1', callGasLimit: '1', preVerificationGas: '1' }
    const userOperation = { entryPoint: ENTRY_POINT, ...fields } as const
    const inner = call('execute', OTHER, 0n, '0x12345678')
    const asAccount = (data: Hex) => kinds(payload(ACCOUNT, data, { userOperation }))
    expect(asAccount(inner)).toEqual([
      [ACCOUNT, 'carrier'],
      [OTHER, 'call'],
    ])
    expect(asAccount(call('execute', ACCOUNT, 0n, inner))).toEqual([
      [ACCOUNT, 'carrier'],
      [ACCOUNT, 'call'],
      [OTHER, 'call'],
    ])
    expect(asAccount('0x12345678')).toEqual([[ACCOUNT, 'call']])
    expect(asAccount('0xb61d27f6')).toEqual([[ACCOUNT, 'call']])
    // The key of an account that runs a contract's code (EIP-7702).
    expect(kinds(payload(ACCOUNT, inner))).toEqual([
      [ACCOUNT, 'call'],
      [OTHER, 'call'],
    ])
  })

  it('say whom of ours they tell what to do, save the payer itself', () => {
    const accounts = (address: string) =>
      address === OTHER ? ({ address: OTHER, owner: ACCOUNT, salt: 0n } as const) : undefined
    const commands = (to: Hex, data: Hex, from: Hex = ACCOUNT) =>
      payloadCalls(base, payload(to, data, { from }), accounts).map((each) => each.commands ?? false)
    expect(commands(OTHER, '0x12345678')).toEqual([true])
    expect(commands(MALLORY, call('execute', OTHER, 0n, '0x12345678'))).toEqual([false, true])
    expect(commands(OTHER, '0x12345678', OTHER)).toEqual([false])
    expect(commands(OTHER, '0x')).toEqual([false])
    expect(commands(USDC, call('transfer', OTHER, 5n))).toEqual([false])
  })
})

it('T34, T18: offsets that lead to the same bytes again and again cost nothing and are not read', () => {
  const [count, size] = [400, 90_016]
  const pointers = word((32 * count).toString(16)).repeat(count)
  const blob = `${word(size.toString(16))}${'11'.repeat(size)}`
  const bomb = `0xac9650d8${word('20')}${word(count.toString(16))}${pointers}${blob}` as Hex
  const started = performance.now()
  const [outer, ...inner] = payloadCalls(base, payload(OTHER, bomb))
  expect([outer?.problem, inner]).toEqual(['bytes that are no arguments of multicall', []])
  expect(outer?.arguments('multicall(bytes[])')).toBe('unreadable')
  expect(performance.now() - started).toBeLessThan(1_000)
  const endless = `0xac9650d8${word('20')}${word('ffffffff')}` as Hex
  expect(payloadCalls(base, payload(OTHER, endless))).toMatchObject([{ problem: outer?.problem }])
})

describe('F3: the arguments of a call', () => {
  const argumentsOf = (data: string, signature: string) =>
    payloadCalls(base, payload(OTHER, data as Hex))[0]?.arguments(signature)
  const vote = call('vote', 1, MALLORY)

  it('are text by the types that a rule names, and none of another function', () => {
    expect(argumentsOf(vote, 'vote(uint8,address)')).toEqual(['1', MALLORY])
    expect(argumentsOf(call('pay', [OTHER, MALLORY]), 'pay(address[])')).toEqual([[OTHER, MALLORY]])
    expect(argumentsOf(vote, 'other(uint8,address)')).toBeUndefined()
  })

  it('cannot be read where bytes are missing', () => {
    expect(argumentsOf(vote.slice(0, -2), 'vote(uint8,address)')).toBe('unreadable')
    expect(argumentsOf(vote.slice(0, 10), 'vote(uint8,address)')).toBe('unreadable')
  })

  it('T18: cannot be read where a number is larger than its type: some contracts look at its end only', () => {
    const selector = vote.slice(0, 10)
    const dirty = `${selector}${word(`100${'0'.repeat(59)}1`)}${word(MALLORY.slice(2))}`
    expect(argumentsOf(dirty, 'vote(uint8,address)')).toBe('unreadable')
    const slightly = `${selector}${word('101')}${word(MALLORY.slice(2))}`
    expect(argumentsOf(slightly, 'vote(uint8,address)')).toBe('unreadable')
  })

  it('T18: of an address are its last twenty bytes, as contracts take them', () => {
    const dirty = `${vote.slice(0, 10)}${word('1')}ff${word(MALLORY.slice(2)).slice(2)}`
    expect(argumentsOf(dirty, 'vote(uint8,address)')).toEqual(['1', MALLORY])
  })

  it('T18: are found by their offsets, wherever those lead', () => {
    const whole = call('pay', [OTHER])
    const far = `${whole.slice(0, 10)}${word('60')}${word('1')}${word(OTHER.slice(2))}${word('1')}${word(MALLORY.slice(2))}`
    expect(argumentsOf(far, 'pay(address[])')).toEqual([[MALLORY]])
    const beyond = `${whole.slice(0, 10)}${word('ff60')}${word('1')}${word(OTHER.slice(2))}`
    expect(argumentsOf(beyond, 'pay(address[])')).toBe('unreadable')
  })
})
