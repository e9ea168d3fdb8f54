-- Takes room for one request within all rules, or none.
-- KEYS: for each rule a hash (levels) and a sorted set (requests under way, by when they lapse).
-- ARGV: now, id, lease, then for each rule rpm, tpm, concurrent (-1: none) and the tokens it is asked for.
-- Returns whether, then for each rule its levels and the requests under way.
local id, lease = ARGV[2], tonumber(ARGV[3])
local ok, out, at = 1, {1}, {}
for i = 1, #KEYS / 2 do
	local rpm, tpm, most, took = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1]), tonumber(ARGV[4 * i + 2]), tonumber(ARGV[4 * i + 3])
	local r, t, open = 0, 0, 0
	r, t, at[i] = load(KEYS[2 * i - 1], rpm, tpm)
	if most >= 0 then
		redis.call('ZREMRANGEBYSCORE', KEYS[2 * i], '-inf', now)
		open = redis.call('ZCARD', KEYS[2 * i])
		if open >= most then ok = 0 end
	end
	if rpm == 0 or tpm == 0 then ok = 0 end
	if rpm > 0 and r + part > rpm * part then ok = 0 end
	if tpm > 0 and t + took * part > tpm * part then ok = 0 end
	out[3 * i - 1], out[3 * i], out[3 * i + 1] = r, t, open
end
out[1] = ok
if ok == 0 then return out end
for i = 1, #KEYS / 2 do
	local rpm, tpm, most, took = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1]), tonumber(ARGV[4 * i + 2]), tonumber(ARGV[4 * i + 3])
	if rpm > 0 then out[3 * i - 1] = out[3 * i - 1] + part end
	out[3 * i] = out[3 * i] + took * part
	save(KEYS[2 * i - 1], out[3 * i - 1], out[3 * i], at[i], rpm, tpm)
	-- The first set says of every request that it is under way, so that it is settled once only.
	if most >= 0 or i == 1 then
		redis.call('ZADD', KEYS[2 * i], now + lease, id)
		redis.call('PEXPIRE', KEYS[2 * i], lease)
		out[3 * i + 1] = out[3 * i + 1] + 1
	end
end
return out
