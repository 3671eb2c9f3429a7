import { AGENT, MERCHANT, TIP_JAR, USDC } from '../support/engine.ts'

/** Arguments of a transfer that would pass, with what a test changes. */
export function transfer(change: object): object {
  return {
    chain: 'sandbox-a',
    wallet: 'agent',
    to: MERCHANT,
    amount: '1',
    idempotencyKey: 'bad-input',
    ...change,
  }
}

/** Arguments of a contract call, with what a test changes. */
function call(change: object): object {
  return { chain: 'sandbox-a', wallet: 'agent', to: TIP_JAR, idempotencyKey: 'bad-call', ...change }
}

const amountFix = (decimals: number) =>
  `Give a positive decimal string in whole units with at most ${decimals} decimals, such as "1.5".`

interface BadPayment {
  readonly title: string
  readonly given: object
  readonly code: string
  readonly message: string
  readonly fix?: string
  /** A stranger's words. */
  readonly quoted?: string
  /** Refused before its chain was known. */
  readonly chainless?: true
}

/** What simulate_transaction refuses, and in which words. On sandbox-a, with a next base fee of 0.875 gwei. */
export const badPayments: readonly BadPayment[] = [
  {
    title: 'a chain that nobody knows',
    given: transfer({ chain: 'bsae' }),
    code: 'chain_unknown',
    message: '"bsae" is not a chain that Bursar knows.',
    chainless: true,
  },
  {
    title: 'a bare chain number (R13)',
    given: transfer({ chain: '31337' }),
    code: 'chain_unknown',
    message: '"31337" is not a chain that Bursar knows.',
    chainless: true,
  },
  {
    title: 'an address whose capitals do not match its checksum (R13)',
    given: transfer({ to: '0x3c44CdDdB6a900fa2b585dd299e03d12FA4293BC' }),
    code: 'address_invalid',
    message:
      'to "0x3c44CdDdB6a900fa2b585dd299e03d12FA4293BC" is not a usable address: its capital letters do not match its EIP-55 checksum.',
  },
  {
    title: 'what is not an address',
    given: transfer({ to: '0xalice' }),
    code: 'address_invalid',
    message: 'to "0xalice" is not a usable address: an EVM address is 0x and 40 hexadecimal digits.',
  },
  {
    title: 'a name that nobody has (T8)',
    given: transfer({ to: 'marchant' }),
    code: 'recipient_unknown',
    message: 'to "marchant" is not an address, and no wallet or contact of this chain has that name.',
  },
  {
    title: 'an ENS name on a chain that has no ENS (T9)',
    given: transfer({ to: 'alice.eth' }),
    code: 'names_unavailable',
    message:
      '"alice.eth" cannot be looked up: there is no ENS for Sandbox A: it is on Ethereum and, for test networks, on Sepolia.',
  },
  {
    title: 'an address that looks like a wallet of ours (T5)',
    given: transfer({ to: '0x3c44cdddb6a900fa2b585dd299e03d12fa4293bd' }),
    code: 'recipient_lookalike',
    message:
      '0x3C44cDDDB6a900FA2b585DD299e03D12Fa4293bD is not 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC, the wallet "merchant", and looks like it (all but one digit are the same). Such addresses are made, or mistyped, to be paid by mistake. Nothing was signed.',
  },
  {
    title: 'an amount as a JavaScript number (R8)',
    given: transfer({ amount: 1 }),
    code: 'input_invalid',
    message:
      'The arguments of simulate_transaction are not valid: amount must be a decimal string, not a JavaScript number (numbers lose digits): pass it as a string, such as "1.5".',
    chainless: true,
  },
  {
    title: 'more decimals than the native token has (R8)',
    given: transfer({ amount: '0.1234567890123456789' }),
    code: 'amount_invalid',
    message: 'Amount "0.1234567890123456789" is not usable: it has more decimals than the asset.',
    fix: amountFix(18),
  },
  {
    title: 'more decimals than the token has (R8)',
    given: transfer({ amount: '1.0000001', asset: 'USDC' }),
    code: 'amount_invalid',
    message: 'Amount "1.0000001" is not usable: it has more decimals than the asset.',
    fix: amountFix(6),
  },
  {
    title: 'a negative amount',
    given: transfer({ amount: '-1' }),
    code: 'amount_invalid',
    message: 'Amount "-1" is not usable: it is negative.',
  },
  {
    title: 'zero',
    given: transfer({ amount: '0.000' }),
    code: 'amount_invalid',
    message: 'Amount "0.000" is not usable: it is zero.',
  },
  {
    title: 'an exponent',
    given: transfer({ amount: '1e18' }),
    code: 'amount_invalid',
    message: 'Amount "1e18" is not usable: it is not a decimal number written as text.',
  },
  {
    title: 'an empty amount',
    given: transfer({ amount: '' }),
    code: 'input_invalid',
    message:
      'The arguments of simulate_transaction are not valid: amount must not be empty: leave it out or give a value.',
    chainless: true,
  },
  {
    title: 'the zero address as recipient',
    given: transfer({ to: '0x0000000000000000000000000000000000000000' }),
    code: 'recipient_refused',
    message:
      '0x0000000000000000000000000000000000000000 cannot receive this payment: it is the zero address, and what is sent there is lost.',
  },
  {
    title: 'the token contract as recipient of the token',
    given: transfer({ to: USDC, asset: 'USDC' }),
    code: 'recipient_refused',
    message: `${USDC} cannot receive this payment: it is a token contract, and what is sent there is lost.`,
  },
  {
    title: 'a token contract as recipient of native tokens',
    given: transfer({ to: USDC }),
    code: 'recipient_refused',
    message: `${USDC} cannot receive this payment: it is a token contract, and what is sent there is lost.`,
  },
  {
    title: 'an asset that nobody knows',
    given: transfer({ asset: 'USDX' }),
    code: 'asset_unknown',
    message: '"USDX" is not an asset on this chain.',
    fix: 'Use "native", a token contract address, or one of: USDC.',
  },
  {
    title: 'a contract that is no token, as asset',
    given: transfer({ asset: TIP_JAR }),
    code: 'asset_unknown',
    message: `"${TIP_JAR}" is not an asset on this chain.`,
  },
  {
    title: 'a wallet that nobody knows',
    given: transfer({ wallet: 'bob' }),
    code: 'wallet_unknown',
    message: '"bob" is not a wallet that Bursar manages on this chain.',
    fix: 'Use one of: treasury, agent, merchant, payroll, vault. get_wallets shows them.',
  },
  {
    title: 'more native tokens than the wallet has, to the wei',
    given: transfer({ amount: '20000' }),
    code: 'insufficient_funds',
    message:
      'agent needs 20000.00002361211125 ETH and has 10000: 10000.00002361211125 ETH short (20000 to send and up to 0.00002361211125 for fees).',
    fix: 'Fund agent with at least 10000.00002361211125 ETH, or lower the amount, then call simulate_transaction again.',
  },
  {
    title: 'more of a token than the wallet has',
    given: transfer({ amount: '1000000.000001', asset: 'USDC' }),
    code: 'insufficient_funds',
    message: 'agent needs 1000000.000001 USDC and has 1000000: 0.000001 USDC short (the amount).',
  },
  {
    title: 'a call that reverts with a reason, which is quoted as a stranger said it (R9)',
    given: call({ function: 'tip(string)', args: ['hello'] }),
    code: 'simulation_reverted',
    message: 'The simulation reverted: with a reason string (see quoted). Nothing was prepared.',
    quoted: 'TipJar: a tip needs value',
  },
  {
    title: 'a call that reverts with a custom error',
    given: call({ function: 'withdraw(address,uint256)', args: [MERCHANT, '1'] }),
    code: 'simulation_reverted',
    message: 'The simulation reverted: custom error 0xccf79b67 (raw data in quoted). Nothing was prepared.',
    quoted: '0xccf79b6700000000000000000000000070997970c51812dc3a010c7d01b50e0d17dc79c8',
  },
  {
    title: 'a call that reverts with an error that many contracts share',
    given: call({
      to: USDC,
      function: 'transfer(address,uint256)',
      args: ['0x0000000000000000000000000000000000000000', '1'],
    }),
    code: 'simulation_reverted',
    message:
      'The simulation reverted: ERC20InvalidReceiver(0x0000000000000000000000000000000000000000). Nothing was prepared.',
  },
  {
    title: 'a call that panics',
    given: call({ function: 'averageTip()', args: [] }),
    code: 'simulation_reverted',
    message: 'The simulation reverted: Panic 18: division by zero. Nothing was prepared.',
  },
  {
    title: 'a function that the contract does not have',
    given: call({ function: 'steal(uint256)', args: ['1'] }),
    code: 'simulation_reverted',
    message: 'The simulation reverted: without a reason. Nothing was prepared.',
  },
  {
    title: 'a function without its parameters',
    given: call({ function: 'tip', args: [] }),
    code: 'call_invalid',
    message: 'The contract call is not valid: function "tip" is not "name(type,type)".',
  },
  {
    title: 'a function with a type that does not exist',
    given: call({ function: 'tip(text)', args: ['hello'] }),
    code: 'call_invalid',
    message: 'The contract call is not valid: function "tip(text)" is not a valid signature.',
  },
  {
    title: 'a function with too few arguments',
    given: call({ function: 'withdraw(address,uint256)', args: [MERCHANT] }),
    code: 'call_invalid',
    message: 'The contract call is not valid: withdraw(address,uint256) takes 2 argument(s), 1 given.',
  },
  {
    title: 'an argument that does not fit its type',
    given: call({ function: 'withdraw(address,uint256)', args: [MERCHANT, '1.5'] }),
    code: 'call_invalid',
    message:
      'The contract call is not valid: args[1] (uint256) must be a whole decimal number in base units, as text.',
  },
  {
    title: 'an address argument with a wrong checksum (R13)',
    given: call({
      function: 'withdraw(address,uint256)',
      args: ['0x3c44CdDdB6a900fa2b585dd299e03d12FA4293BC', '1'],
    }),
    code: 'address_invalid',
    message:
      'args[0] "0x3c44CdDdB6a900fa2b585dd299e03d12FA4293BC" is not a usable address: its capital letters do not match its EIP-55 checksum.',
  },
  {
    title: 'both a function and calldata',
    given: call({ function: 'averageTip()', data: '0x12345678' }),
    code: 'call_invalid',
    message: 'The contract call is not valid: both function and data are given.',
  },
  {
    title: 'calldata with half a byte',
    given: call({ data: '0x123456789' }),
    code: 'call_invalid',
    message:
      'The contract call is not valid: data must be 0x-prefixed hex: a 4-byte selector and its arguments.',
  },
  {
    title: 'a call that takes a token and does not say how much',
    given: call({ function: 'averageTip()', asset: 'USDC' }),
    code: 'amount_invalid',
    message:
      'Amount "" is not usable: a call with an asset needs the amount that the contract may take of it.',
  },
  {
    title: 'more than the cap on one transaction (R5)',
    given: transfer({ amount: '10.000000000000000001' }),
    code: 'policy_denied',
    message:
      'Policy per-transaction-cap denies this: 10.000000000000000001 ETH would leave, above the cap of 10 ETH per transaction.',
  },
  {
    title: 'an approval above the cap, which counts as all that it allows (R5)',
    given: call({ to: USDC, function: 'approve(address,uint256)', args: [TIP_JAR, '10000000001'] }),
    code: 'policy_denied',
    message:
      'Policy per-transaction-cap denies this: 10000.000001 USDC would leave, above the cap of 10000 USDC per transaction.',
  },
  {
    title: 'an unlimited approval (T17)',
    given: call({
      to: USDC,
      function: 'approve(address,uint256)',
      args: [TIP_JAR, '115792089237316195423570985008687907853269984665640564039457584007913129639935'],
    }),
    code: 'policy_denied',
    message: `Policy unlimited-approval denies this: ${TIP_JAR} may take all USDC of ${AGENT}, now and later (the operator can allow it by FINDINGS_ALLOWED or in the policy file).`,
  },
]
