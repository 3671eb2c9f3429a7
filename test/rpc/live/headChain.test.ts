import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { HeadBlock } from '../../../src/rpc/live/blocks.ts'
import { type BlockSource, HeadChain } from '../../../src/rpc/live/headChain.ts'
import { changesBetween, type HeadEvent } from '../../../src/rpc/live/headChanges.ts'

function block(hash: string, number: number, parentHash: string): HeadBlock {
  return { hash, number: BigInt(number), parentHash, timestamp: number * 12 }
}

/** A node whose chain a test sets: blocks by hash for ever, by number on the present branch. */
class Node implements BlockSource {
  readonly blocks = new Map<string, HeadBlock>()
  tip = ''
  asked = 0

  add(hash: string, parentHash: string): HeadBlock {
    const number = Number(this.blocks.get(parentHash)?.number ?? -1n) + 1
    const added = block(hash, number, parentHash)
    this.blocks.set(hash, added)
    return added
  }

  /** From the first block to the tip. */
  branch(tip = this.tip): HeadBlock[] {
    const path: HeadBlock[] = []
    for (let at = this.blocks.get(tip); at; at = this.blocks.get(at.parentHash)) path.unshift(at)
    return path
  }

  async byHash(hash: string): Promise<HeadBlock> {
    this.asked++
    const found = this.blocks.get(hash)
    if (!found) throw new Error(`no block ${hash}`)
    return found
  }

  async byNumber(number: bigint): Promise<HeadBlock | undefined> {
    return this.branch()[Number(number)]
  }
}

/** Says the events in one line each. */
const told = (events: readonly HeadEvent[]) =>
  events.map((event) => {
    if (event.kind === 'head') return event.block.hash
    if (event.kind === 'gap') return `gap after ${event.last.hash}, next ${event.next.hash}`
    return `reorg ${event.depth} to ${event.ancestor.hash}, without ${event.dropped.map(({ hash }) => hash)}`
  })

/** a0 … a9, and b4 … b9 on a3. */
function forked(): Node {
  const node = new Node()
  for (let n = 0; n < 10; n++) node.add(`a${n}`, `a${n - 1}`)
  node.add('b4', 'a3')
  for (let n = 5; n < 10; n++) node.add(`b${n}`, `b${n - 1}`)
  return node
}

async function follow(node: Node, chain: HeadChain, tip: string): Promise<string[]> {
  node.tip = tip
  return told(await chain.advance(node.blocks.get(tip) as HeadBlock))
}

test('begins with the newest block, and fills gaps by hash, each block once', async () => {
  const node = forked()
  const chain = new HeadChain(node)
  expect(await follow(node, chain, 'a2')).toEqual(['a2'])
  expect(await follow(node, chain, 'a3')).toEqual(['a3'])
  expect(node.asked).toBe(0)
  expect(await follow(node, chain, 'a7')).toEqual(['a4', 'a5', 'a6', 'a7'])
  expect(await follow(node, chain, 'a7')).toEqual([])
})

test('C4: a reorganisation names its depth, the common ancestor and what was dropped', async () => {
  const node = forked()
  const chain = new HeadChain(node)
  for (const tip of ['a2', 'a3', 'a4', 'a5', 'a6']) await follow(node, chain, tip)
  expect(await follow(node, chain, 'b8')).toEqual([
    'reorg 3 to a3, without a4,a5,a6',
    'b4',
    'b5',
    'b6',
    'b7',
    'b8',
  ])
})

test('another branch of the same height counts, and so does a lower one, when ours is no longer there', async () => {
  const node = forked()
  const chain = new HeadChain(node)
  for (const tip of ['a3', 'a4', 'a5']) await follow(node, chain, tip)
  expect(await follow(node, chain, 'b5')).toEqual(['reorg 2 to a3, without a4,a5', 'b4', 'b5'])
  node.add('c4', 'a3')
  expect(await follow(node, chain, 'c4')).toEqual(['reorg 2 to a3, without b4,b5', 'c4'])
})

test('late news and blocks of other branches change nothing while our head is on the chain', async () => {
  const node = forked()
  const chain = new HeadChain(node)
  for (const tip of ['a3', 'a4', 'a5', 'a6']) await follow(node, chain, tip)
  for (const late of ['a4', 'b5', 'a5', 'b6', 'a1', 'a4', 'a4', 'a4']) {
    expect(told(await chain.advance(node.blocks.get(late) as HeadBlock))).toEqual([])
  }
  expect(chain.newest?.hash).toBe('a6')
})

test('a chain that is shorter three times in a row was rolled back', async () => {
  const node = forked()
  const chain = new HeadChain(node)
  for (const tip of ['a3', 'a4', 'a5', 'a6']) await follow(node, chain, tip)
  expect(await follow(node, chain, 'a4')).toEqual([])
  expect(await follow(node, chain, 'a4')).toEqual([])
  // Another endpoint knows better in between: the count begins again.
  expect(await follow(node, chain, 'a6')).toEqual([])
  expect(await follow(node, chain, 'a4')).toEqual([])
  expect(await follow(node, chain, 'a4')).toEqual([])
  expect(await follow(node, chain, 'a4')).toEqual(['reorg 2 to a4, without a5,a6'])
})

test('a parent that cannot be had changes nothing, and is asked for again', async () => {
  const node = forked()
  const chain = new HeadChain(node)
  await follow(node, chain, 'a2')
  const missing = node.blocks.get('a4') as HeadBlock
  node.blocks.delete('a4')
  await expect(chain.advance(block('a6', 6, 'a5'))).rejects.toThrow('no block a4')
  expect(chain.newest?.hash).toBe('a2')
  node.blocks.set('a4', missing)
  expect(await follow(node, chain, 'a6')).toEqual(['a3', 'a4', 'a5', 'a6'])
})

