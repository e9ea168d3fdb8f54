package config

import (
	"net"
	"net/url"
	"strings"
	"time"
)

// Redis is where several gateways count limits together. Any Redis from version 6 on,
// or Valkey, will do; nothing is kept there that is missed when it is emptied.
type Redis struct {
	// URL is redis://user:password@host:port/db, or rediss:// for TLS; empty counts in
	// memory.
	URL Secret `yaml:"url"`
	// Addresses are the nodes of a cluster (host:port), or with sentinel_master the
	// sentinels; they take the place of the URL's host, which still tells user,
	// password, database and TLS.
	Addresses []string `yaml:"addresses,omitempty"`
	// SentinelMaster is the name the sentinels know the primary by.
	SentinelMaster string `yaml:"sentinel_master"`
	// Timeout is how long a request waits for Redis, once; then it goes by this
	// replica's share of the limits.
	Timeout time.Duration `yaml:"timeout"`
}

// On tells whether there is a Redis.
func (c *Redis) On() bool { return c.URL != "" || len(c.Addresses) > 0 }

// slowestRedis is what a request may be made to wait.
const slowestRedis = 5 * time.Second

func validateRedis(c *Redis, r *report) {
	if text := c.URL.Reveal(); text != "" {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Host == "" {
			r.add("redis.url", "must be redis://user:password@host:port/db, or rediss:// for TLS")
		}
	}
	for _, a := range c.Addresses {
		if host, port, err := net.SplitHostPort(a); err != nil || host == "" || port == "" || strings.Contains(a, "@") {
			r.add("redis.addresses", "each must be host:port; user and password belong into redis.url")
			break
		}
	}
	if c.SentinelMaster != "" && c.URL != "" && len(c.Addresses) == 0 {
		r.add("redis.sentinel_master", "needs the sentinels in redis.addresses")
	}
	if c.Timeout < shortest || c.Timeout > slowestRedis {
		r.add("redis.timeout", "must be between %v and %v", shortest, slowestRedis)
	}
}
