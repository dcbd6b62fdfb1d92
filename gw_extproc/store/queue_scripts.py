"""The Lua texts of the work that any replica does. All get the keys of the work (keys.JOBS) and the retention.

Work that somebody has is a pending entry of the group; how long it is idle is its lease, which its worker renews. All workers are one
consumer to the group: who has a run is said by the run's own attempt, and so no worker that is gone leaves a consumer behind.
"""

from __future__ import annotations

from gw_extproc.store.scripts import Script

_JOBS = """
local queue, notices, webhooks, retention = KEYS[1], KEYS[2], KEYS[3], tonumber(ARGV[1])
local GROUP, ALL = 'workers', 'all'

-- A look at a queue in which nothing happens writes nothing, so that nothing waits for a disk.
local function stay(key)
  local left = redis.call('TTL', key)
  if left < retention - math.min(60, retention / 100) or left > retention then redis.call('EXPIRE', key, retention) end
end

local function group()
  if redis.call('EXISTS', queue) == 0 then redis.call('XGROUP', 'CREATE', queue, GROUP, '0', 'MKSTREAM') end
  stay(queue)
end

local function notice(what, detail)
  redis.call('XADD', notices, 'MAXLEN', '~', 1000, '*', what, detail)
  stay(notices)
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function entries(reply, found)
  for _, entry in ipairs(found) do
    if entry and entry[2] then
      local fields = entry[2]
      for _, value in ipairs({entry[1], fields[2], fields[4], fields[6]}) do reply[#reply + 1] = value end
    end
  end
end
"""

# most that may wait, tenant, thread, unique -> entry
ENQUEUE = Script(
    "enqueue",
    _JOBS
    + """
group()
local waiting = redis.call('XLEN', queue) - redis.call('XPENDING', queue, GROUP)[1]
if waiting >= tonumber(ARGV[2]) then return {'full'} end
local entry = redis.call('XADD', queue, '*', 't', ARGV[3], 'h', ARGV[4], 'u', ARGV[5])
notice('job', '')
return {'ok', entry}
""",
    grows=True,
)

# -> how many wait
DEPTH = Script(
    "count_jobs",
    _JOBS
    + """
if redis.call('EXISTS', queue) == 0 then return {'ok', 0} end
group()
return {'ok', redis.call('XLEN', queue) - redis.call('XPENDING', queue, GROUP)[1]}
""",
)

# most that are wanted, milliseconds of a lease -> of each entry: itself, tenant, thread, unique; first what others have let lie
TAKE = Script(
    "take_jobs",
    _JOBS
    + """
group()
local wanted, reply = tonumber(ARGV[2]), {'ok'}
local stale = redis.call('XPENDING', queue, GROUP, 'IDLE', ARGV[3], '-', '+', wanted)
for _, entry in ipairs(stale) do
  local claimed = redis.call('XCLAIM', queue, GROUP, ALL, ARGV[3], entry[1])
  if #claimed == 0 or not claimed[1] then redis.call('XACK', queue, GROUP, entry[1]) end
  entries(reply, claimed)
end
wanted = wanted - #stale
if wanted > 0 then
  local found = redis.call('XREADGROUP', 'GROUP', GROUP, ALL, 'COUNT', wanted, 'STREAMS', queue, '>')
  if found then entries(reply, found[1][2]) end
end
return reply
""",
)

# entries: they are still being worked on
RENEW = Script(
    "renew_jobs",
    _JOBS
    + """
group()
for number = 2, #ARGV do redis.call('XCLAIM', queue, GROUP, ALL, 0, ARGV[number], 'JUSTID') end
return {'ok'}
""",
)

# milliseconds of a lease, entry: somebody else may have it at once
RELEASE = Script(
    "release_job",
    _JOBS
    + """
group()
redis.call('XCLAIM', queue, GROUP, ALL, 0, ARGV[3], 'IDLE', ARGV[2], 'JUSTID')
notice('job', '')
return {'ok'}
""",
)

# entry or "", webhook or "": the work is done, and this is to be told
DONE = Script(
    "finish_job",
    _JOBS
    + """
group()
if ARGV[3] ~= '' then
  redis.call('ZADD', webhooks, 'NX', now(), ARGV[3])
  stay(webhooks)
  notice('job', '')
end
if ARGV[2] ~= '' then
  redis.call('XACK', queue, GROUP, ARGV[2])
  redis.call('XDEL', queue, ARGV[2])
end
return {'ok'}
""",
)

# unique
CANCELLED = Script(
    "notice_cancelled",
    _JOBS
    + """
notice('cancelled', ARGV[2])
return {'ok'}
""",
)

# most that are wanted, milliseconds that their delivery may take -> webhooks that are due, which are not due again before that
WEBHOOKS = Script(
    "take_webhooks",
    _JOBS
    + """
local due = redis.call('ZRANGEBYSCORE', webhooks, '-inf', now(), 'LIMIT', 0, ARGV[2])
for _, webhook in ipairs(due) do redis.call('ZADD', webhooks, now() + ARGV[3], webhook) end
if #due > 0 then stay(webhooks) end
return {'ok', unpack(due)}
""",
)

# webhook, milliseconds until it is due again or "": never
POSTPONE = Script(
    "postpone_webhook",
    _JOBS
    + """
if ARGV[3] == '' then
  redis.call('ZREM', webhooks, ARGV[2])
else
  redis.call('ZADD', webhooks, 'XX', now() + ARGV[3], ARGV[2])
end
return {'ok'}
""",
)

# -> id of the newest notice
LATEST = Script(
    "latest_notice",
    _JOBS
    + """
local latest = redis.call('XREVRANGE', notices, '+', '-', 'COUNT', 1)
return {'ok', latest[1] and latest[1][1] or '0-0'}
""",
)
