import { encodeFunctionData, type Hex, parseAbi } from 'viem'

/** Whom a drainer works with. */
export interface Parties {
  /** A contract that accepts whatever it is told, as a token or a wallet. */
  readonly yes: Hex
  /** A token that answers like one. */
  readonly token: Hex
  readonly victim: Hex
  /** Takes what it was allowed. */
  readonly spender: Hex
}

/** Calls by which wallets were emptied, and why each is refused without a rule of the operator. */
export interface Drainer {
  readonly name: string
  readonly rule: string
  /** The contract that is called, and what it is told. */
  readonly request: (parties: Parties) => { readonly to: Hex; readonly data: Hex }
}

const MAX = 2n ** 256n - 1n
const MAX_160 = 2n ** 160n - 1n
const LATER = 281_474_976_710_655n
const WORD: Hex = `0x${'11'.repeat(32)}`
const SIGNATURE: Hex = `0x${'11'.repeat(65)}`

function call(signature: string, ...args: readonly unknown[]): Hex {
  return encodeFunctionData({ abi: parseAbi([`function ${signature}`] as string[]), args } as never)
}

const approveAll = (spender: Hex) => call('approve(address,uint256)', spender, MAX)

const at =
  (build: (parties: Parties) => Hex): Drainer['request'] =>
  (parties) => ({ to: parties.yes, data: build(parties) })

/** What lets somebody take without limit, by all the names that it has. */
const unlimited: readonly Drainer[] = (
  [
    ['approve', ({ spender }) => approveAll(spender)],
    ['approve of half of all numbers', ({ spender }) => call('approve(address,uint256)', spender, MAX / 2n)],
    ['approve (ERC-6909)', ({ spender }) => call('approve(address,uint256,uint256)', spender, 7n, MAX)],
    ['increaseAllowance', ({ spender }) => call('increaseAllowance(address,uint256)', spender, MAX)],
    ['increaseApproval', ({ spender }) => call('increaseApproval(address,uint256)', spender, MAX)],
    ['approveAndCall', ({ spender }) => call('approveAndCall(address,uint256,bytes)', spender, MAX, '0x')],
    ['approveDelegation', ({ spender }) => call('approveDelegation(address,uint256)', spender, MAX)],
    [
      'permit (ERC-2612)',
      ({ victim, spender }) =>
        call(
          'permit(address,address,uint256,uint256,uint8,bytes32,bytes32)',
          ...[victim, spender, MAX, LATER, 27, WORD, WORD],
        ),
    ],
    [
      'permit of DAI',
      ({ victim, spender }) =>
        call(
          'permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)',
          ...[victim, spender, 0n, LATER, true, 27, WORD, WORD],
        ),
    ],
    [
      'approve of Permit2',
      ({ token, spender }) =>
        call('approve(address,address,uint160,uint48)', token, spender, MAX_160, Number(LATER)),
    ],
    [
      'permit of Permit2',
      ({ victim, token, spender }) =>
        call(
          'permit(address,((address,uint160,uint48,uint48),address,uint256),bytes)',
          ...[victim, [[token, MAX_160, Number(LATER), 0], spender, LATER], SIGNATURE],
        ),
    ],
    [
      'permit of Permit2 for several tokens',
      ({ victim, token, spender }) =>
        call(
          'permit(address,((address,uint160,uint48,uint48)[],address,uint256),bytes)',
          ...[victim, [[[token, MAX_160, Number(LATER), 0]], spender, LATER], SIGNATURE],
        ),
    ],
    ['approve in a multicall', ({ spender }) => call('multicall(bytes[])', [approveAll(spender)])],
    [
      'approve in a multicall in a multicall',
      ({ spender }) =>
        call('multicall(bytes[])', [call('multicall(uint256,bytes[])', LATER, [approveAll(spender)])]),
    ],
  ] satisfies [string, (parties: Parties) => Hex][]
).map(([name, build]) => ({ name, rule: 'unlimited-approval', request: at(build) }))

/** What lets somebody take everything of a collection, or all that an account has somewhere. */
const everything: readonly Drainer[] = [
  'setApprovalForAll(address,bool)',
  'setOperator(address,bool)',
  'setAuthorization(address,bool)',
  'allow(address,bool)',
].map((signature) => ({
  name: signature,
  rule: 'approval-for-all',
  request: at(({ spender }) => call(signature, spender, true)),
}))

export const DRAINERS: readonly Drainer[] = [
  ...unlimited,
  ...everything,
  {
    name: 'authorizeOperator(address)',
    rule: 'approval-for-all',
    request: at(({ spender }) => call('authorizeOperator(address)', spender)),
  },
  {
    name: 'setApprovalForAll in a multicall',
    rule: 'approval-for-all',
    request: at(({ spender }) =>
      call('multicall(bytes[])', [call('setApprovalForAll(address,bool)', spender, true)]),
    ),
  },
  {
    name: 'a call of a multicall that nobody can read',
    rule: 'inner-call-unknown',
    request: at(() => call('multicall(bytes[])', ['0x1234'])),
  },
  {
    name: 'tokens sent to the token itself',
    rule: 'token-as-recipient',
    request: ({ token }) => ({ to: token, data: call('transfer(address,uint256)', token, 1n) }),
  },
]
