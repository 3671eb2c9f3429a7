import type { Asset } from '../../../src/chains/adapter.ts'
import { allChains } from '../../../src/chains/allChains.ts'
import { base } from '../../../src/chains/data/base.ts'
import type { PayloadCall } from '../../../src/chains/payloadCalls.ts'
import { judgeRules, questions } from '../../../src/policy/rules/judgeRules.ts'
import type { Matter } from '../../../src/policy/rules/matter.ts'
import { readRules } from '../../../src/policy/rules/readRules.ts'
import type { RuleBook } from '../../../src/policy/rules/rules.ts'
import { Spent } from '../../../src/store/spending/spentWindow.ts'

export const ACCOUNT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
export const ALICE = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'
export const MALLORY = '0x90F79bf6EB2c4f870365E785982E1f101E93b906'
export const ROUTER = '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65'
export const USDC: Asset = {
  id: 'eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
  address: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
  decimals: 6,
  symbol: 'USDC',
}
export const ETH: Asset = { id: 'eip155:8453/slip44:60', decimals: 18, symbol: 'ETH' }

/** Monday, 5 January 2026, 12:00 UTC. */
export const NOON = Date.UTC(2026, 0, 5, 12)

export const rulesOf = (...rules: readonly object[]): RuleBook =>
  readRules(JSON.stringify({ version: 1, rules }), allChains)

/** Pays `to` that much USDC, in whole units. */
export function pays(to: string, units: number, more: Partial<Matter> = {}): Matter {
  const raw = BigInt(Math.round(units * 1e6))
  return {
    chain: base,
    wallet: 'agent',
    account: ACCOUNT,
    principal: 'local',
    outflows: [{ asset: USDC, raw }],
    intentOutflows: [{ asset: USDC, raw }],
    paidOut: [{ asset: USDC, recipient: to, raw }],
    countedBefore: [],
    recipients: [to],
    reached: [to],
    spenders: [],
    calls: [{ contract: String(USDC.address), kind: 'payment', to: [to], arguments: () => undefined }],
    maxFee: 10n ** 15n,
    gasPrice: 10n ** 9n,
    native: ETH,
    moments: [NOON, NOON],
    isProtective: false,
    ...more,
  }
}

/** A call of a contract, with the arguments that one function of it has. */
export function callOf(
  contract: string,
  signature: string,
  args: ReturnType<PayloadCall['arguments']> = [],
): PayloadCall {
  return {
    contract,
    kind: 'call',
    selector: '0x12345678',
    arguments: (asked) => (asked === signature ? args : undefined),
  }
}

/** A matter that calls a contract, which takes that much USDC. */
export function callsTo(call: PayloadCall, units: number, more: Partial<Matter> = {}): Matter {
  return pays(call.contract, units, { calls: [call], ...more })
}

const NOBODY = () => []

/** The verdict, with so much that left in every window that is asked for, in base units by asset. */
export function verdict(book: RuleBook, matter: Matter, before: Readonly<Record<string, bigint>> = {}) {
  const windows = questions(book, matter, NOBODY)
  const sums = new Map(
    windows.map(({ key, assets }) => [key, new Map(assets.map((id) => [id, before[id] ?? 0n]))]),
  )
  return judgeRules(book, matter, NOBODY, new Spent(sums))
}

export const deniedBy = (book: RuleBook, matter: Matter, before: Readonly<Record<string, bigint>> = {}) =>
  verdict(book, matter, before).denied?.rule
