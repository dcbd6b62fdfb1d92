"""The Lua texts: what must be atomic or walks a chain. Each is one round trip and gives "ok" with its result, or why not.

All get the hash and the order as KEYS, the retention as ARGV[1], and can be repeated: a second run changes nothing. Where the server
is full it refuses the first write of a script and none after that; so that write is always one that it may refuse (HSET), and
a save is refused whole.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

LARGEST_LOAD = 128 * 1024 * 1024
"""Bytes of items that one load may return: twice the default limit of a request's body, and what the default timeout has time for."""

COMMON = """
local hash, order, retention = KEYS[1], KEYS[2], tonumber(ARGV[1])
local CHUNK = 1000  -- values on Lua's stack at once; it has room for 8000

-- A read that comes soon after another writes nothing, so that nothing waits for a disk.
local function renew()
  local slack = math.min(60, retention / 100)
  for _, key in ipairs({hash, order}) do
    local left = redis.call('TTL', key)
    if left == -1 or left > retention or left < retention - slack then redis.call('EXPIRE', key, retention) end
  end
end

local function is_conversation()
  return redis.call('HEXISTS', hash, 'c') == 1 and redis.call('EXISTS', order) == 1
end

local function each_chunk(values, first, act)
  for from = first, #values, CHUNK do
    act(unpack(values, from, math.min(from + CHUNK - 1, #values)))
  end
end

local function put(fields)
  each_chunk(fields, 1, function(...) redis.call('HSET', hash, ...) end)
end

local function erase(fields)
  each_chunk(fields, 1, function(...) redis.call('HDEL', hash, ...) end)
end

local function size_of(fields)
  local size = 0
  for _, field in ipairs(fields) do size = size + redis.call('HSTRLEN', hash, field) end
  return size
end

-- Adds the items, which take so many bytes, to the reply. Gives why not, if not.
local function gather(reply, fields, size, limit)
  if size > tonumber(limit) then return 'large' end
  local lost = false
  each_chunk(fields, 1, function(...)
    for _, item in ipairs(redis.call('HMGET', hash, ...)) do
      if not item then lost = true end
      reply[#reply + 1] = item
    end
  end)
  if lost then return 'missing' end
end

local function listed(from, to)
  local fields = redis.call('ZRANGEBYSCORE', order, from, to)
  for number, member in ipairs(fields) do fields[number] = 'i:' .. member end
  return fields
end

local function read_head(unique)
  local head = redis.call('HGET', hash, 'h:' .. unique)
  if not head then return nil end
  local parent, inputs, outputs, size = string.match(head, '^([^:]*):(%d+):(%d+):(%d+)$')
  return parent, tonumber(inputs), tonumber(outputs), tonumber(size)
end
"""


@dataclass(frozen=True)
class Script:
    """`grows`: it asks for memory, so its success shows that the store takes writes."""

    name: str
    """What it does, in words for whoever watches the store's operations."""
    text: str
    grows: bool = False

    @cached_property
    def hash(self) -> str:
        """By which a server knows a script that it has run before."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


# unique, "1" with its own outputs or "0" without, limit -> items
CHAIN = Script(
    "load_chain",
    COMMON
    + """
