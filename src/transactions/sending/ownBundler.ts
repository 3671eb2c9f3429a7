import type {
  ChainAdapter,
  Draft,
  Effect,
  ParsedTransaction,
  Payload,
  Planned,
} from '../../chains/adapter.ts'
import type { Bundlers } from '../../chains/bundler.ts'
import type { ChainDirectory } from '../../chains/directory.ts'
import type { SubmitResult } from '../../chains/submitResult.ts'
import { BursarError, isBursarError } from '../../errors/bursarError.ts'
import type { Caller } from '../../primitives/caller.ts'
import type { Clock } from '../../primitives/clock.ts'
import { newId } from '../../primitives/ids.ts'
import type { Lane } from '../../primitives/lanes.ts'
import { unpadNumber } from '../../store/database/paddedNumber.ts'
import type { IntentStore } from '../../store/intents.ts'
import type { OperationRecord, OperationStore } from '../../store/operations.ts'
import type { LivePlan } from '../../store/steps/livePlans.ts'
import type { WalletBook } from '../../wallets/walletBook.ts'
import type { Judge } from '../judging/judge.ts'
import { OWN_PRINCIPAL } from '../ownPrincipal.ts'
import { type IntentPlan, intentDigest, planOf, verdictOf } from '../plan.ts'
import type { Replacements } from '../replacing/replacements.ts'
import type { OperationView } from '../views/views.ts'

export interface OwnBundlerDependencies {
  readonly directory: Pick<ChainDirectory, 'adapter'>
  readonly wallets: WalletBook
  readonly judge: Judge
  readonly intents: IntentStore
  readonly operations: OperationStore
  /** Who brings operations in place of their owners. */
  readonly bundlers: Bundlers
  /** What was planned with the bytes that stand at a nonce. */
  readonly planAt: (lane: Lane & { readonly nonce: bigint }) => Promise<LivePlan | undefined>
  /** Hashes of what stands at a nonce, and of what it has replaced. */
  readonly hashesAt: (lane: Lane & { readonly nonce: bigint }) => Promise<readonly string[]>
  readonly replacements: Pick<Replacements, 'prepareInstead' | 'giveUp'>
  readonly clock: Clock
  readonly ttlSeconds: number
  readonly execute: (request: { intentId: string }, caller: Caller) => Promise<OperationView>
}

/** Each that reverts costs its gas: somebody has to look before there are more. */
const MOST_REVERTED = 6

/**
 * Brings recorded user operations to their entry point: by the bundler of the chain, or each by a transaction of its account's owner: simulated with
 * the real signature, judged, recorded and followed as every payment is. There is one at a time for an operation,
 * however often and by how many processes it is asked for, and another one only when that has failed: what is brought
 * twice is refused by the entry point, which takes each nonce once. What was sped up or cancelled is brought in place of
 * what it replaces, by the same transaction of the owner as long as that waits: those behind it keep their order.
 */
export class OwnBundler {
  readonly #deps: OwnBundlerDependencies

  constructor(deps: OwnBundlerDependencies) {
    this.#deps = deps
  }

  /** What came of handing recorded bytes of an operation on. What speaks against it now is told, and tried again. */
  async submit(chain: string, raw: string, signal: AbortSignal): Promise<SubmitResult> {
    const adapter = await this.#deps.directory.adapter(chain)
    const bundle = adapter.bundle(raw)
    if (!bundle) throw new TypeError('only user operations are bundled')
    try {
      const brought = await adapter.codec.parse(raw)
      const bundler = this.#deps.bundlers(chain)
      if (!bundler) return await this.#bring(adapter, { ...bundle, brought }, signal)
      const { terms, hash } = brought
      const rehearsal = await adapter.rehearse(bundle.unpaid, terms, [], [], signal)
      const { ok, revert } = rehearsal.outcome
      if (!ok) throw new BursarError('simulation_reverted', { reason: revert?.reason ?? '' }, { chain })
      await this.#requireAsShown(adapter, brought, { payload: bundle.unpaid, rehearsal })
      return await bundler.submit(raw, hash, signal)
    } catch (error) {
      if (!isBursarError(error) || error.kind === 'bug') throw error
      return { outcome: 'unknown', evidence: error.code, reason: error.message }
    }
  }

