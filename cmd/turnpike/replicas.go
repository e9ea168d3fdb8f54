package main

import (
	"context"
	"time"

	"turnpike/internal/store"
	"turnpike/internal/vault"
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

// sealedBy is the setting that names the encryption key of the gateway that was
// the first on this database.
const sealedBy = "encryption_key_id"

// sameKeyFile warns where gateways on one PostgreSQL have different encryption keys:
// what one seals, another cannot open.
func (a *app) sameKeyFile(ctx context.Context, safe *vault.Vault) error {
	if a.cfg.Database.URL == "" {
		return nil
	}
	first, err := a.store.AddSetting(ctx, sealedBy, safe.KeyID())
	if err != nil || first {
		return err
	}
	id, _, err := a.store.Setting(ctx, sealedBy)
	if err == nil && id != safe.KeyID() {
		a.log.Warn("this gateway's encryption key is not the one of the first on this database: copy the file from its data folder, or what one seals the other cannot open",
			"file", vault.FileName, "key", safe.KeyID(), "first", id)
	}
	return err
}
