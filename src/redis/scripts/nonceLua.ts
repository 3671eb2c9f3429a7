/**
 * What the scripts over a lane of nonces share. Nonces are decimal text throughout: Lua's numbers are doubles, which
 * cannot tell 9007199254740992 from its successor.
 *
 * A lane is one hash:
 *   raised      the floor from which the journal was told to it; without it nothing in here is believed
 *   n:<nonce>   slot: '<reserved or signed> <step> <epoch> <until>'
 *   s:<step>    the step's nonce
 * until is in ms by Redis's clock; 0 when the journal knows the slot, which then has no end. A signed slot is never
 * given to another step; its end is when the journal must know it. epoch is the moment of the grant in microseconds,
 * so that no two grants of a slot have the same, even after everything was lost.
 */
export const nonceLua = `
local function isNonce(text)
  return type(text) == 'string' and #text <= 20 and (text == '0' or text:find('^[1-9]%d*$') ~= nil)
end
local function below(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end
-- The last digit, unless it is a nine; the nines before the end are rare.
local function successor(text)
  local last = text:byte(-1)
  if last ~= 57 then return text:sub(1, -2) .. string.char(last + 1) end
  local head, digit, nines = text:match('^(%d-)([0-8]?)(9+)$')
  if digit == '' then return '1' .. string.rep('0', #nines) end
  return head .. string.char(digit:byte() + 1) .. string.rep('0', #nines)
end
local function parse(value)
  if not value then return nil end
  local state, step, epoch, till = value:match('^(%a+) (%S+) (%d+) (%d+)$')
  if state ~= 'reserved' and state ~= 'signed' then return nil end
  return {state = state, step = step, epoch = epoch, till = tonumber(till)}
end
local function slotText(state, step, epoch, till)
  return string.format('%s %s %s %.0f', state, step, epoch, till)
end
local time = redis.call('TIME')
local epoch = time[1] .. string.format('%06d', tonumber(time[2]))
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
-- No honest slot ends later than a lease from now: one that does was written before the clock was set back, or by
-- somebody else.
local function lives(slot, lease)
  return slot.till > now and slot.till <= now + lease
end
`