  async #bring(adapter: ChainAdapter, bundle: Bundle, signal: AbortSignal): Promise<SubmitResult> {
    const older = await this.#older(adapter, bundle.brought)
    if (older) return this.#instead(adapter, bundle, older, signal)
    for (let made = 0, reverted = 0; reverted < MOST_REVERTED; made++) {
      const key = keyOf(adapter, bundle.brought.hash, made)
      const before = await this.#begun(key)
      if (before === undefined) return this.#begin(adapter, bundle, key, signal)
      if (before.operation.state !== 'failed') return { outcome: 'accepted' }
      // What was given up, or displaced by another transaction of the owner, has cost nothing.
      if (before.steps.some(({ step }) => step.state === 'reverted')) reverted++
    }
    return unproven(
      `${MOST_REVERTED} transactions that were to bring it have reverted; no more are made for it, and replace_transaction has others made for what takes its place`,
    )
  }

  /** The transaction that waits and was made for what stood at the nonce before. */
  async #older(
    adapter: ChainAdapter,
    { payload: { from: account }, nonce, hash }: ParsedTransaction,
  ): Promise<OperationRecord | undefined> {
    const hashes = await this.#deps.hashesAt({ chain: adapter.chain.id, account, nonce })
    for (const other of hashes.filter((each) => each !== hash)) {
      for (let made = 0; ; made++) {
        const record = await this.#begun(keyOf(adapter, other, made))
        if (!record) break
        if (waits(record)) return record
      }
    }
    return undefined
  }

  /** Has the transaction that brings what was replaced bring what has replaced it. */
  async #instead(
    adapter: ChainAdapter,
    bundle: Bundle,
    record: OperationRecord,
    signal: AbortSignal,
  ): Promise<SubmitResult> {
    const { draft, brought, isBroughtBy } = bundle
    const attempt = record.steps.flatMap(({ attempts }) => attempts).find(({ live }) => live === 1)
    if (!attempt) {
      // Nobody has seen what was replaced, and nobody is to see it now.
      if (await this.#deps.replacements.giveUp(record)) return this.#bring(adapter, bundle, signal)
      return unproven('the transaction for what it replaces was signed at this moment, and will bring it')
    }
    const waiting = await adapter.codec.parse(attempt.raw)
    if (isBroughtBy(waiting.payload)) return { outcome: 'accepted' }
    const { judge, operations, replacements } = this.#deps
    const limit = { urgency: 'fast', maxGasPrice: judge.policy.maxGasPrice } as const
    const nonce = unpadNumber(attempt.nonce)
    const before = await operations.waiting(adapter.chain.id, attempt.account, nonce)
    const planned = await adapter.plan(draft, limit, before, signal)
    await this.#requireAsShown(adapter, brought, planned)
    const idempotencyKey = `instead ${attempt.id} ${brought.hash}`
    const instead = { draft, planned }
    return this.#send(await replacements.prepareInstead(record, attempt, { idempotencyKey, instead }, signal))
  }

  /** Whoever asked for it may be gone before it is sent. */
  async #send(intentId: string): Promise<SubmitResult> {
    const own = { principal: OWN_PRINCIPAL, signal: new AbortController().signal, progress() {} }
    const { steps } = await this.#deps.execute({ intentId }, own)
    const [step] = steps
    if (step !== undefined && BROUGHT.has(step.state)) return { outcome: 'accepted' }
    return unproven(step?.note ?? 'the transaction that brings it is being resolved')
  }

  /** What was begun under a key. */
  async #begun(key: string): Promise<OperationRecord | undefined> {
    const { intents, operations } = this.#deps
    const intent = await intents.findByKey(OWN_PRINCIPAL, key)
    const id = intent && (await operations.findByIntent(OWN_PRINCIPAL, intent.id))
    return id === undefined ? undefined : operations.find(id)
  }

  async #begin(
    adapter: ChainAdapter,
    { draft, brought }: Bundle,
    key: string,
    signal: AbortSignal,
  ): Promise<SubmitResult> {
    const { wallets, judge, operations, intents, clock, ttlSeconds } = this.#deps
    const { id: chain } = adapter.chain
    const wallet = wallets.find(draft.from, adapter.chain)
    const askedAt = clock.now()
    const limit = { urgency: 'standard', maxGasPrice: judge.policy.maxGasPrice } as const
    const waiting = await operations.waiting(chain, wallet.address)
    const planned = await adapter.plan(draft, limit, waiting, signal)
    const { to, outflow } = draft
    // What it brings was judged as its account's payment: to stop it here would only hold that up.
    const whose = { wallet: wallet.name, principal: OWN_PRINCIPAL, isProtective: true }
    const matter = { ...planned, adapter, outflow, askedAt, ...whose }
    const ledger = await operations.ledger({ chain, account: wallet.address, ...judge.ask([matter]) })
    const verdict = judge.pass(matter, ledger)
    await this.#requireAsShown(adapter, brought, planned)
    const whole = planOf({ ...planned, to, outflow, verdict })
    // What the operation pays for being brought follows the price of its block: nothing of it is expected.
    const effects = whole.effects.filter(({ from }) => from === wallet.address)
    const plan: IntentPlan = { ...whole, effects }
    const { intent } = await intents.save(
      {
        ...{ id: newId('int'), principal: OWN_PRINCIPAL, idempotency_key: key, arguments: '{}' },
        ...{ digest: intentDigest(plan), chain, account: wallet.address, wallet: wallet.name },
        plan: JSON.stringify(plan),
        expires_at: new Date(clock.now() + ttlSeconds * 1000).toISOString(),
      },
      { verdict: verdictOf(plan) },
    )
    return this.#send(intent.id)
  }

  /** Throws `effects_changed` when the whole of it, with its signature, does worse than what was shown before it was signed. */
  async #requireAsShown(
    { chain }: ChainAdapter,
    { payload: { from: account }, nonce, hash }: ParsedTransaction,
    { payload, rehearsal }: Pick<Planned, 'payload' | 'rehearsal'>,
  ): Promise<void> {
    const { planAt, judge } = this.#deps
    const live = await planAt({ chain: chain.id, account, nonce })
    if (live?.hash !== hash) {
      const reason = 'the journal does not hold the user operation that is to be brought'
      throw new BursarError('receipt_refused', { reason }, { chain: chain.id })
    }
    const { effects: stored, commanded } = JSON.parse(live.plan) as IntentPlan
    const shown = stored.map((effect) => ({ ...effect, raw: BigInt(effect.raw) }))
    const entryPoint = 'to' in payload ? payload.to : undefined
    // What it pays in advance for its own fee is bounded by its limits.
    const isFee = ({ from, to }: Effect) => from === account && to === entryPoint
    const now = rehearsal.outcome.effects.filter((effect) => !isFee(effect))
    const what = judge.policy.worseThanShown({ account, commanded }, shown, now)
    if (what !== undefined) throw new BursarError('effects_changed', { what }, { chain: chain.id })
  }
}

/** A recorded user operation, and the transaction that is to bring it. */
interface Bundle {
  readonly draft: Draft
  readonly isBroughtBy: (payload: Payload) => boolean
  readonly brought: ParsedTransaction
}

const keyOf = ({ chain }: ChainAdapter, hash: string, made: number) => `bundle ${chain.id} ${hash} ${made}`

/** It may still be included, and is not yet. */
const waits = ({ operation: { state }, steps }: OperationRecord) =>
  (state === 'running' || state === 'stuck') && steps.every(({ step }) => step.included_number === null)

const unproven = (reason: string): SubmitResult => ({ outcome: 'unknown', evidence: reason, reason })

/** The network has it, or had it. */
const BROUGHT: ReadonlySet<string> = new Set(['sent', 'included', 'safe', 'final'])
