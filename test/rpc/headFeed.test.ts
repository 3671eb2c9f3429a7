import { expect, test } from 'vitest'
import { silentLogger } from '../../src/primitives/logger.ts'
import { HeadFeed } from '../../src/rpc/headFeed.ts'
import type { HeadBlock } from '../../src/rpc/live/blocks.ts'
import type { HeadEvent } from '../../src/rpc/live/headChanges.ts'
import type { LiveChain } from '../../src/rpc/live/liveChain.ts'

const block = (number: number): HeadBlock => {
  return { number: BigInt(number), hash: `0x${number}`, parentHash: `0x${number - 1}` } as HeadBlock
}

/** Tells everybody who follows of the same, and never of anything else. */
function feedTelling(event: HeadEvent) {
  const moved: string[] = []
  const live = {
    async *heads() {
      yield event
    },
  } as unknown as LiveChain
  const feed = new HeadFeed({
    live,
    hasSocket: true,
    onMoved: ({ hash }) => void moved.push(hash),
    logger: silentLogger,
    idleMs: 60_000,
  })
  return { feed, moved }
}

test('B5: a block moves the chain once, however many ways it is followed', async () => {
  const { feed, moved } = feedTelling({ kind: 'head', block: block(8) })
  feed.used()
  await expect.poll(() => moved).toEqual(['0x8'])
  const told: string[] = []
  feed.onHead(({ block: { hash } }) => told.push(hash))
  await expect.poll(() => told).toEqual(['0x8'])
  feed.close()
  expect(moved).toEqual(['0x8'])
})