test('what reaches deeper than memory is a gap, not a reorganisation of unknown depth', async () => {
  const node = new Node()
  for (let n = 0; n < 40; n++) node.add(`a${n}`, `a${n - 1}`)
  node.add('b2', 'a1')
  for (let n = 3; n < 12; n++) node.add(`b${n}`, `b${n - 1}`)
  const chain = new HeadChain(node, 5)
  await follow(node, chain, 'a5')
  expect(await follow(node, chain, 'a30')).toEqual(['gap after a5, next a30', 'a30'])
  const young = new HeadChain(node, 5)
  for (const tip of ['a6', 'a7', 'a8']) await follow(node, young, tip)
  expect(await follow(node, young, 'b9')).toEqual(['gap after a8, next b6', 'b6', 'b7', 'b8', 'b9'])
})

test('memory is bounded: 5,000 blocks leave 256', async () => {
  const node = new Node()
  const chain = new HeadChain(node)
  for (let n = 0; n < 5_000; n++) {
    node.tip = `a${n}`
    await chain.advance(node.add(`a${n}`, `a${n - 1}`))
  }
  expect(chain.path).toHaveLength(256)
  expect(chain.newest?.hash).toBe('a4999')
})

const lastOf = <T>(list: readonly T[], count: number) =>
  list.slice(list.length - Math.min(count, list.length))

/** Late news is not above the chain of today: that would be a new head. */
const isBelow = (node: Node, tip: number) => (hash: number) =>
  (node.blocks.get(`${hash}`)?.number ?? 0n) <= (node.blocks.get(`${tip}`)?.number ?? 0n)

/** A tree of blocks by the index of each one's parent, and the order in which its blocks become the tip. */
const histories = fc.integer({ min: 1, max: 40 }).chain((size) =>
  fc.record({
    parents: fc.tuple(...Array.from({ length: size }, (_, index) => fc.nat({ max: index }))),
    tips: fc.array(fc.nat({ max: size }), { minLength: 1, maxLength: 30 }),
    late: fc.array(fc.nat({ max: size }), { maxLength: 10 }),
    looks: fc.infiniteStream(fc.nat({ max: 3 })),
  }),
)

test('property: whoever applies the events knows the chain as the node does, each block once', async () => {
  let reorgs = 0
  await fc.assert(
    fc.asyncProperty(histories, async ({ parents, tips, late, looks }) => {
      const node = new Node()
      node.add('0', 'none')
      for (const [index, parent] of parents.entries()) node.add(`${index + 1}`, `${parent}`)
      const chain = new HeadChain(node)
      /** The simple model: a list that heads are put on and reorganisations taken from. */
      let known: string[] = []
      let follower: readonly HeadBlock[] = []
      let followed: string[] = []

      for (const tip of tips) {
        node.tip = `${tip}`
        // A lower tip of the same branch is believed at the third look.
        const seen = [tip, tip, tip, ...late.filter(isBelow(node, tip)).slice(0, looks.next().value)]
        for (const head of seen) {
          const isTip = head === tip
          const events = await chain.advance(node.blocks.get(`${head}`) as HeadBlock)
          if (!isTip) expect(events).toEqual([])
          known = applied(known, events)
        }
        const branch = node.branch().map(({ hash }) => hash)
        // It began with one block, and need not know what was before.
        expect(lastOf(branch, known.length)).toEqual(known)
        expect(chain.newest?.hash).toBe(`${tip}`)
        // Somebody who looks only now and then comes to the same.
        if (looks.next().value === 0) {
          followed = applied(followed, changesBetween(follower, chain.path))
          follower = chain.path
          expect(lastOf(branch, followed.length)).toEqual(followed)
        }
      }
    }),
    { numRuns: 2_000 },
  )
  expect(reorgs).toBeGreaterThan(500)

  /** The list after one event, which must fit to it. */
  function after(known: readonly string[], event: HeadEvent): string[] {
    if (event.kind === 'gap') return []
    if (event.kind === 'head') {
      expect(known).not.toContain(event.block.hash)
      if (known.length > 0) expect(event.block.parentHash).toBe(known.at(-1))
      return [...known, event.block.hash]
    }
    reorgs++
    expect(event.depth).toBe(event.dropped.length)
    // Deeper than where somebody began: what was before is dropped as well, and has never been told to them.
    const dropped = event.dropped.map(({ hash }) => hash)
    expect(known.slice(-event.depth)).toEqual(lastOf(dropped, known.length))
    const kept = known.slice(0, -event.depth)
    if (kept.length > 0) expect(kept.at(-1)).toBe(event.ancestor.hash)
    return kept
  }

  function applied(known: readonly string[], events: readonly HeadEvent[]): string[] {
    return events.reduce<string[]>(after, [...known])
  }
})

test('T12: ancestors that never get lower are refused, and not followed for ever', async () => {
  const source = {
    byHash: async (hash: string) => block(hash, 12, `${hash}x`),
    byNumber: async () => undefined,
  }
  const chain = new HeadChain(source)
  chain.restart([block('a10', 10, 'a9')])
  await expect(chain.advance(block('b13', 13, 'b'))).rejects.toMatchObject({ code: 'provider_garbage' })
  expect(chain.newest?.hash).toBe('a10')
})
