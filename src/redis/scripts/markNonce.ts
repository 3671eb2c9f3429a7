import { RedisScript } from '../script.ts'
import { nonceLua } from './nonceLua.ts'

export const markNonce = new RedisScript(`${nonceLua}
-- Purpose: note that the journal has signed bytes of a step at a nonce.
-- KEYS: 1 lane    hash   see nonceLua
-- ARGV: 1 step
--       2 nonce
--       3 epoch of the grant
--       4 ms until which the journal must know it, from now
-- RETURNS: 1, or 0 when the grant is not the slot's last: the lane is behind the journal and must be raised
-- INVARIANT: a grant that has run out and was followed by another changes nothing. What else the step has reserved is
--            free: it is signed once.
local lane, step, nonce = KEYS[1], ARGV[1], ARGV[2]
if redis.call('TYPE', lane).ok ~= 'hash' then return 0 end
local own = redis.call('HGET', lane, 's:' .. step)
if own and own ~= nonce then
  local other = parse(redis.call('HGET', lane, 'n:' .. own))
  if other and other.step == step and other.state == 'reserved' then
    redis.call('HDEL', lane, 'n:' .. own, 's:' .. step)
  end
end
local slot = parse(redis.call('HGET', lane, 'n:' .. nonce))
if not slot or slot.step ~= step then return 0 end
-- The journal has told it already.
if slot.till == 0 and slot.state == 'signed' then return 1 end
if slot.epoch ~= ARGV[3] then return 0 end
redis.call('HSET', lane, 'n:' .. nonce, slotText('signed', step, slot.epoch, now + tonumber(ARGV[4])))
return 1
`)
