import { createHash } from 'node:crypto'

/** What a script needs of a connection. */
interface ScriptRunner {
  evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown>
  eval(lua: string, keys: number, ...args: (string | number)[]): Promise<unknown>
}

/** A Lua script that Redis runs as one atomic step. */
export class RedisScript {
  readonly lua: string
  readonly #sha: string

  constructor(lua: string) {
    this.lua = lua
    this.#sha = createHash('sha1').update(lua).digest('hex')
  }

  /** Sends the digest; the text only to a Redis that does not know it (new, restarted or flushed). */
  async run(
    redis: ScriptRunner,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    try {
      return await redis.evalsha(this.#sha, keys.length, ...keys, ...args)
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return redis.eval(this.lua, keys.length, ...keys, ...args)
    }
  }
}
