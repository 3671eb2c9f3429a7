import { decodeFunctionData, encodeFunctionData, parseAbi } from 'viem'
import { describe, expect, it } from 'vitest'
import { parseAddress, parseRecipient } from '../../../src/evm/address.ts'
import { encodeCall, parseCalldata } from '../../../src/evm/calls/calls.ts'
import { AGENT, MERCHANT } from '../../support/engine.ts'

const invalid = (reason: string) =>
  expect.objectContaining({
    code: 'call_invalid',
    sideEffect: 'none',
    message: expect.stringContaining(reason),
  })
const refusal = (run: () => unknown) => {
  try {
    return run()
  } catch (error) {
    return error
  }
}

describe('calls by signature', () => {
  it('T10: takes the members of a tuple by position, also when two share a name', () => {
    const { data } = encodeCall('pay((uint256 amount,uint256 fee,uint256 amount))', [
      '["100","1","900000000"]',
    ])
    const words = ['64', '1', '35a4e900'].map((word) => word.padStart(64, '0')).join('')
    expect(data.slice(10)).toBe(words)
  })

  it('gives the calldata and the canonical signature', () => {
    expect(encodeCall('transfer(address to, uint amount)', [AGENT, '1000000'])).toEqual({
      data: '0xa9059cbb00000000000000000000000070997970c51812dc3a010c7d01b50e0d17dc79c800000000000000000000000000000000000000000000000000000000000f4240',
      signature: 'transfer(address,uint256)',
    })
    expect(encodeCall(' function totalSupply() view returns (uint256)', [])).toEqual({
      data: '0x18160ddd',
      signature: 'totalSupply()',
    })
  })

  it('takes arrays, fixed arrays, tuples in tuples, and large numbers as text', () => {
    const signature = 'f(uint256[] a, bytes2[2] b, (address who, (int8 x, bool y)[] list) t, string s)'
    const args = [
      '["115792089237316195423570985008687907853269984665640564039457584007913129639935", 2]',
      '["0x1234","0xabcd"]',
      `["${AGENT}", [["-128", true], ["127", "false"]]]`,
      'tab\tand "quotes" and ünïcode',
    ]
    const abi = parseAbi([`function ${signature}` as 'function f(uint256[] a)'])
    expect(decodeFunctionData({ abi, data: encodeCall(signature, args).data }).args).toEqual([
      [2n ** 256n - 1n, 2n],
      ['0x1234', '0xabcd'],
      {
        who: AGENT,
        list: [
          { x: -128, y: true },
          { x: 127, y: false },
        ],
      },
      'tab\tand "quotes" and ünïcode',
    ])
  })

  it('takes tuples without names', () => {
    const abi = parseAbi(['function f((uint8,string) t)'])
    const data = encodeFunctionData({ abi, functionName: 'f', args: [[7, 'x']] as never })
    expect(encodeCall('f((uint8,string))', ['[7,"x"]']).data).toBe(data)
  })

  it.each([
    ['f(uint8)', ['256'], 'do not fit'],
    ['f(uint256)', ['-1'], 'do not fit'],
    ['f(int8)', ['-129'], 'do not fit'],
    ['f(uint256)', ['1.5'], 'whole decimal number'],
    ['f(uint256)', ['1e18'], 'whole decimal number'],
    ['f(uint256)', ['0x10'], 'whole decimal number'],
    ['f(uint256)', [''], 'whole decimal number'],
    ['f(bool)', ['yes'], 'must be "true" or "false"'],
    ['f(bool)', ['1'], 'must be "true" or "false"'],
    ['f(bytes4)', ['0x12345'], 'must be 0x-prefixed hex'],
    ['f(bytes4)', ['0x123456'], 'do not fit'],
    ['f(bytes)', ['1234'], 'must be 0x-prefixed hex'],
    ['f(uint256[])', ['1,2'], 'must be JSON text'],
    ['f(uint256[])', ['{"0":1}'], 'must be a JSON array'],
    ['f(uint256[])', ['[9007199254740993]'], 'write large numbers in quotes'],
    ['f(uint256[])', ['[1.5]'], 'must be text'],
    ['f(uint256[])', ['[null]'], 'must be text'],
    ['f(uint256[2])', ['["1"]'], 'must have 2 entries'],
    ['f((uint256 a,bool b))', ['["1"]'], 'its 2 members'],
    ['f((uint256 a,bool b))', ['{"a":1,"b":true}'], 'its 2 members'],
    ['f(uint256)', [], 'takes 1 argument(s), 0 given'],
    ['f()', ['1'], 'takes 0 argument(s), 1 given'],
    ['transfer', [], 'is not "name(type,type)"'],
    ['0xa9059cbb', [], 'is not "name(type,type)"'],
    ['f(uint257)', ['1'], ''],
    ['f(mystery)', ['1'], ''],
    ['f(uint256', ['1'], 'is not "name(type,type)"'],
  ])('T10: refuses %s with %j', (signature, args, reason) => {
    expect(refusal(() => encodeCall(signature, args))).toEqual(invalid(reason))
  })

  it('R13: an address among the arguments is held to its checksum', () => {
    const mistyped = `0x${MERCHANT.slice(2, -1)}c`
    expect(refusal(() => encodeCall('f(address)', [mistyped]))).toMatchObject({
      code: 'address_invalid',
      context: { field: 'args[0]', reason: expect.stringContaining('EIP-55') },
    })
    expect(refusal(() => encodeCall('f(address[])', [`["${mistyped}"]`]))).toMatchObject({
      context: { field: 'args[0][0]' },
    })
  })

  it('T34: deep nesting and long lists end in an answer', () => {
    const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`
    expect(refusal(() => encodeCall('f(uint256[])', [deep]))).toMatchObject({ code: 'call_invalid' })
    const many = JSON.stringify(Array.from({ length: 10_000 }, (_, index) => String(index)))
    expect(encodeCall('f(uint256[])', [many]).data).toHaveLength(2 + 8 + 64 * 10_002)
  })
})

describe('raw calldata', () => {
  it.each([
    ['0x', '0x'],
    ['0xA9059CBB', '0xa9059cbb'],
    ['0xa9059cbb00', '0xa9059cbb00'],
  ])('takes %s', (text, data) => {
    expect(parseCalldata(text)).toBe(data)
  })

  it.each(['', 'a9059cbb', '0xa9', '0xa9059c', '0xa9059cb', '0xzz059cbb', '0xa9059cbb ', '0X'])(
    'refuses %j',
    (text) => {
      expect(refusal(() => parseCalldata(text))).toEqual(invalid('data must be 0x-prefixed hex'))
    },
  )
})

describe('R13: addresses', () => {
  // From EIP-55 itself.
  it.each([
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
    '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
    '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB',
    '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb',
    '0x52908400098527886E0F7030069857D2E4169EE7',
  ])('R13: %s is right, in capitals, in small letters and as it is', (address) => {
    expect(parseAddress(address, 'to')).toBe(address)
    expect(parseAddress(address.toLowerCase(), 'to')).toBe(address)
    expect(parseAddress(`0x${address.slice(2).toUpperCase()}`, 'to')).toBe(address)
  })

  it.each([
    '0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD',
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe',
    '5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed ',
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg',
    '0х5aaeb6053f3e94c9b9a09f33669435e7ef1beaed',
    'vitalik.eth',
    '',
  ])('R13: %j is refused', (text) => {
    expect(refusal(() => parseAddress(text, 'to'))).toMatchObject({
      code: 'address_invalid',
      context: { field: 'to' },
    })
  })

  it('R13: nothing is sent to the zero address', () => {
    expect(refusal(() => parseRecipient('0x0000000000000000000000000000000000000000', 'to'))).toMatchObject({
      code: 'recipient_refused',
      sideEffect: 'none',
    })
  })
})
