import { RedisScript } from '../script.ts'

export const leaveCalls = new RedisScript(`
-- Purpose: give up membership of a shared count, so that the others' shares grow.
-- KEYS: 1 members  zset  member -> when it was last seen, ms
-- ARGV: 1 member
-- RETURNS: 1 if it was one, else 0
-- INVARIANT: places that it took stay taken until their second is over.
return redis.call('ZREM', KEYS[1], ARGV[1])
`)
