"""The Lua texts of background responses. All get the keys of the run (see keys.of_run) and the retention, and can be repeated.

The fence. Whoever takes a run up, or stops it, counts its attempt up; what is then said with an older number is answered "lost" and
changes nothing. So a worker that was slow, cut off or thought dead cannot say anything any more, and the end of a run is decided once:
by the first of FINISH with the current number, and STOP, which gives the number to all who stop it or then take it up: nothing more is
said of it, and what each of them makes of what was said is the same.
"""

from __future__ import annotations

from gw_extproc.store.scripts import COMMON, SAVING, Script

_RUN = (
    COMMON
    + """
local run, events = KEYS[3], KEYS[4]
local state, current, last = unpack(redis.call('HMGET', run, 'state', 'attempt', 'last'))

local function last_for(seconds)
  redis.call('EXPIRE', run, seconds)
  redis.call('EXPIRE', events, seconds)
end

local function add(number, text, marks)
  if tonumber(number) <= tonumber(last or 0) then return end
  redis.call('HSET', run, 'last', number)
  redis.call('XADD', events, number .. '-0', 'e', text, 't', marks)
end
"""
)

# sealed request, number, events and marks of what is said at once, seconds until it has to be in the queue
BEGIN = Script(
    "begin_run",
    _RUN
    + """
if not state then
  redis.call('HSET', run, 'job', ARGV[2], 'state', 'queued', 'attempt', 0)
  add(ARGV[3], ARGV[4], ARGV[5])
  last_for(ARGV[6])
end
return {'ok'}
""",
    grows=True,
)

# entry in the queue
QUEUED = Script(
    "queue_run",
    _RUN
    + """
if not state then return {'missing'} end
redis.call('HSETNX', run, 'entry', ARGV[2])
if state ~= 'ended' then last_for(retention) end
return {'ok'}
""",
)

# entry in the queue -> state before, attempt, number of events, sealed request; a second entry for a run is of no use: "duplicate"
TAKE = Script(
    "take_run",
    _RUN
    + """
if not state then return {'missing'} end
redis.call('HSETNX', run, 'entry', ARGV[2])
if redis.call('HGET', run, 'entry') ~= ARGV[2] then return {'duplicate'} end
if state == 'ended' then return {'ok', state, current, last, ''} end
if state ~= 'cancelling' then current = redis.call('HINCRBY', run, 'attempt', 1) end
if state == 'queued' then redis.call('HSET', run, 'state', 'in_progress') end
last_for(retention)
return {'ok', state, current, last, redis.call('HGET', run, 'job')}
""",
)

# attempt, number, events, marks
APPEND = Script(
    "append_events",
    _RUN
    + """
if not state then return {'missing'} end
if current ~= ARGV[2] then return {'lost'} end
add(ARGV[3], ARGV[4], ARGV[5])
if state ~= 'ended' and redis.call('TTL', run) < retention / 2 then last_for(retention) end
return {'ok'}
""",
    grows=True,
)

# -> state now, attempt, number of events, sealed request
STOP = Script(
    "stop_run",
    _RUN
    + """
if not state then return {'missing'} end
if state == 'ended' then return {'ok', state, current, last, ''} end
if state ~= 'cancelling' then
  redis.call('HSET', run, 'state', 'cancelling')
  current = redis.call('HINCRBY', run, 'attempt', 1)
end
return {'ok', 'cancelling', current, last, redis.call('HGET', run, 'job')}
""",
)

# as SAVE, then attempt, seconds that the events stay, items
FINISH = Script(
    "finish_run",
    _RUN
    + """
local attempt, afterlife, FIRST = ARGV[7], ARGV[8], 9
if not state then return {'missing'} end
if current ~= attempt then return {'lost'} end
"""
    + SAVING
    + """
redis.call('HSET', run, 'state', 'ended')
redis.call('HDEL', run, 'job')
last_for(afterlife)
return {'ok'}
""",
    grows=True,
)

# number of events that are known -> state, entry, sealed request, and of each batch of events its number, events and marks
LOOK = Script(
    "look_at_run",
    _RUN
    + """
if not state then return {'missing'} end
local reply = {'ok', state, redis.call('HGET', run, 'entry') or '', redis.call('HGET', run, 'job') or ''}
for _, entry in ipairs(redis.call('XRANGE', events, '(' .. ARGV[2] .. '-0', '+')) do
  reply[#reply + 1] = string.match(entry[1], '^%d+')
  reply[#reply + 1] = entry[2][2]
  reply[#reply + 1] = entry[2][4]
end
return reply
""",
)
