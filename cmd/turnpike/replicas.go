package main

import (
	"context"
	"time"

	"turnpike/internal/store"
)

// What several gateways on one database settle between them.

// adoptWork is the lease of the gateway that takes up background answers others
// left behind.
const adoptWork = "background.adopt"

// gatewayID names this process among those on one database.
var gatewayID = store.NewID("gw")

func (a *app) adopt(ctx context.Context, hold time.Duration) (bool, error) {
	return a.store.TakeLease(ctx, adoptWork, gatewayID, hold)
}
