import { unattended } from '../../primitives/abort.ts'
import type { Metrics } from '../../primitives/metrics.ts'
import type { RpcOutcome, RpcRequest, RpcTransport } from '../transport.ts'
import { newestBlockIn, newestTimeIn } from './heads.ts'
import { HedgeBudget } from './hedgeBudget.ts'
import { LatencyBook } from './latencies.ts'
import { Member, type MemberOptions, type MemberReport } from './member.ts'
import { PlausibleHeads } from './plausibleHeads.ts'
import { race } from './race.ts'
import { Selection } from './selection.ts'

export interface PoolOptions {
  readonly chain: string
  /** Blocks that a head may be behind the best one. */
  readonly maxLag: bigint
  readonly blockTimeMs: number
  readonly metrics: Metrics
}

export interface Pool extends RpcTransport {
  /** Health of each endpoint, as last seen. */
  report(): readonly MemberReport[]
  /** The same endpoints, each by itself: what they answer counts for their health. In order of the members. */
  readonly each: readonly RpcTransport[]
  /** Told when an answer in passing shows a higher block than any before, or that the chain went back. */
  onHead(listener: (head: bigint) => void): void
  /** Endpoints that reads go to now; all of them when none works. */
  healthy(): readonly RpcTransport[]
  /** Endpoints that answer, whatever their head: who claims to be ahead must not choose who is heard. */
  reachable(): readonly RpcTransport[]
  /** Whether one of `reachable` is behind the chain and has long stopped following it: no witness of what is new. */
  hasStopped(transport: RpcTransport): boolean
  /** Those of them that take signed bytes at once: one whose rate limit is reached must not hold up the payment. */
  ready(): readonly RpcTransport[]
}

/** Bounds of the hedge delay: a floor against doubling the traffic, and what a black hole may cost at most. */
const HEDGE = { floor: 25, unknown: 150, ceiling: 2_000 }
/** Members that serve no traffic are looked at this often, while there is traffic at all. */
const PROBE_EVERY_MS = 3_000
/** Only when nobody had a newer block so often in a row, it is the chain that went back. */
const LOWER_BEFORE_ROLLBACK = 3
const HEAD: RpcRequest = { method: 'eth_blockNumber', params: [] }
/** The same with its time, for when endpoints contradict each other. */
const DATED_HEAD: RpcRequest = { method: 'eth_getBlockByNumber', params: ['latest', false] }

/** Several endpoints of one chain behind one transport: one that works is enough. */
export function pooled(options: readonly MemberOptions[], settings: PoolOptions): Pool {
  const { chain, maxLag, blockTimeMs, metrics } = settings
  const members = options.map((each) => new Member(each))
  const selection = new Selection(members, maxLag)
  const latencies = new LatencyBook()
  const listeners = new Set<(head: bigint) => void>()
  const heads = new PlausibleHeads(members, maxLag, blockTimeMs)
  const hedges = new HedgeBudget()
  let probedAt = Number.NEGATIVE_INFINITY
  /** The newest block that a caller was answered: what is answered after it should not be older (B5). */
  let answered: bigint | undefined
  let answeredLower = 0

  /** Endpoints that are a little behind are no reason to expect less of the others; a chain that went back is. */
  function noteAnswered(head: bigint | undefined): void {
    if (head === undefined) return
    const hasGoneBack = answered !== undefined && heads.newest !== undefined && heads.newest < answered
    const isLower = answered !== undefined && head < answered && !hasGoneBack
    answeredLower = isLower ? answeredLower + 1 : 0
    if (isLower && answeredLower < LOWER_BEFORE_ROLLBACK) return
    answered = head
    answeredLower = 0
  }

  /** What an answer says of its endpoint's newest block. */
  function noteHead(member: Member, requests: readonly RpcRequest[], outcomes: readonly RpcOutcome[]): void {
    const head = newestBlockIn(requests, outcomes)
    if (head === undefined || !heads.note(member, head, newestTimeIn(requests, outcomes))) return
    for (const listener of listeners) listener(head)
  }

  /** Looks at every member, so that lag is seen and a recovered endpoint comes back. Callers never wait for it. */
  function probe(): void {
    const now = performance.now()
    if (members.length < 2 || now - probedAt < PROBE_EVERY_MS) return
    probedAt = now
    const question = members.some(({ doubted }) => doubted) ? DATED_HEAD : HEAD
    for (const member of members) {
      const signal = unattended()
      member.send([question], signal).then(
        (outcomes) => noteHead(member, [question], outcomes),
        () => undefined,
      )
    }
  }

  function observed(member: Member): RpcTransport {
    const { transport } = member
    return {
      ...transport,
      async send(requests, signal) {
        try {
          const outcomes = await transport.send(requests, signal)
          noteHead(member, requests, outcomes)
          member.saw(undefined)
          return outcomes
        } catch (error) {
          member.saw(error)
          throw error
        }
      },
    }
  }

  function healthy(): readonly Member[] {
    const usable = members.filter((member) => selection.usable(member))
    return usable.length > 0 ? usable : members
  }

  function reachable(): readonly Member[] {
    const answering = members.filter((member) => member.closed && !member.wrongChain)
    return answering.length > 0 ? answering : members
  }

  async function send(requests: readonly RpcRequest[], signal: AbortSignal): Promise<readonly RpcOutcome[]> {
    const method = requests[0]?.method ?? ''
    const started = performance.now()
    const { outcomes } = await race(selection.order(requests.length), requests, signal, {
      hedgeAfterMs: hedgeDelay(latencies.p95(method)),
      mayHedge: () => {
        const may = hedges.take()
        metrics.count(may ? 'rpc_hedges' : 'rpc_hedges_saved', { chain, method })
        return may
      },
      blocksBehind: ({ member, outcomes: told }) => {
        const head = newestBlockIn(requests, told)
        if (head === undefined) return 0
        noteHead(member, requests, told)
        if (member.doubted || heads.isBehind(head)) return Number.POSITIVE_INFINITY
        return answered !== undefined && head < answered ? Number(answered - head) : 0
      },
      maxLag: Number(maxLag),
      isLast: (member) => members.every((each) => each === member || !each.closed),
      onOvertaken: (slow) => slow.overtaken(),
      onFailover: ({ transport }) => metrics.count('rpc_failovers', { chain, host: transport.host }),
    })
    hedges.earn()
    noteAnswered(newestBlockIn(requests, outcomes))
    const ms = performance.now() - started
    latencies.add(method, ms)
    metrics.observe('rpc_seconds', { chain, method }, ms / 1000)
    probe()
    return outcomes
  }

  return {
    host: members.map(({ transport }) => transport.host).join(', '),
    send,
    each: members.map(observed),
    report: () => members.map((member) => member.report(selection.bestHead, maxLag)),
    onHead(listener) {
      listeners.add(listener)
    },
    healthy: () => healthy().map(({ transport }) => transport),
    reachable: () => reachable().map(({ transport }) => transport),
    hasStopped(transport) {
      const member = members.find((each) => each.transport === transport)
      return member !== undefined && heads.hasStopped(member)
    },
    ready: () => selection.ready(reachable()).map(({ transport }) => transport),
    async close() {
      await Promise.all(members.map(({ transport }) => transport.close()))
    },
  }
}

function hedgeDelay(p95: number | undefined): number {
  return Math.min(Math.max(p95 ?? HEDGE.unknown, HEDGE.floor), HEDGE.ceiling)
}
