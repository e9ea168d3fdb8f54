package config

import (
	"strings"
	"testing"
	"time"
)

func TestRedis(t *testing.T) {
	cfg := mustLoad(t, "redis: {url: 'rediss://me:${WORD}@cache.example:6380/2', timeout: 20ms}", "WORD=s3cr3t-w0rd")
	if !cfg.Redis.On() || cfg.Redis.Timeout != 20*time.Millisecond || cfg.Redis.URL != "rediss://me:s3cr3t-w0rd@cache.example:6380/2" {
		t.Errorf("redis %+v", cfg.Redis)
	}
	if cfg := mustLoad(t, ""); cfg.Redis.On() || cfg.Redis.Timeout != 50*time.Millisecond {
		t.Errorf("without a word %+v", cfg.Redis)
	}
	if cfg := mustLoad(t, "", "TURNPIKE_REDIS_URL=redis://127.0.0.1:6379"); !cfg.Redis.On() {
		t.Error("TURNPIKE_REDIS_URL is not read")
	}
	for _, c := range []struct{ text, want string }{
		{"redis: {url: 'http://cache.example'}", "redis.url"},
		{"redis: {url: cache.example:6379}", "redis.url"},
		{"redis: {addresses: [cache.example]}", "redis.addresses"},
		{"redis: {addresses: ['me:word@cache.example:6379']}", "redis.addresses"},
		{"redis: {url: 'redis://cache.example', sentinel_master: main}", "redis.sentinel_master"},
		{"redis: {timeout: 0}", "redis.timeout"},
		{"redis: {timeout: 1m}", "redis.timeout"},
	} {
		_, err := fromText(t, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.text, err)
		}
		if err != nil && strings.Contains(err.Error(), "me:word") {
			t.Errorf("%s: the error tells the password: %v", c.text, err)
		}
	}
}
