package main

import (
	"context"
	"fmt"
	"time"

	"turnpike/internal/limit"
)

// newLimits makes what keeps clients within their limits.
func newLimits(a *app) (_ *limit.Limiter, err error) {
	c := &a.cfg.Redis
	if c.On() {
		a.redis, err = limit.Open(limit.Options{
			URL: c.URL.Reveal(), Addresses: c.Addresses, Sentinel: c.SentinelMaster, Timeout: c.Timeout, Log: a.log, Now: time.Now,
		})
		if err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
	}
	return limit.New(time.Now, a.redis), nil
}

// closeLimits tells Redis what it does not know yet.
func (a *app) closeLimits(ctx context.Context) {
	if a.redis == nil {
		return
	}
	if err := a.redis.Close(ctx); err != nil {
		a.log.Warn("redis", "error", err)
	}
}
