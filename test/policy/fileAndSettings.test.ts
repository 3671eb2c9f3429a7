import { describe, expect, it } from 'vitest'
import type { Effect } from '../../src/chains/adapter.ts'
import { Policy } from '../../src/policy/policy.ts'
import { finding } from '../../src/primitives/findings.ts'
import { Spent } from '../../src/store/spending/spentWindow.ts'
import { rulesOf } from './rules/support.ts'
import { ACCOUNT, matter, native, OTHER, refusal, usdc } from './support/judged.ts'

describe('F3: the rules of a policy file beside the settings', () => {
  const settings = {
    ...{ maxGasPriceGwei: '500', perTransaction: [], feePerTransaction: [{ chain: '*', max: '0.1' }] },
    ...{ maxSlippagePercent: '2.0', findingsAllowed: [] },
  }
  const book = rulesOf(
    { id: 'small', cap: { asset: 'USDC', max: '5', per: 'transaction' } },
    { id: 'trusted', wallets: ['agent'], allowFindings: ['delegation'] },
  )
  const strict = new Policy(settings, book)

  it('F3: a cap of the file is a cap: on a mainnet an asset leaves with it, for whom it is about', () => {
    expect(strict.judge(matter(usdc, 5_000_000n)).rules).toContain('5 USDC: capped by the policy file')
    expect(refusal(() => strict.judge(matter(usdc, 5_000_001n)))).toMatchObject({
      context: { rule: 'small' },
    })
    const scoped = new Policy(
      settings,
      rulesOf({ id: 's', wallets: ['b'], cap: { asset: 'USDC', max: '5', per: '1h' } }),
    )
    expect(refusal(() => scoped.judge(matter(usdc, 1n)))).toMatchObject({
      context: { rule: 'per-transaction-cap' },
    })
  })

  it('T17: a finding that the file allows is allowed to whom it is about', () => {
    const findings = [finding('delegation', 'it delegates')]
    const effects = { findings, ...{ outflow: { asset: usdc, raw: 1n } } }
    expect(strict.judge(matter(usdc, 1n, effects)).rules).toContain('trusted: the operator allows delegation')
    const other = matter(usdc, 1n, { ...effects, wallet: 'payroll' })
    expect(refusal(() => strict.judge(other))).toMatchObject({ context: { rule: 'delegation' } })
  })

  it('T17: what is critical is denied unless the operator named it; what is not critical is only told', () => {
    const judged = matter(usdc, 1n, { findings: [finding('unlimited-approval', 'it allows all')] })
    expect(refusal(() => strict.judge(judged))).toMatchObject({
      context: { rule: 'unlimited-approval' },
      message: expect.stringContaining('FINDINGS_ALLOWED or in the policy file'),
    })
    const trusting = new Policy({ ...settings, findingsAllowed: ['unlimited-approval'] }, book)
    expect(trusting.judge(judged).rules).toContain('unlimited-approval: the operator allows it')
    const first = finding('first-recipient', 'never paid before')
    const verdict = strict.judge(matter(usdc, 1n, { findings: [first] }))
    expect([verdict.found, verdict.rules.filter((rule) => rule.includes('first-recipient'))]).toEqual([
      [first],
      [],
    ])
  })

  it('T37: other rules are another version, and hold from then on', () => {
    const policy = new Policy(settings, book)
    const { version } = policy
    policy.use(rulesOf({ id: 'nobody', deny: { chains: ['base'] } }))
    expect(policy.version).not.toBe(version)
    expect(policy.book.size).toBe(1)
    expect(refusal(() => policy.judge(matter(usdc, 1n)))).toMatchObject({
      context: { rule: 'per-transaction-cap' },
    })
  })

  it('R5: asks what left before only where a rule looks back, and judges nothing without the answer', () => {
    expect([strict.looksBack, strict.questions(matter(usdc, 1n))]).toEqual([false, []])
    const daily = new Policy(settings, rulesOf({ id: 'daily', cap: { asset: 'USDC', max: '5', per: '24h' } }))
    expect(daily.looksBack).toBe(true)
    const [window] = daily.questions(matter(usdc, 1n))
    expect(window).toMatchObject({ recipient: '', since: -86_400_000 })
    expect(() => daily.judge(matter(usdc, 1n))).toThrow('nobody asked what left')
    const audience = { principal: 'local', now: 0 }
    const [told] = daily.windowsTold(audience)
    const spent = new Spent(new Map([[told?.key ?? '', new Map([[usdc.id, 2_000_000n]])]]))
    expect(daily.describe(audience, spent).at(-1)).toBe('daily: at most 5 USDC per 1d, 3 left')
    expect(new Policy(settings, rulesOf({ id: 'f', feeCap: { max: '1', per: '1h' } })).looksBack).toBe(true)
  })

  it('R5: where nobody knows whose accounts they are, a cap over time counts what left from all', () => {
    const rule = { id: 'daily', wallets: ['agent'], cap: { asset: 'USDC', max: '5', per: '24h' } }
    const [ofAll] = new Policy(settings, rulesOf(rule)).questions(matter(usdc, 1n))
    expect(ofAll).not.toHaveProperty('accounts')
    const [ofOne] = new Policy(settings, rulesOf(rule), () => [ACCOUNT]).questions(matter(usdc, 1n))
    expect(ofOne?.accounts).toEqual([ACCOUNT])
  })

  it('F4: tells that a person must approve', () => {
    const large = new Policy(
      settings,
      rulesOf(
        { id: 'cap', cap: { asset: 'USDC', max: '500', per: 'transaction' } },
        { id: 'large', approval: { asset: 'USDC', above: '1' } },
      ),
    )
    expect(large.judge(matter(usdc, 1_000_001n)).approval).toMatchObject({ mayElicit: false })
    expect(large.judge(matter(usdc, 1_000_000n)).approval).toBeUndefined()
  })

  it('T18: a contract that follows the account’s command is called and paid like every other', () => {
    const own = '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65'
    const call = (contract: string) => {
      return { contract, kind: 'call' as const, selector: '0x12345678', arguments: () => undefined }
    }
    const only = (contract: string) =>
      new Policy(settings, rulesOf({ id: 'only', allow: { contracts: [contract] } }))
    const through = matter(usdc, 0n, { calls: [call(own), call(OTHER)], commanded: [own] })
    expect(refusal(() => only(OTHER).judge(through))).toMatchObject({ context: { rule: 'only' } })
    const itself = matter(usdc, 0n, { calls: [{ ...call(ACCOUNT), kind: 'carrier' }, call(OTHER)] })
    expect(refusal(() => only(OTHER).judge(itself))).toBeUndefined()
    const code = matter(usdc, 0n, { calls: [call(ACCOUNT), call(OTHER)] })
    expect(refusal(() => only(OTHER).judge(code))).toMatchObject({ context: { rule: 'only' } })
    const paid = matter(native, 1n, {
      commanded: [own],
      effects: [{ kind: 'transfer', asset: native, from: ACCOUNT, to: own, raw: 1n }],
    })
    const cap = { id: 'cap', cap: { asset: 'native', max: '1', per: 'transaction' } }
    const friends = new Policy(settings, rulesOf(cap, { id: 'friends', allow: { recipients: [OTHER] } }))
    expect(refusal(() => friends.judge(paid))).toMatchObject({ context: { rule: 'friends' } })
    expect(new Policy(settings, rulesOf(cap)).judge(paid).spends).toContainEqual({
      asset: native.id,
      recipient: own,
      raw: '1',
    })
  })

  it('T18: an account that is a wallet of its own is told what to do by nobody else, whatever the rules', () => {
    const call = { contract: OTHER, kind: 'call', commands: true, arguments: () => undefined } as const
    const told = refusal(() => new Policy(settings).judge(matter(native, 0n, { calls: [call] })))
    expect(told).toMatchObject({
      code: 'policy_denied',
      context: {
        rule: 'account-of-its-own',
        reason: `${OTHER} is a wallet of its own, to which rules of its own apply: let that wallet pay`,
      },
    })
  })

  it('F3: only what gives nothing away is protective, whatever says so', () => {
    const strictest = new Policy(
      settings,
      rulesOf(
        { id: 'cap', cap: { asset: 'USDC', max: '500', per: 'transaction' } },
        { id: 'bridge', deny: { bridgeRoutes: ['across'] } },
      ),
    )
    const bridged = (raw: bigint, effects: readonly Effect[] = []) =>
      matter(usdc, raw, { bridgeRoute: 'across', isProtective: true, effects })
    const approval = (raw: bigint): Effect => ({
      kind: 'approval',
      asset: usdc,
      from: ACCOUNT,
      to: OTHER,
      raw,
    })
    expect(refusal(() => strictest.judge(bridged(0n, [approval(0n)])))).toBeUndefined()
    for (const each of [bridged(1n), bridged(0n, [approval(1n)])])
      expect(refusal(() => strictest.judge(each))).toMatchObject({ context: { rule: 'bridge' } })
  })
})
