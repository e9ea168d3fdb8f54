package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"strconv"

	"turnpike/internal/keyring"
	"turnpike/internal/roster"
	"turnpike/internal/store"
)

// adminKeyHash is the setting under which the hash of the admin key is kept.
const adminKeyHash = "admin_key_sha256"

// firstKeyMade is the setting that says that somebody made the first key.
const firstKeyMade = "first_key_made"

// firstStart makes the keys that are missing and prints each once, on the
// terminal and not in the log: only their hashes are kept. Of several gateways that
// start at once on one database, one makes them.
func (a *app) firstStart(ctx context.Context) error {
	if a.cfg.Auth.AdminKey == "" {
		_, ok, err := a.store.Setting(ctx, adminKeyHash)
		if err != nil {
			return err
		}
		if !ok {
			secret := roster.NewSecret(adminPrefix)
			hash := keyring.Hash(secret)
			made, err := a.store.AddSetting(ctx, adminKeyHash, hex.EncodeToString(hash[:]))
			if err != nil {
				return err
			}
			if made {
				fmt.Printf("\nAdmin key (shown once):  %s\n", secret)
			}
		}
	}
	if a.cfg.Auth.APIKey != "" {
		return nil
	}
	list, err := a.store.ListKeys(ctx)
	if err != nil || len(list) > 0 {
		return err
	}
	if mine, err := a.store.AddSetting(ctx, firstKeyMade, "yes"); err != nil || !mine {
		return err
	}
	made, err := keysWith(a.cfg, a.store, a.safe).Create(ctx, store.Key{Name: "first key"})
	if err != nil {
		return err
	}
	secret := made[0].Secret
	fmt.Printf("API key (shown once):    %s\n\nTry it:\n\n%s\n\n", secret, a.curl(secret))
	return nil
}

// clientAddress is where clients on this machine find the gateway.
func (a *app) clientAddress() string {
	host := a.cfg.Server.Host
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(a.cfg.Server.Port))
}

func (a *app) curl(secret string) string {
	return fmt.Sprintf(`curl http://%s/v1/chat/completions -H "Authorization: Bearer %s" -H "Content-Type: application/json" \
  -d '{"model":"sandbox","messages":[{"role":"user","content":"Hello!"}]}'`, a.clientAddress(), secret)
}
