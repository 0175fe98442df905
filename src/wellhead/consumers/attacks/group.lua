-- Takes the hits of one partition, in their order, gives the attack of each; the state moves with the offset, all of it or nothing.
--
-- KEYS[1]  {partition}pos: a hash; every other key stands under its tag, so that a cluster keeps a partition in one place
-- ARGV[1]  {from, next, gen, gap, retain, ttl, tick, sure, rule, shown, burst = {over, within, gap} or none}: offsets and milliseconds; gen: the
--          generation the caller knows; sure: what the last call made is committed; rule: label of the base rule; shown: names of a row's values
-- ARGV[2]  the hits, by column: o offset, k Kafka's time, t time, g and r indexes into keys and rows, p ip, c country, s status, b block,
--          x 1 where the burst rule looks at it; a row is {client, values...}
-- Gives    {'OK', attacks, watermark, {suffix, value, ...}, events}: attacks as {d = distinct ids, i = index for each hit}; what changed, for
--          the changelog; {opened, merged, closed} ids. Or {'REBUILD', why}: the state is not that of offset `from`, nothing has changed.
--
-- Under a partition's tag, with the generation of its last rebuild:
--   k:<key>     sessions of a key: {{first, last, touched, id}, ...}; the id never changes, so neither does a hit's attack id
--   a:<id>      an attack: f l first and last time, n hits, u touched, o last offset + 1, cl client, r rule, v values (false: several), c s b counts,
--               ic count of senders, ips {ip = {count, country}} or, for many, top ten; m merged ids; into: merged into that one; st state
--   i:<id>      senders of an attack with many: ip = count
--   w:<c|ip>    hits of a sender: t times, d last time by attack id, u touched; g = {id, first, last} once they are one attack
--   x           open attacks by when they were touched, at the latest
--   undo        what the last call has changed, as it was before
local P, H = cjson.decode(ARGV[1]), cjson.decode(ARGV[2])
local INLINE, TOP, SKEW, SESSIONS = 64, 10, 60000, 500

local function tag(name) return string.sub(KEYS[1], 1, -4) .. name end
local found = redis.call('HMGET', KEYS[1], 'gen', 'next', 'before', 'wm', 'low', 'ticked')
local gen = found[1]
if not gen then return {'REBUILD', 'nothing is known of this partition'} end
if gen ~= P.gen then return {'REBUILD', 'another process has filled it'} end
local function full(suffix) return tag(gen .. ':' .. suffix) end
local wm, low = tonumber(found[4]), tonumber(found[5] or '')
-- A call without hits leaves no trace in the offset by which it could be taken back.
if found[6] and not P.sure then return {'REBUILD', 'nobody knows whether the last attacks to close were told of'} end

if tonumber(found[2]) ~= P.from then
  -- A call whose offsets were never committed: its changes are taken back, they are made again now.
  local kept = tonumber(found[3]) == P.from and redis.call('GET', full('undo'))
  if not kept then return {'REBUILD', 'it stands at offset ' .. found[2]} end
  local undo = cmsgpack.unpack(kept)
  for suffix, value in pairs(undo.keys) do
    if value then redis.call('SET', full(suffix), value, 'PX', P.ttl) else redis.call('DEL', full(suffix)) end
    if string.sub(suffix, 1, 2) == 'a:' then
      local a = value and cjson.decode(value)
      if a and a.st == 'open' then redis.call('ZADD', full('x'), a.u, string.sub(suffix, 3))
      else redis.call('ZREM', full('x'), string.sub(suffix, 3)) end
    end
  end
  for id, counts in pairs(undo.ips) do
    for ip, count in pairs(counts) do
      if count then redis.call('HSET', full('i:' .. id), ip, count) else redis.call('HDEL', full('i:' .. id), ip) end
    end
  end
  wm, low = undo.wm, undo.low
  redis.call('HSET', KEYS[1], 'next', P.from, 'before', -1, 'wm', wm)
  if low then redis.call('HSET', KEYS[1], 'low', low) else redis.call('HDEL', KEYS[1], 'low') end
end

local wm_before, low_before = wm, low

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if #H.k > 0 then
  -- Keys expire by this server's clock, sessions by Kafka's: while the hits fall behind, a key may go that its session still needs.
  local lag = now - H.k[1]
  low = math.min(low or lag, lag)
  if lag - low > P.ttl - P.retain - SKEW then return {'REBUILD', 'the hits fell behind for longer than keys are kept'} end
end

