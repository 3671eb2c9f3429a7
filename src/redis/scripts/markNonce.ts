import { RedisScript } from '../script.ts'
import { nonceLua } from './nonceLua.ts'

export const markNonce = new RedisScript(`${nonceLua}
-- Purpose: note that the journal has signed bytes at a nonce that a step was granted.
-- KEYS: 1 lane    hash   see nonceLua
-- ARGV: 1 step
--       2 nonce
--       3 epoch of the grant
--       4 ms until which the journal must know it, from now
-- RETURNS: 1, or 0 when the grant is not the slot's last: the lane is behind the journal and must be raised
-- INVARIANT: a grant that has run out and was followed by another changes nothing.
local lane, field = KEYS[1], 'n:' .. ARGV[2]
if redis.call('TYPE', lane).ok ~= 'hash' then return 0 end
local slot = parse(redis.call('HGET', lane, field))
if not slot or slot.step ~= ARGV[1] then return 0 end
-- The journal has told it already.
if slot.till == 0 and slot.state == 'signed' then return 1 end
if slot.epoch ~= ARGV[3] then return 0 end
redis.call('HSET', lane, field, slotText('signed', slot.step, slot.epoch, now + tonumber(ARGV[4])))
return 1
`)
