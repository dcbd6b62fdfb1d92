"""The Lua texts of prompts, by the rules of `scripts`: KEYS are the hash and the order of one tenant; nothing here expires."""

from __future__ import annotations

from gw_extproc.store.scripts import Script

_COMMON = """
local hash, order = KEYS[1], KEYS[2]

local function newest_of(unique)
  return redis.call('HGET', hash, 'n:' .. unique)
end

local function version_of(unique, number)
  return 'v:' .. unique .. ':' .. number
end
"""

# unique, prompt, version
CREATE = Script(
    "create_prompt",
    _COMMON
    + """
local unique, prompt, version = ARGV[1], ARGV[2], ARGV[3]
if not newest_of(unique) then
  redis.call('HSET', hash, 'n:' .. unique, 1, 's:' .. unique, unique, 'p:' .. unique, prompt, version_of(unique, 1), version)
  local last = redis.call('ZREVRANGE', order, 0, 0, 'WITHSCORES')
  redis.call('ZADD', order, (last[2] or 0) + 1, unique)
end
return {'ok'}
""",
    grows=True,
)

# unique, number or "" for the newest -> prompt, stamp, number, version
LOAD = Script(
    "load_prompt",
    _COMMON
    + """
local unique, number = ARGV[1], ARGV[2]
local newest = newest_of(unique)
if not newest then return {'missing'} end
if number == '' then number = newest end
local version = redis.call('HGET', hash, version_of(unique, number))
if not version then return {'unknown'} end
local prompt, stamp = unpack(redis.call('HMGET', hash, 'p:' .. unique, 's:' .. unique))
return {'ok', prompt, stamp, number, version}
""",
)

# unique, the stamp that was seen, the new stamp, prompt, version or "" where it stays -> number of the newest
UPDATE = Script(
    "update_prompt",
    _COMMON
    + """
local unique, seen, stamp, prompt, version = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local newest = newest_of(unique)
if not newest then return {'missing'} end
local present = redis.call('HGET', hash, 's:' .. unique)
if present == stamp then return {'ok', newest} end
if present ~= seen then return {'changed'} end
redis.call('HSET', hash, 's:' .. unique, stamp, 'p:' .. unique, prompt)
if version ~= '' then
  newest = newest + 1
  redis.call('HSET', hash, 'n:' .. unique, newest, version_of(unique, newest), version)
end
return {'ok', newest}
""",
    grows=True,
)

# unique that the page comes after or "", how many, "asc" or "desc" -> whether there is more, (unique, prompt, number, version)...
PAGE = Script(
    "list_prompts",
    _COMMON
    + """
local after, count, ascending = ARGV[1], tonumber(ARGV[2]), ARGV[3] == 'asc'
local start = ascending and '-inf' or '+inf'
if after ~= '' then
  local number = redis.call('ZSCORE', order, after)
  if not number then return {'unknown'} end
  start = '(' .. number
end
local members
if ascending then
  members = redis.call('ZRANGEBYSCORE', order, start, '+inf', 'LIMIT', 0, count + 1)
else
  members = redis.call('ZREVRANGEBYSCORE', order, start, '-inf', 'LIMIT', 0, count + 1)
end
local reply = {'ok', #members > count and 1 or 0}
for place = 1, math.min(count, #members) do
  local unique = members[place]
  local newest = newest_of(unique)
  local prompt, version = unpack(redis.call('HMGET', hash, 'p:' .. unique, version_of(unique, newest)))
  for _, each in ipairs({unique, prompt, newest, version}) do reply[#reply + 1] = each end
end
return reply
""",
)

# unique, number that the page comes after or "", how many, "asc" or "desc" -> whether there is more, (number, version)...
VERSIONS = Script(
    "list_prompt_versions",
    _COMMON
    + """
local unique, after, count, step = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == 'asc' and 1 or -1
local newest = tonumber(newest_of(unique))
if not newest then return {'missing'} end
local number = step == 1 and 1 or newest
if after ~= '' then
  if redis.call('HEXISTS', hash, version_of(unique, after)) == 0 then return {'unknown'} end
  number = after + step
end
local reply = {'ok', 0}
while number >= 1 and number <= newest and count > 0 do
  reply[#reply + 1] = number
  reply[#reply + 1] = redis.call('HGET', hash, version_of(unique, number))
  number, count = number + step, count - 1
end
if number >= 1 and number <= newest then reply[2] = 1 end
return reply
""",
)

# unique
DELETE = Script(
    "delete_prompt",
    _COMMON
    + """
local unique = ARGV[1]
local newest = tonumber(newest_of(unique))
if not newest then return {'missing'} end
for number = 1, newest do redis.call('HDEL', hash, version_of(unique, number)) end
redis.call('HDEL', hash, 'n:' .. unique, 's:' .. unique, 'p:' .. unique)
redis.call('ZREM', order, unique)
return {'ok'}
""",
)