local old, lost = {}, nil
local function fetch(suffixes)
  -- One call for many: a call costs as much as what it does.
  for since = 1, #suffixes, 500 do
    local names, last = {}, math.min(since + 499, #suffixes)
    for at = since, last do names[#names + 1] = full(suffixes[at]) end
    for at, value in ipairs(redis.call('MGET', unpack(names))) do old[suffixes[since + at - 1]] = value end
  end
end

local function load(suffix)
  if old[suffix] == nil then old[suffix] = redis.call('GET', full(suffix)) end
  return old[suffix] and cjson.decode(old[suffix])
end

local sessions, attacks, windows = {}, {}, {}
local dirty, opened, merged, closed = {}, {}, {}, {}
local risen = {}  -- opened, or open again
local counts, counts_old = {}, {}  -- of senders, for attacks with many

local function sessions_of(key)
  if not sessions[key] then sessions[key] = load('k:' .. key) or {} end
  return sessions[key]
end

local function attack(id)
  if not attacks[id] then
    attacks[id] = load('a:' .. id) or nil
    if not attacks[id] then lost = lost or id; return nil end
    attacks[id].id = id
  end
  return attacks[id]
end

local function root(id, k)
  local a = attack(id)
  while a and a.into do
    -- Kept alive as long as hits come that name it.
    if k - a.u > P.retain / 2 then a.u = k; dirty['a:' .. a.id] = a end
    a = attack(a.into)
  end
  return a
end

local function month(ms)
  local z = math.floor(ms / 86400000) + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local mp = math.floor((5 * (doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))) + 2) / 153)
  local m = mp < 10 and mp + 3 or mp - 9
  return string.format('%04d%02d', yoe + era * 400 + (m <= 2 and 1 or 0), m)
end

