import type { HeadBlock } from './blocks.ts'

export type HeadEvent =
  | { readonly kind: 'head'; readonly block: HeadBlock }
  /**
   * The blocks above `ancestor` are no longer part of the chain; `depth` of them. For somebody who began above
   * `ancestor` some of them were never announced.
   */
  | {
      readonly kind: 'reorg'
      readonly depth: number
      readonly ancestor: HeadBlock
      /** Oldest first. */
      readonly dropped: readonly HeadBlock[]
    }
  /**
   * The thread was lost: nothing that is remembered links `last` to the block announced next, be it after a long
   * absence or a reorganisation deeper than memory. Whether `last` is still on the chain is not known.
   */
  | { readonly kind: 'gap'; readonly last: HeadBlock; readonly next: HeadBlock }

/**
 * What happened to somebody who knew the chain as `seen`, now that it is `now` (both oldest first, each block the
 * parent of the next). Whoever has seen nothing begins with the newest block.
 */
export function changesBetween(seen: readonly HeadBlock[], now: readonly HeadBlock[]): readonly HeadEvent[] {
  const last = seen.at(-1)
  const newest = now.at(-1)
  if (!newest || newest.hash === last?.hash) return []
  if (!last) return [asHead(newest)]
  const place = new Map(now.map(({ hash }, index) => [hash, index]))
  const shared = seen.findLastIndex(({ hash }) => place.has(hash))
  const ancestor = seen[shared]
  if (!ancestor) {
    const [oldest] = now
    const linked = oldest?.parentHash === last.hash
    const heads = now.map(asHead)
    return linked || !oldest ? heads : [{ kind: 'gap', last, next: oldest }, ...heads]
  }
  const dropped = seen.slice(shared + 1)
  const heads = now.slice((place.get(ancestor.hash) ?? 0) + 1).map(asHead)
  if (dropped.length === 0) return heads
  return [{ kind: 'reorg', depth: dropped.length, ancestor, dropped }, ...heads]
}

const asHead = (block: HeadBlock): HeadEvent => ({ kind: 'head', block })
