-- Says that a request is still under way. KEYS: its sorted sets. ARGV: now, id, lease.
for i = 1, #KEYS do
	redis.call('ZADD', KEYS[i], now + ARGV[3], ARGV[2])
	redis.call('PEXPIRE', KEYS[i], ARGV[3])
end
return 1