local function open(key, t, k, row)
  local id = month(t) .. ':' .. string.sub(redis.sha1hex(key .. '|' .. string.format('%.0f', t)), 1, 24)
  local v = {}
  for at, name in ipairs(P.shown) do v[name] = row[at + 1] end
  attacks[id] = {id = id, f = t, l = t, n = 0, u = k, cl = row[1], r = P.rule, v = v, c = {}, s = {}, b = {}, ic = 0, ips = {}, st = 'open'}
  opened[#opened + 1], risen[id] = id, true
  return attacks[id]
end

local function add(map, key, count)
  if key and key ~= cjson.null then
    key = tostring(key)
    map[key] = (map[key] or 0) + count
  end
end

-- Senders. The ten with most hits are kept up as counts grow: a count never shrinks, so none comes in but by its own growth.
local function better(a, b) return a[2] > b[2] or (a[2] == b[2] and a[1] < b[1]) end

local function rank(a, ip, count, country)
  for at = #a.top, 1, -1 do if a.top[at][1] == ip then table.remove(a.top, at) end end
  local entry, at = {ip, count, country}, #a.top + 1
  while at > 1 and better(entry, a.top[at - 1]) do at = at - 1 end
  table.insert(a.top, at, entry)
  if #a.top > TOP then table.remove(a.top) end
end

local function count_of(id, ip)
  counts[id], counts_old[id] = counts[id] or {}, counts_old[id] or {}
  if counts[id][ip] == nil then
    local value = tonumber(redis.call('HGET', full('i:' .. id), ip) or '')
    counts[id][ip] = value or 0
    counts_old[id][ip] = value or false
  end
  return counts[id][ip]
end

local function spill(a)
  a.top = {}
  for ip, entry in pairs(a.ips) do
    count_of(a.id, ip)
    counts[a.id][ip] = entry[1]
    rank(a, ip, entry[1], entry[2])
  end
  a.ips = nil
end

local function sender(a, ip, count, country)
  if a.ips then
    local entry = a.ips[ip]
    if entry then entry[1], entry[2] = entry[1] + count, country; return end
    a.ips[ip] = {count, country}
    a.ic = a.ic + 1
    if a.ic > INLINE then spill(a) end
    return
  end
  local before = count_of(a.id, ip)
  if before == 0 then a.ic = a.ic + 1 end
  counts[a.id][ip] = before + count
  rank(a, ip, before + count, country)
end

local function senders_into(a, b)
  if b.ips then
    for ip, entry in pairs(b.ips) do sender(a, ip, entry[1], entry[2]) end
    return
  end
  local country = {}
  for _, entry in ipairs(b.top) do country[entry[1]] = entry[3] end
  local all = redis.call('HGETALL', full('i:' .. b.id))
  for at = 1, #all, 2 do count_of(b.id, all[at]) end
  for ip, count in pairs(counts[b.id] or {}) do
    if count > 0 then
      sender(a, ip, count, country[ip] or cjson.null)
      counts[b.id][ip] = 0
    end
  end
end

-- A column that only one of the two knows, as after a change of the rules, has several values, too.
local function differ(a, v)
  for name, value in pairs(v) do if a.v[name] ~= value then a.v[name] = false end end
  for name in pairs(a.v) do if v[name] == nil then a.v[name] = false end end
end

local function merge(a, b, k, o)
  if a == b then return a end
  if b.f < a.f or (b.f == a.f and b.id < a.id) then a, b = b, a end
  for _, map in ipairs({'c', 's', 'b'}) do
    for key, count in pairs(b[map]) do add(a[map], key, count) end
    b[map] = {}
  end
  senders_into(a, b)
  differ(a, b.v)
  a.n, a.l, a.u, a.o = a.n + b.n, math.max(a.l, b.l), k, o
  if a.st ~= 'open' then a.st, risen[a.id] = 'open', true end
  a.m = a.m or {}
  for _, id in ipairs(b.m or {}) do a.m[#a.m + 1] = id end
  a.m[#a.m + 1] = b.id
  b.n, b.ic, b.ips, b.top, b.m, b.into, b.st, b.u, b.o = 0, 0, {}, nil, nil, a.id, 'merged', k, o
  dirty['a:' .. a.id], dirty['a:' .. b.id] = a, b
  merged[#merged + 1] = b.id
  return a
end

-- The sender's hits: {window, whether they are one attack already, the window's suffix}.
local function burst_of(client, ip, t, k)
  local suffix = 'w:' .. tostring(client) .. '|' .. ip
  if not windows[suffix] then windows[suffix] = load(suffix) or {t = {}, d = {}} end
  local w = windows[suffix]
  if w.u and k - w.u > P.retain then w.t, w.d, w.g = {}, {}, nil end
  w.u = k
  dirty[suffix] = w
  local g = w.g
  local on = g and t >= g[2] - P.burst.gap and t <= g[3] + P.burst.gap
  return w, on
end

local function crowd(w, id, t, k, o)
  local newest = t
  for _, time in ipairs(w.t) do newest = math.max(newest, time) end
  local since, times = newest - P.burst.within, {}
  for _, time in ipairs(w.t) do if time > since then times[#times + 1] = time end end
  for known, time in pairs(w.d) do if time <= since then w.d[known] = nil end end
  if t > since then
    times[#times + 1] = t
    w.d[id] = math.max(w.d[id] or t, t)
  end
  w.t = times
  if #times <= P.burst.over then w.g = nil; return nil end
  local first, ids = newest, {}
  for _, time in ipairs(times) do first = math.min(first, time) end
  for known in pairs(w.d) do ids[#ids + 1] = known end
  table.sort(ids)
  local all = root(ids[1], k)
  for at = 2, #ids do
    local other = root(ids[at], k)
    if lost then return nil end
    all = merge(all, other, k, o)
  end
  w.t, w.d, w.g = {}, {}, {all.id, first, newest}
  return all
end

local function nearest(list, t, k)
  local best, distance
  for _, s in ipairs(list) do
    if k - s[3] <= P.retain and t >= s[1] - P.gap and t <= s[2] + P.gap then
      local d = t < s[1] and s[1] - t or (t > s[2] and t - s[2] or 0)
      if not best or d < distance or (d == distance and s[1] < best[1]) then best, distance = s, d end
    end
  end
  return best
end

local function live(list, k)
  local kept = {}
  for _, s in ipairs(list) do if k - s[3] <= P.retain then kept[#kept + 1] = s end end
  if #kept >= SESSIONS then
    -- Years of one thing may arrive in an hour: what was touched longest ago is forgotten first.
    local oldest = 1
    for at, s in ipairs(kept) do if s[3] < kept[oldest][3] then oldest = at end end
    table.remove(kept, oldest)
  end
  return kept
end

-- What will be needed: sessions, then the attacks they name.
local needed, seen = {}, {}
for at, key in ipairs(H.keys or {}) do needed[at] = 'k:' .. key end
fetch(needed)
needed = {}
for _, key in ipairs(H.keys or {}) do
  for _, s in ipairs(sessions_of(key)) do
    if not seen[s[4]] then seen[s[4]], needed[#needed + 1] = true, 'a:' .. s[4] end
  end
end
fetch(needed)

local is_shown = {}
for _, name in ipairs(P.shown) do is_shown[name] = true end
local ids, index_of, indexes = {}, {}, {}
for at = 1, #H.k do
  local k, t, o, key, row = math.max(H.k[at], wm), H.t[at], H.o[at] + 1, H.keys[H.g[at]], H.rows[H.r[at]]
  wm = k
  local list = sessions_of(key)
  local s, w, on = nearest(list, t, k), nil, nil
  if H.x[at] == 1 then w, on = burst_of(row[1], H.p[at], t, k) end
  if s then
    s[1], s[2], s[3] = math.min(s[1], t), math.max(s[2], t), k
  else
    local a
    if on then a = root(w.g[1], k) else a = open(key, t, k, row) end
    if lost then break end
    s = {t, t, k, a.id}
    list = live(list, k)
    list[#list + 1] = s
    sessions[key] = list
  end
  dirty['k:' .. key] = list
  local a = root(s[4], k)
  if lost then break end
  if on then
    local g = root(w.g[1], k)
    if lost then break end
    a = merge(g, a, k, o)
    w.g = {a.id, math.min(w.g[2], t), math.max(w.g[3], t)}
  end
  a.n, a.f, a.l, a.u, a.o = a.n + 1, math.min(a.f, t), math.max(a.l, t), k, o
  if a.st ~= 'open' then a.st, risen[a.id] = 'open', true end
  add(a.c, H.c[at], 1)
  add(a.s, H.s[at], 1)
  add(a.b, H.b[at], 1)
  if H.p[at] ~= cjson.null then sender(a, H.p[at], 1, H.c[at]) end
  for column, name in ipairs(P.shown) do
    if a.v[name] ~= row[column + 1] then a.v[name] = false end
  end
  if a.r ~= P.rule then
    for name in pairs(a.v) do if not is_shown[name] then a.v[name] = false end end
  end
  dirty['a:' .. a.id] = a
  if w and not on then crowd(w, s[4], t, k, o) end
  if lost then break end
  if not index_of[s[4]] then
    ids[#ids + 1] = s[4]
    index_of[s[4]] = #ids
  end
  indexes[at] = index_of[s[4]] - 1
end

-- An attack is closed once no hit can join it any more.
if not lost then
  local limit = math.max(wm, P.tick - SKEW) - P.retain
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', full('x'), '-inf', '(' .. string.format('%.0f', limit), 'LIMIT', 0, P.tick > 0 and 5000 or 500)) do
    local a = attack(id)
    if not a then break end
    if a.st == 'open' and a.u < limit then
      a.st = 'closed'
      dirty['a:' .. id] = a
      closed[#closed + 1] = id
    elseif a.st == 'open' then
      redis.call('ZADD', full('x'), a.u, id)
    end
    if a.st ~= 'open' then redis.call('ZREM', full('x'), id) end
  end
end
if lost then return {'REBUILD', 'attack ' .. lost .. ' is gone'} end

local changed, before, until_ms = {}, {}, string.format('%.0f', now + P.ttl)
for suffix, value in pairs(dirty) do
  local id = value.id
  value.id = nil
  local text = cjson.encode(value)
  value.id = id
  redis.call('SET', full(suffix), text, 'PXAT', until_ms)
  changed[#changed + 1] = suffix
  changed[#changed + 1] = text
  before[suffix] = old[suffix] or false
end
local due = {}
for id in pairs(risen) do
  due[#due + 1], due[#due + 2] = attacks[id].u, id
  if #due >= 1000 then redis.call('ZADD', full('x'), unpack(due)); due = {} end
end
if #due > 0 then redis.call('ZADD', full('x'), unpack(due)) end
for _, id in ipairs(merged) do redis.call('ZREM', full('x'), id) end
local before_ips = {}
for id, known in pairs(counts) do
  before_ips[id] = {}
  for ip, count in pairs(known) do
    if count ~= (counts_old[id][ip] or 0) then
      before_ips[id][ip] = counts_old[id][ip]
      if count > 0 then redis.call('HSET', full('i:' .. id), ip, count) else redis.call('HDEL', full('i:' .. id), ip) end
      changed[#changed + 1] = 'i:' .. id .. '/' .. ip
      changed[#changed + 1] = tostring(count)
    end
  end
  redis.call('PEXPIRE', full('i:' .. id), P.ttl)
end
local undo = {wm = wm_before, low = low_before, keys = before, ips = before_ips}
redis.call('SET', full('undo'), cmsgpack.pack(undo), 'PXAT', until_ms)
redis.call('HSET', KEYS[1], 'next', P.next, 'before', P.from, 'wm', string.format('%.0f', wm))
if low then redis.call('HSET', KEYS[1], 'low', string.format('%.0f', low)) end
if P.from == P.next and #changed > 0 then redis.call('HSET', KEYS[1], 'ticked', 1) elseif found[6] then redis.call('HDEL', KEYS[1], 'ticked') end
redis.call('PEXPIRE', KEYS[1], P.ttl)
redis.call('PEXPIRE', full('x'), P.ttl)

local events = cjson.encode({opened = opened, merged = merged, closed = closed})
return {'OK', cjson.encode({d = ids, i = indexes}), string.format('%.0f', wm), changed, events}
