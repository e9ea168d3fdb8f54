-- Counts a request out and corrects what it took. Done twice it changes nothing.
-- KEYS as in admit. ARGV: now, id, 1 where the request has not run,
-- then for each rule rpm, tpm, concurrent and how far the truth is from what was reserved.
-- Returns 0 where the request is not known (any more).
local id, void = ARGV[2], ARGV[3] == '1'
if redis.call('ZREM', KEYS[2], id) == 0 then return 0 end
for i = 1, #KEYS / 2 do
	local rpm, tpm, most, owes = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1]), tonumber(ARGV[4 * i + 2]), tonumber(ARGV[4 * i + 3])
	if i > 1 and most >= 0 then redis.call('ZREM', KEYS[2 * i], id) end
	local r, t, at = load(KEYS[2 * i - 1], rpm, tpm)
	if void and rpm > 0 then r = math.max(0, r - part) end
	if tpm > 0 then t = math.max(0, t + owes * part) end
	save(KEYS[2 * i - 1], r, t, at, rpm, tpm)
end
return 1
