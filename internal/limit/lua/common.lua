-- What all scripts share. The server's clock decides; a test may give its own.
local now = tonumber(ARGV[1])
if now == 0 then
	local t = redis.call('TIME')
	now = t[1] * 1000 + math.floor(t[2] / 1000)
end

-- As in bucket.go: parts of a request or token, and what is left of a level.
local part = 60000

local function leak(level, rate, elapsed)
	if rate <= 0 then return 0 end
	return math.max(0, level - rate * elapsed)
end

-- load reads how a key stands now: levels of requests and tokens, and their time.
local function load(key, rpm, tpm)
	local v = redis.call('HMGET', key, 'r', 't', 'a')
	local at = math.max(now, tonumber(v[3] or now))
	local elapsed = at - tonumber(v[3] or at)
	return leak(tonumber(v[1] or 0), rpm, elapsed), leak(tonumber(v[2] or 0), tpm, elapsed), at
end

-- save keeps a key for as long as it tells anything.
local function save(key, r, t, at, rpm, tpm)
	redis.call('HSET', key, 'r', r, 't', t, 'a', at)
	local ttl = part
	if rpm > 0 then ttl = math.max(ttl, r / rpm) end
	if tpm > 0 then ttl = math.max(ttl, t / tpm) end
	redis.call('PEXPIRE', key, math.ceil(ttl) + part)
end
