import { RedisScript } from '../script.ts'

export const takeCalls = new RedisScript(`
-- Purpose: take places for calls that leave at once, so that all members together stay within a rate.
-- KEYS: 1 slices   hash   number of a slice of time:member -> calls dated in it
--       2 members  zset   member -> when it was last seen, ms
--       3 slow     string calls a second that a refusal has left, expires
--       4 pause    string exists while the provider wants nothing at all, expires
--       5 waiting  zset   member that was told to wait -> until when it is expected back, ms
-- ARGV: 1 calls wanted, 0 to say only "I am here"
--       2 calls a second
--       3 member
--       4 ms within which the calls leave after the script has begun
--       5 length of a slice, ms
--       6 ms for which a slice counts after its end
--       7 ms after which a silent member is gone
--       8 longest pause, ms
--       9 how late a member that waits may come back, ms
-- RETURNS: granted, ms to wait when nothing was granted, members, 1 if the member was known, calls a second, pause ms
-- INVARIANT: calls are dated at the latest moment at which they may leave, and count until all of their slice is a
--            second old: whatever left within a second was counted when the last of it was granted.
--            Who was told to wait finds its part when it comes back: neither the first to ask again nor the one
--            that asks most often takes all.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local wanted, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local ahead, slice, counts = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local presence, longest, late = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - presence)
local known = redis.call('ZSCORE', KEYS[2], ARGV[3]) and 1 or 0
redis.call('ZADD', KEYS[2], now, ARGV[3])
redis.call('PEXPIRE', KEYS[2], presence)
local members = redis.call('ZCARD', KEYS[2])

local slow = tonumber(redis.call('GET', KEYS[3]) or nil)
-- Ours expires soon: one that does not was written by somebody else, or before the clock was set back.
local left = redis.call('PTTL', KEYS[3])
if slow and (left < 0 or left > 2 * longest) then redis.call('DEL', KEYS[3]) slow = nil end
if slow and slow >= 1 and slow < rate then rate = slow end
local pause = redis.call('PTTL', KEYS[4])
-- Longer than any pause: the clock was set back. Nothing may wait for that.
if pause > longest then redis.call('DEL', KEYS[4]) pause = 0 end
if pause < 0 then pause = 0 end
if wanted == 0 or pause > 0 then return {0, pause, members, known, rate, pause} end

local used, mine, live = 0, 0, {}
local entries = redis.call('HGETALL', KEYS[1])
for i = 1, #entries, 2 do
  local number, owner = string.match(entries[i], '^(%d+):?(.*)$')
  local index, calls = tonumber(number), tonumber(entries[i + 1])
  local clear = (index + 1) * slice + counts
  -- Over, or of a future that a clock which was set back has left behind.
  if clear <= now or index * slice > now + counts then
    redis.call('HDEL', KEYS[1], entries[i])
  else
    used = used + calls
    if owner == ARGV[3] then mine = mine + calls end
    live[#live + 1] = {clear, calls}
  end
end

redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now)
-- Nobody waits for longer than a second: the clock was set back.
redis.call('ZREMRANGEBYSCORE', KEYS[5], now + 2 * counts + late, '+inf')
redis.call('ZREM', KEYS[5], ARGV[3])
local others = redis.call('ZCARD', KEYS[5])

local free = rate - used
local most = free
if others > 0 then most = math.min(free, math.max(1, math.floor(rate / (others + 1))) - mine) end
if most >= 1 then
  local granted = math.min(wanted, most)
  redis.call('HINCRBY', KEYS[1], string.format('%.0f:%s', math.floor((now + ahead) / slice), ARGV[3]), granted)
  redis.call('PEXPIRE', KEYS[1], 10 * counts)
  return {granted, 0, members, known, rate, 0}
end
table.sort(live, function(a, b) return a[1] < b[1] end)
-- What is free is for those who are about to come back.
local wait = slice
for _, entry in ipairs(live) do
  if free >= 1 then break end
  wait = entry[1] - now
  free = free + entry[2]
end
redis.call('ZADD', KEYS[5], now + wait + late, ARGV[3])
redis.call('PEXPIRE', KEYS[5], 10 * counts)
return {0, wait, members, known, rate, 0}
`)
