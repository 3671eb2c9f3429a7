import { describe, expect, expectTypeOf, test } from 'vitest'
import { BursarError } from '../../src/errors/bursarError.ts'
import { type ErrorCode, errorCatalogue } from '../../src/errors/catalogue.ts'
import { tools } from '../../tools/index.ts'
import { contexts } from './contexts.ts'

// Numbers are an interface: once published they keep their meaning for ever. Add lines, change none.
const PUBLISHED: Partial<Record<ErrorCode, number>> = {
  input_invalid: 1001,
  chain_unknown: 1002,
  chain_not_configured: 1003,
  address_invalid: 1004,
  amount_invalid: 1005,
  asset_unknown: 1006,
  recipient_refused: 1007,
  call_invalid: 1008,
  cursor_invalid: 1009,
  recipient_unknown: 1020,
  name_invalid: 1021,
  name_unresolved: 1022,
  names_unavailable: 1023,
  contact_refused: 1024,
  name_ambiguous: 1025,
  config_invalid: 1101,
  sandbox_unavailable: 1102,
  sandbox_missing: 1103,
  policy_invalid: 1110,
  scope_missing: 1010,
  unauthenticated: 1011,
  host_refused: 1012,
  request_too_large: 1013,
  request_invalid: 1014,
  too_many_requests: 1015,
  server_busy: 1016,
  http_unavailable: 1104,
  http_too_open: 1105,
  token_refused: 1106,
  provider_unreachable: 2001,
  provider_garbage: 2002,
  provider_wrong_chain: 2003,
  provider_throttled: 2008,
  provider_disagreement: 2009,
  nonces_unavailable: 2010,
  answer_too_large: 2011,
  batch_unavailable: 2012,
  rpc_refused: 2004,
  chain_replaced: 2007,
  rpc_method_missing: 2005,
  send_forbidden: 2006,
  wallet_unknown: 3001,
  receipt_refused: 3002,
  wallet_locked: 3003,
  password_wrong: 3004,
  keystore_damaged: 3005,
  secret_file_exposed: 3006,
  secret_file_unreadable: 3007,
  keystore_unwritable: 3008,
  wallet_exists: 3009,
  wallet_input_invalid: 3010,
  password_missing: 3011,
  keyring_unavailable: 3012,
  signer_unreachable: 3013,
  signer_refused: 3014,
  signer_mismatch: 3015,
  signature_astray: 3016,
  accounts_unavailable: 3030,
  bundling_unfunded: 3031,
  account_route: 3032,
  bundler_away: 3033,
  insufficient_funds: 4001,
  simulation_reverted: 4002,
  simulation_unavailable: 4003,
  policy_denied: 4004,
  gas_price_above_cap: 4005,
  fees_moved: 4006,
  effects_changed: 4007,
  gas_above_block: 4008,
  effects_too_many: 4009,
  surcharge_moved: 4010,
  policy_reloaded: 4011,
  halted: 4020,
  feature_off: 4021,
  recipient_lookalike: 4030,
  name_moved: 4031,
  intent_unknown: 5001,
  intent_expired: 5002,
  idempotency_conflict: 5003,
  operation_unknown: 5004,
  intent_changed: 5005,
  private_route_missing: 5010,
  not_replaceable: 5008,
  lane_full: 5006,
  nonce_taken: 5007,
  allowance_in_use: 5009,
  approval_needed: 5011,
  approval_denied: 5012,
  approval_unknown: 5013,
  approval_closed: 5014,
  approver_unusable: 5015,
  journal_unavailable: 6001,
  internal: 9001,
  cancelled: 9002,
}

const RANGES = [1, 2, 3, 4, 5, 6, 9]
// A fix tells the reader to do something; extend the list when a new verb is right.
const IMPERATIVE =
  /(?:^|[.:;,] |payment )(?:Ask|Call|Check|Correct|Do|Fund|Give|Install|Name|POST|Prepare|repeat|See|Send|Split|Stay|use|Use|Wait)\b/

const codes = Object.keys(errorCatalogue) as ErrorCode[]

test('published error numbers never change and none is used twice (R10)', () => {
  const numbers = Object.fromEntries(codes.map((code) => [code, errorCatalogue[code].number]))
  expect(numbers).toMatchObject(PUBLISHED)
  expect(new Set(Object.values(numbers)).size).toBe(codes.length)
})

test('every code has an example context, so that none escapes these tests', () => {
  expectTypeOf<keyof typeof contexts>().toEqualTypeOf<ErrorCode>()
  expect(Object.keys(contexts).sort()).toEqual([...codes].sort())
})

describe.each(codes)('%s', (code) => {
  const error = new BursarError(code, contexts[code] as never)
  const { number, kind, retry } = errorCatalogue[code]

  test('has a stable code and a number in the range of a layer', () => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/)
    expect(number).toBeGreaterThanOrEqual(1000)
    expect(RANGES).toContain(Math.floor(number / 1000))
  })

  test('says what is wrong and, imperatively, what to do next (R10)', () => {
    expect(error.message).toMatch(/^\S.{10,}/s)
    expect(error.message).not.toMatch(/undefined|\[object|NaN/)
    expect(error.fix).toMatch(IMPERATIVE)
    expect(error.fix).toMatch(/\.$/)
    expect(error.fix).not.toMatch(/undefined|\[object|NaN/)
  })

  test('has a kind, a retry rule that can be followed, and no side effect unless told', () => {
    expect(['input', 'policy', 'chain', 'provider', 'config', 'bug']).toContain(kind)
    if (typeof retry === 'string') expect(['no', 'same']).toContain(retry)
    else expect(retry.afterSeconds).toBeGreaterThan(0)
    expect(error.sideEffect).toBe('none')
  })

  test('names only tools that exist', () => {
    const named =
      `${error.message} ${error.fix}`.match(/\b(?:list|get|quote|simulate|send|replace)_[a-z]+\b/g) ?? []
    const known = tools.map((tool) => tool.name)
    for (const name of named.filter((word) => word !== 'send_forbidden')) expect(known).toContain(name)
  })
})
