import { RedisScript } from '../script.ts'
import { nonceLua } from './nonceLua.ts'

export const raiseNonces = new RedisScript(`${nonceLua}
-- Purpose: make a lane know what the journal knows, whatever it held before.
-- KEYS: 1 lane    hash   see nonceLua
-- ARGV: 1 floor from which on the journal was read
--       2 nonce beyond which nothing can have been reserved
--       3 lease, ms
--       4 fields of a lane that was not made by these scripts alone
--       5 ms after which an unused lane is forgotten
--       6 and on: nonce, step, reserved or signed; once for each nonce that the journal holds
-- RETURNS: slots that the lane has now
-- INVARIANT: what the journal says wins. Of the rest only slots whose time is not over are kept, one a step, and of
--            no step that the journal knows at another nonce.
local lane, lease = KEYS[1], tonumber(ARGV[3])
local kind = redis.call('TYPE', lane).ok
local told, slots, steps, count = {}, {}, {}, 0
local function put(nonce, step, value)
  slots[#slots + 1] = 'n:' .. nonce
  slots[#slots + 1] = value
  slots[#slots + 1] = 's:' .. step
  slots[#slots + 1] = nonce
  steps[step] = true
  count = count + 1
end
for i = 6, #ARGV, 3 do
  told[ARGV[i]] = true
  put(ARGV[i], ARGV[i + 1], slotText(ARGV[i + 2], ARGV[i + 1], '0', 0))
end
if kind == 'hash' and redis.call('HLEN', lane) <= tonumber(ARGV[4]) then
  local entries = redis.call('HGETALL', lane)
  for i = 1, #entries, 2 do
    local nonce, slot = entries[i]:match('^n:(%d+)$'), parse(entries[i + 1])
    if nonce and slot and isNonce(nonce) and below(nonce, ARGV[2]) and not told[nonce]
      and not steps[slot.step] and lives(slot, lease) then
      put(nonce, slot.step, entries[i + 1])
    end
  end
end
redis.call('UNLINK', lane)
redis.call('HSET', lane, 'raised', ARGV[1])
for i = 1, #slots, 4 do redis.call('HSET', lane, slots[i], slots[i + 1], slots[i + 2], slots[i + 3]) end
redis.call('PEXPIRE', lane, ARGV[5])
return count
`)
