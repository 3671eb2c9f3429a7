import * as z from 'zod'

// The words that all tools share, defined once. Inputs are bounded (T34) and hold no unions, because models
// and hosts handle those badly; what the values mean on a chain is judged by the services, not here.

/** Printable ASCII without spaces: what an id or a key may consist of. */
const VISIBLE = /^[\x21-\x7e]+$/

const text = (max: number) => z.string().min(1).max(max)
const visible = (max: number) =>
  text(max).refine((value) => VISIBLE.test(value), 'must consist of visible ASCII characters without spaces')

const amountText = z
  .string({
    error: (issue) =>
      typeof issue.input === 'number'
        ? 'must be a decimal string, not a JavaScript number (numbers lose digits): pass it as a string, such as "1.5"'
        : undefined,
  })
  .min(1)
  .max(160)

/** Parameters of tools. Optional ones are made so by the tool, with `.exactOptional()`. */
export const param = {
  chain: text(64).describe('CAIP-2 id or alias from list_chains, e.g. "eip155:8453"'),
  wallet: text(64).describe('Wallet name from get_wallets'),
  account: text(128).describe('Address, or wallet name from get_wallets'),
  address: text(128).describe(
    'Recipient, or contract to call: an address in its exact case, a wallet from get_wallets, a contact, or an ENS name',
  ),
  asset: text(128).describe('"native", a symbol from list_chains, or a token address'),
  amount: amountText.describe('Whole units as a decimal string, e.g. "1.5"; never a number'),
  idempotencyKey: visible(128)
    .refine((key) => !/^(int|op)_/.test(key), 'must not start with "int_" or "op_", which ids of Bursar do')
    .describe('Your own unique key for this payment; reuse it to retry, never for another'),
  urgency: z.enum(['slow', 'standard', 'fast']).describe('Fee tier as in quote_gas; default standard'),
  intentId: visible(64).describe('intentId from simulate_transaction'),
  operation: visible(128).describe('operationId from send_transaction, an intentId, or an idempotencyKey'),
  maxFeeGwei: text(24).describe('Queue it until a block takes at most this per gas'),
  waitHours: z.int().min(1).max(72).describe('How long it may queue'),
  route: z
    .enum(['public', 'private'])
    .describe(
      'private: to block builders only, so that nobody can trade around it; default for calls where the chain has it',
    ),
  waitSeconds: z.int().min(0).max(45).describe('Wait up to this long for `until`; default 0'),
  limit: z.int().min(1).max(100).describe('Page size; default 7'),
  cursor: visible(512).describe('nextCursor of the previous list_operations answer'),
  gasLimit: text(20)
    .regex(/^[1-9]\d*$/, 'must be a whole number of gas units as a decimal string, such as "21000"')
    .describe('As from simulate_transaction; default a transfer'),
  dataBytes: text(5)
    .regex(/^\d+$/, 'must be a whole number of bytes as a decimal string, such as "68"')
    .describe('Bytes of calldata'),
  functionSignature: text(1024).describe('Contract call: signature such as "approve(address,uint256)"'),
  functionArgs: z
    .array(z.string().max(65_536))
    .max(64)
    .describe('One string per parameter; arrays and tuples as JSON text'),
  calls: z
    .array(
      z.strictObject({
        to: text(128),
        amount: amountText.exactOptional(),
        function: text(1024).exactOptional(),
        args: z.array(z.string().max(65_536)).max(64).exactOptional(),
        data: text(65_536).exactOptional(),
      }),
    )
    .min(2)
    .max(50)
    .describe(
      'Instead of `to`: 2 to 50 native payments or calls in one transaction, all or none. Contracts see Multicall3 as their caller: only for what anybody may call; never tokens or approvals. With contractAccount, contracts see that',
    ),
  contractAccount: text(128).describe(
    'ERC-4337 account owned by the wallet: makes `calls` with what it holds; the wallet pays the fee',
  ),
  calldata: text(262_146).describe('Contract call as 0x calldata, instead of function and args'),
} as const

const untrustedText = z.object({ untrusted: z.string(), mixesScripts: z.literal(true).exactOptional() })

/** Shapes that answers share. Those with an id are written once per schema and referred to. */
export const shape = {
  /** Words of a stranger (R9). */
  untrusted: untrustedText,
  chain: z
    .object({
      id: z.string(),
      name: z.string(),
      native: z.string(),
      sandbox: z.literal(true).exactOptional(),
    })
    .meta({ id: 'chain' }),
  block: z.object({ number: z.string(), hash: z.string(), timestamp: z.number() }).meta({ id: 'block' }),
  amount: z
    .object({
      asset: z.string(),
      symbol: z.string().exactOptional(),
      claims: untrustedText.exactOptional(),
      raw: z.string(),
      display: z.string(),
    })
    .meta({ id: 'amount' }),
  wallet: z.object({ name: z.string(), address: z.string() }).meta({ id: 'wallet' }),
  operationState: z.enum(['running', 'committed', 'failed', 'stuck', 'compensated']),
} as const
