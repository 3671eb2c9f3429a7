/** A bounded store of answers. Values are never copied: what one caller is given others hold too, and nobody may change it. */
export interface Cache {
  get(key: string): unknown
  /** Whether `get` may find something; asking counts as no use. */
  has(key: string): boolean
  /** Keeps a value for `ttlMs`, or until it is the least recently used one of a full cache. */
  set(key: string, value: unknown, ttlMs: number): void
  delete(key: string): void
  stats(): CacheStats
  close(): void
}

export interface CacheStats {
  readonly size: number
  readonly hits: number
  readonly misses: number
  readonly evictions: number
}
