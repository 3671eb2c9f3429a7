import { RedisScript } from '../script.ts'

export const slowCalls = new RedisScript(`
-- Purpose: tell all members what a provider's refusal has led to.
-- KEYS: 1 slow   string calls a second that a refusal has left, expires
--       2 pause  string exists while the provider wants nothing at all, expires
-- ARGV: 1 calls a second
--       2 ms for which they hold
--       3 ms of pause
-- RETURNS: 1
-- INVARIANT: a lower rate and a longer pause win; both end by themselves.
local slow = tonumber(redis.call('GET', KEYS[1]) or nil)
local rate = tonumber(ARGV[1])
if slow and slow >= 1 and slow < rate then rate = slow end
redis.call('SET', KEYS[1], rate, 'PX', ARGV[2])
local pause = tonumber(ARGV[3])
if pause >= 1 and redis.call('PTTL', KEYS[2]) < pause then
  redis.call('SET', KEYS[2], '1', 'PX', pause)
end
return 1
`)
