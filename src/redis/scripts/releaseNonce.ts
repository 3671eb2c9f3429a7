import { RedisScript } from '../script.ts'
import { nonceLua } from './nonceLua.ts'

export const releaseNonce = new RedisScript(`${nonceLua}
-- Purpose: free the nonce that a step has reserved.
-- KEYS: 1 lane    hash   see nonceLua
-- ARGV: 1 step
-- RETURNS: 1 if one was freed, else 0
-- INVARIANT: a signed nonce is never freed, and neither is another step's.
local lane, field = KEYS[1], 's:' .. ARGV[1]
if redis.call('TYPE', lane).ok ~= 'hash' then return 0 end
local nonce = redis.call('HGET', lane, field)
if not nonce then return 0 end
local slot = parse(redis.call('HGET', lane, 'n:' .. nonce))
if slot and slot.step == ARGV[1] then
  if slot.state == 'signed' then return 0 end
  redis.call('HDEL', lane, 'n:' .. nonce)
end
redis.call('HDEL', lane, field)
return 1
`)
