import { RedisScript } from '../script.ts'
import { nonceLua } from './nonceLua.ts'

export const reserveNonce = new RedisScript(`${nonceLua}
-- Purpose: give a step the lowest nonce at or above a floor that no other step holds.
-- KEYS: 1 lane    hash   see nonceLua
-- ARGV: 1 step
--       2 floor
--       3 how many nonces from the floor on may be held
--       4 lease, ms
--       5 ms after which an unused lane is forgotten
-- RETURNS: {'reserved', nonce, epoch}, {'full'}, or {'unraised'}: the lane does not know what the journal knows
-- INVARIANT: a step that has a slot keeps it; a slot is given on only when it is free, or reserved and run out.
local lane, step, floor, lease = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[4])
if redis.call('TYPE', lane).ok ~= 'hash' then return {'unraised'} end
local raised = redis.call('HGET', lane, 'raised')
if not isNonce(raised) or below(floor, raised) then return {'unraised'} end

local function grant(nonce, mark)
  redis.call('HSET', lane, 'n:' .. nonce, slotText('reserved', step, mark, now + lease), 's:' .. step, nonce)
  redis.call('PEXPIRE', lane, ARGV[5])
  return {'reserved', nonce, mark}
end

local own = redis.call('HGET', lane, 's:' .. step)
local slot = own and parse(redis.call('HGET', lane, 'n:' .. own))
if slot and slot.step == step and isNonce(own) then
  if slot.state == 'signed' or slot.till == 0 then return {'reserved', own, slot.epoch} end
  return grant(own, lives(slot, lease) and slot.epoch or epoch)
end

local nonce, left, width = floor, tonumber(ARGV[3]), 1
while left > 0 do
  local nonces, fields = {}, {}
  for i = 1, math.min(left, width) do
    nonces[i], fields[i] = nonce, 'n:' .. nonce
    nonce = successor(nonce)
  end
  local values = redis.call('HMGET', lane, unpack(fields))
  for i, value in ipairs(values) do
    if not value then return grant(nonces[i], epoch) end
    -- What was signed is not looked at any closer.
    if value:sub(1, 7) ~= 'signed ' then
      local held = parse(value)
      if not held then return {'unraised'} end
      if held.till ~= 0 and not lives(held, lease) then
        redis.call('HDEL', lane, 's:' .. held.step)
        return grant(nonces[i], epoch)
      end
    end
  end
  left = left - #nonces
  -- Most lanes hold little, and those that hold much are read in few steps.
  width = math.min(4 * width, 64)
end
return {'full'}
`)
