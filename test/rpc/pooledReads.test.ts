import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { unattended } from '../../src/primitives/abort.ts'
import type { Metrics } from '../../src/primitives/metrics.ts'
import { type Pool, pooled } from '../../src/rpc/pool/pool.ts'
import type { RpcOutcome, RpcRequest, RpcTransport } from '../../src/rpc/transport.ts'

// Time is the test's: a slow endpoint answers when the test says so.
beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const HEAD: RpcRequest = { method: 'eth_blockNumber', params: [] }
const BALANCE: RpcRequest = { method: 'eth_getBalance', params: ['0x1', 'latest'] }

interface Node {
  head: bigint
  /** How long it takes; undefined: for ever. */
  delayMs: number | undefined
  calls: number
}

function nodeAt(head: bigint, delayMs: number | undefined = 1): Node {
  return { head, delayMs, calls: 0 }
}

function poolOf(nodes: readonly Node[], counted: string[] = []): Pool {
  const metrics: Metrics = {
    count: (name) => void counted.push(name),
    gauge: () => undefined,
    observe: () => undefined,
  }
  const members = nodes.map((node, priority) => ({ transport: transportTo(node), priority, weight: 1 }))
  return pooled(members, { chain: 'eip155:1', maxLag: 2n, blockTimeMs: 12_000, metrics })
}

function transportTo(node: Node): RpcTransport {
  return {
    host: 'node.example',
    close: async () => undefined,
    send(requests, signal) {
      node.calls += 1
      const outcomes = requests.map(({ method }): RpcOutcome => {
        return { ok: true, result: method === 'eth_blockNumber' ? `0x${node.head.toString(16)}` : '0x1' }
      })
      return new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
        if (node.delayMs !== undefined) setTimeout(() => resolve(outcomes), node.delayMs)
      })
    },
  }
}

async function ask(pool: Pool, request = HEAD): Promise<unknown> {
  const answer = pool.send([request], unattended())
  // Long enough for every delay of a test, and no probe of the others is left on its way.
  await vi.advanceTimersByTimeAsync(4_000)
  const [outcome] = await answer
  return outcome?.ok ? outcome.result : outcome
}

test('B5: a head does not go back when another endpoint takes over that is a little behind', async () => {
  const nodes = [nodeAt(100n), nodeAt(98n), nodeAt(100n)]
  const pool = poolOf(nodes)
  expect(await ask(pool)).toBe('0x64')
  nodes[0] = Object.assign(nodes[0] as Node, { delayMs: undefined })
  expect(await ask(pool)).toBe('0x64')
  expect(await ask(pool)).toBe('0x64')
})

test('B2: what is a little behind does, and the newest of it, when nobody has anything newer', async () => {
  const nodes = [nodeAt(100n), nodeAt(98n), nodeAt(99n), nodeAt(98n)]
  const pool = poolOf(nodes)
  expect(await ask(pool)).toBe('0x64')
  Object.assign(nodes[0] as Node, { delayMs: undefined })
  expect(await ask(pool)).toBe('0x63')
})

test('B2: an endpoint that swallows calls does not hold up an answer that is a little behind', async () => {
  const nodes = [nodeAt(100n), nodeAt(99n), nodeAt(100n, 60_000)]
  const pool = poolOf(nodes)
  expect(await ask(pool)).toBe('0x64')
  Object.assign(nodes[0] as Node, { delayMs: undefined })
  const answer = pool.send([HEAD], unattended())
  await vi.advanceTimersByTimeAsync(500)
  expect(await answer).toEqual([{ ok: true, result: '0x63' }])
})

test('B4: slow endpoints are not asked three times as much: hedging has a budget', async () => {
  const nodes = [nodeAt(100n, 3_000), nodeAt(100n, 3_000), nodeAt(100n, 3_000)]
  const counted: string[] = []
  const pool = poolOf(nodes, counted)
  for (let call = 0; call < 2_000; call++) expect(await ask(pool, BALANCE)).toBe('0x1')
  const hedges = counted.filter((name) => name === 'rpc_hedges').length
  // A hundred at once, and a tenth of the calls.
  expect(hedges).toBeGreaterThanOrEqual(290)
  expect(hedges).toBeLessThanOrEqual(300)
})

test('F17: a burst in flight towards an endpoint that falls silent is answered by another', async () => {
  const nodes = [nodeAt(100n), nodeAt(100n)]
  const pool = poolOf(nodes)
  await ask(pool)
  Object.assign(nodes[0] as Node, { delayMs: undefined })
  const answers = Array.from({ length: 64 }, () => pool.send([BALANCE], unattended()))
  await vi.advanceTimersByTimeAsync(500)
  expect(await Promise.all(answers)).toEqual(Array(64).fill([{ ok: true, result: '0x1' }]))
})

test('B5: an answer that is a little behind does not lower what is expected of the next', async () => {
  const nodes = [nodeAt(10n), nodeAt(10n)]
  const pool = poolOf(nodes)
  expect(await ask(pool)).toBe('0xa')
  for (const node of nodes) node.head = 9n
  expect(await ask(pool)).toBe('0x9')
  ;(nodes[1] as Node).head = 10n
  expect(await ask(pool)).toBe('0xa')
})

test('B5: a chain that went back is followed, and costs no second call for ever', async () => {
  const nodes = [nodeAt(10n), nodeAt(10n)]
  const pool = poolOf(nodes)
  await ask(pool)
  for (const node of nodes) node.head = 9n
  for (let call = 0; call < 3; call++) expect(await ask(pool)).toBe('0x9')
  ;(nodes[1] as Node).head = 10n
  expect(await ask(pool)).toBe('0x9')
})