local records, parent, total = {}, ARGV[2], 0
while parent ~= '' and string.sub(parent, 1, 1) ~= '@' do
  local above, inputs, outputs, size = read_head(parent)
  if not above then return {'missing'} end
  total = total + size
  if #records == 0 and ARGV[3] == '0' then outputs = 0 end
  records[#records + 1] = {parent, inputs + outputs}
  parent = above
end
local fields = {}
if parent ~= '' then
  if not is_conversation() then return {'missing'} end
  fields = listed('(0', string.sub(parent, 2))
  total = total + size_of(fields)
end
for number = #records, 1, -1 do
  for position = 0, records[number][2] - 1 do
    fields[#fields + 1] = 'i:' .. records[number][1] .. ':' .. position
  end
end
local reply = {'ok'}
local failed = gather(reply, fields, total, ARGV[4])
if failed then return {failed} end
renew()
return reply
""",
)

# unique, limit -> object, trace, number of inputs, items
LOAD = Script(
    "load_response",
    COMMON
    + """
local unique = ARGV[2]
local parent, inputs, outputs, size = read_head(unique)
local object = redis.call('HGET', hash, 'r:' .. unique)
if not parent or not object then return {'missing'} end
local fields = {}
for position = 0, inputs + outputs - 1 do fields[position + 1] = 'i:' .. unique .. ':' .. position end
local reply = {'ok', object, redis.call('HGET', hash, 't:' .. unique) or '', inputs}
local failed = gather(reply, fields, size, ARGV[3])
if failed then return {failed} end
renew()
return reply
""",
)

# limit, members -> items, null where there is none
ITEMS = Script(
    "list_inputs",
    COMMON
    + """
local fields, reply, FIRST = {}, {'ok'}, 3
for number = FIRST, #ARGV do fields[#fields + 1] = 'i:' .. ARGV[number] end
if size_of(fields) > tonumber(ARGV[2]) then return {'large'} end
for number, field in ipairs(fields) do reply[number + 1] = redis.call('HGET', hash, field) end
renew()
return reply
""",
)

# unique, head ("" for items that belong to the conversation alone), object ("" for none), trace, "1" in a conversation, items
SAVING = """
local unique, head, object, trace, in_conversation = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6] == '1'
if in_conversation and not is_conversation() then return {'gone'} end
local saved
if head ~= '' then
  saved = redis.call('HEXISTS', hash, 'h:' .. unique) == 1
else
  saved = #ARGV < FIRST or redis.call('ZSCORE', order, unique .. ':0')
end
if not saved then
  local fields, members, size = {}, {}, 0
  local last = in_conversation and redis.call('HGET', hash, 'n')
  for number = FIRST, #ARGV do
    local member = unique .. ':' .. (number - FIRST)
    fields[#fields + 1] = 'i:' .. member
    fields[#fields + 1] = ARGV[number]
    size = size + #ARGV[number]
    if in_conversation then
      members[#members + 1] = last + number - FIRST + 1
      members[#members + 1] = member
    end
  end
  local function also(name, value)
    if value ~= '' then
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
  end
  if head ~= '' then also('h:' .. unique, head .. ':' .. size) end
  also('r:' .. unique, object)
  also('t:' .. unique, trace)
  if in_conversation then also('n', last + #ARGV - FIRST + 1) end
  put(fields)
  each_chunk(members, 1, function(...) redis.call('ZADD', order, ...) end)
end
renew()
"""
"""Of a script that has said which is the first of its arguments that is an item."""

SAVE = Script("save_response", f"{COMMON}local FIRST = 7\n{SAVING}return {{'ok'}}", grows=True)

# two more keys: those of its background work. unique -> whether there was one; items that the conversation still lists stay
DELETE = Script(
    "delete_response",
    COMMON
    + """
local unique = ARGV[2]
local worked = redis.call('DEL', KEYS[3], KEYS[4]) > 0
local parent, inputs, outputs = read_head(unique)
if not parent or redis.call('HEXISTS', hash, 'r:' .. unique) == 0 then return {worked and 'ok' or 'missing'} end
local fields = {'h:' .. unique, 'r:' .. unique, 't:' .. unique}
for position = 0, inputs + outputs - 1 do
  local member = unique .. ':' .. position
  if not redis.call('ZSCORE', order, member) then fields[#fields + 1] = 'i:' .. member end
end
erase(fields)
renew()
return {'ok'}
""",
)

# conversation, unique, items
CREATE = Script(
    "create_conversation",
    COMMON
    + """
local conversation, unique, FIRST = ARGV[2], ARGV[3], 4
if not is_conversation() then
  local fields, members = {'c', conversation, 'n', #ARGV - FIRST + 1}, {0, 'c'}
  for number = FIRST, #ARGV do
    local member = unique .. ':' .. (number - FIRST)
    fields[#fields + 1] = 'i:' .. member
    fields[#fields + 1] = ARGV[number]
    members[#members + 1] = number - FIRST + 1
    members[#members + 1] = member
  end
  put(fields)
  each_chunk(members, 1, function(...) redis.call('ZADD', order, ...) end)
end
renew()
return {'ok'}
""",
    grows=True,
)

# -> conversation
RETRIEVE = Script(
    "load_conversation",
    COMMON
    + """
if not is_conversation() then return {'missing'} end
renew()
return {'ok', redis.call('HGET', hash, 'c')}
""",
)

# conversation
UPDATE = Script(
    "update_conversation",
    COMMON
    + """
if not is_conversation() then return {'missing'} end
redis.call('HSET', hash, 'c', ARGV[2])
renew()
return {'ok'}
""",
    grows=True,
)

# items that a stored response owns stay with it
DELETE_CONVERSATION = Script(
    "delete_conversation",
    COMMON
    + """
if not is_conversation() then return {'missing'} end
local fields = {'c', 'n'}
for _, field in ipairs(listed('(0', '+inf')) do
  if redis.call('HEXISTS', hash, 'h' .. string.match(field, '^i(:[^:]*)')) == 0 then fields[#fields + 1] = field end
end
redis.call('DEL', order)
erase(fields)
renew()
return {'ok'}
""",
)

# limit -> last number, items
CONTEXT = Script(
    "load_context",
    COMMON
    + """
if not is_conversation() then return {'missing'} end
local reply = {'ok', tonumber(redis.call('HGET', hash, 'n'))}
local fields = listed('(0', '+inf')
local failed = gather(reply, fields, size_of(fields), ARGV[2])
if failed then return {failed} end
renew()
return reply
""",
)

# member that the page comes after or "", number of items, "asc" or "desc", limit -> whether there is more, items
PAGE = Script(
    "list_items",
    COMMON
    + """
if not is_conversation() then return {'missing'} end
local after, count, ascending = ARGV[2], tonumber(ARGV[3]), ARGV[4] == 'asc'
local start = ascending and '(0' or '+inf'
if after ~= '' then
  local number = redis.call('ZSCORE', order, after)
  if not number then return {'unknown'} end
  start = '(' .. number
end
local members
if ascending then
  members = redis.call('ZRANGEBYSCORE', order, start, '+inf', 'LIMIT', 0, count + 1)
else
  members = redis.call('ZREVRANGEBYSCORE', order, start, '(0', 'LIMIT', 0, count + 1)
end
local fields = {}
for number = 1, math.min(count, #members) do fields[number] = 'i:' .. members[number] end
local reply = {'ok', #members > count and 1 or 0}
local failed = gather(reply, fields, size_of(fields), ARGV[5])
if failed then return {failed} end
renew()
return reply
""",
)

# member -> item
ITEM = Script(
    "load_item",
    COMMON
    + """
if not is_conversation() or not redis.call('ZSCORE', order, ARGV[2]) then return {'missing'} end
renew()
return {'ok', redis.call('HGET', hash, 'i:' .. ARGV[2])}
""",
)

# member -> conversation
REMOVE_ITEM = Script(
    "delete_item",
    COMMON
    + """
if not is_conversation() or redis.call('ZREM', order, ARGV[2]) == 0 then return {'missing'} end
if redis.call('HEXISTS', hash, 'h:' .. string.match(ARGV[2], '^[^:]*')) == 0 then
  redis.call('HDEL', hash, 'i:' .. ARGV[2])
end
renew()
return {'ok', redis.call('HGET', hash, 'c')}
""",
)

# One key. What is expected ("" for nothing), what to put in its place -> what is there now
EXCHANGE = Script(
    "exchange_keys",
    """
local present = redis.call('GET', KEYS[1]) or ''
if present == ARGV[1] and ARGV[2] ~= '' then
  redis.call('SET', KEYS[1], ARGV[2])
  present = ARGV[2]
end
return {'ok', present}
""",
)

# One key, which is not read: only the way to it counts
PROBE = Script("probe", "return {'ok'}")
