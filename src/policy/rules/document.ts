import * as z from 'zod'
import { FINDINGS, type FindingCode } from '../../primitives/findings.ts'

// The policy file as the operator writes it. What is not known is refused: a rule with a slip of the pen must not be a
// rule that does nothing.

const names = z.array(z.string().min(1).max(80)).min(1).max(10_000)
const amount = z
  .string()
  .regex(/^\d{1,60}(\.\d{1,18})?$/, 'must be a decimal amount in whole units, such as "12.5"')
const asset = z.string().min(1).max(44)
const period = z
  .string()
  .regex(/^(transaction|[1-9]\d{0,4}[mhd])$/, 'must be "transaction", or a time such as "30m", "24h" or "7d"')
const each = z.array(z.enum(['wallet', 'principal', 'recipient'])).max(3)
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as "08:00"')
const signature = z
  .string()
  .max(400)
  .regex(
    /^[A-Za-z_]\w*\([\w,()[\]]*\)$/,
    'must be a function with its types, such as "transfer(address,uint256)"',
  )
const integer = z.string().regex(/^-?\d{1,78}$/, 'must be a whole number of base units, as text')

const argumentRule = z.strictObject({
  /** From 0. */
  index: z.int().min(0).max(63),
  /** Equals one of these; addresses and bytes in any capitals. */
  oneOf: z.array(z.string().max(2_000)).min(1).max(1_000).optional(),
  /** Is the paying account itself. */
  self: z.literal(true).optional(),
  min: integer.optional(),
  max: integer.optional(),
})

const callRule = z.strictObject({
  contract: z.string(),
  function: signature.optional(),
  arguments: z.array(argumentRule).min(1).max(64).optional(),
})

const lists = z.strictObject({
  recipients: names.optional(),
  contracts: names.optional(),
  calls: z.array(callRule).min(1).max(1_000).optional(),
  chains: names.optional(),
  bridgeRoutes: names.optional(),
})

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

const rule = z.strictObject({
  /** Names the rule in every verdict. */
  id: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case words with hyphens')
    .max(64),
  wallets: names.optional(),
  principals: names.optional(),
  chains: names.optional(),
  cap: z.strictObject({ asset, max: amount, per: period, each: each.optional() }).optional(),
  feeCap: z
    .strictObject({
      max: amount,
      per: period,
      each: z
        .array(z.enum(['wallet', 'principal']))
        .max(2)
        .optional(),
    })
    .optional(),
  maxGasPriceGwei: z
    .string()
    .regex(/^\d{1,12}(\.\d{1,9})?$/, 'must be a decimal number of gwei')
    .optional(),
  allow: lists.optional(),
  deny: lists.optional(),
  approval: z.strictObject({ asset, above: amount, elicitUpTo: amount.optional() }).optional(),
  hours: z
    .strictObject({
      days: z.array(z.enum(DAYS)).min(1).optional(),
      from: clock,
      to: clock,
      zone: z.string().max(64),
    })
    .optional(),
  allowFindings: z
    .array(z.enum(Object.keys(FINDINGS) as [FindingCode, ...FindingCode[]]))
    .min(1)
    .optional(),
})

export const policyDocument = z.strictObject({
  $schema: z.string().optional(),
  version: z.literal(1),
  rules: z.array(rule).max(10_000),
})

export type PolicyDocument = z.output<typeof policyDocument>
export type RuleText = PolicyDocument['rules'][number]
export type ListsText = z.output<typeof lists>
export type ArgumentRule = z.output<typeof argumentRule>
export type HoursText = NonNullable<RuleText['hours']>

/** What a rule may do; each has exactly one of them. */
export const EFFECTS = [
  'cap',
  'feeCap',
  'maxGasPriceGwei',
  'allow',
  'deny',
  'approval',
  'hours',
  'allowFindings',
] as const satisfies readonly (keyof RuleText)[]
