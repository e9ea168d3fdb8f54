package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"turnpike/internal/admin"
	"turnpike/internal/archive"
	"turnpike/internal/config"
	"turnpike/internal/identity"
	"turnpike/internal/live"
	"turnpike/internal/operator"
	"turnpike/internal/roster"
	"turnpike/internal/store"
	"turnpike/internal/vault"
	"turnpike/internal/vault/awskeys"
)

// sealedColumns are all places where sealed values lie, but payloads: those are
// sealed by their tenants' data keys. Nor are there the successors of refresh tokens: they are
// good for seconds, and a data key stays for an hour behind its own successor.
var sealedColumns = []operator.SealedColumn{
	{SealedColumn: store.SealedColumn{Table: "keys", Column: "sealed", Key: []string{"id"}}, Place: func(k []string) string { return roster.SealPlace(k[0]) }},
	{SealedColumn: store.SealedColumn{Table: "logins", Column: "sealed", Key: []string{"account"}}, Place: func(k []string) string { return loginAAD(k[0]) }},
	{SealedColumn: store.SealedColumn{Table: "begun_logins", Column: "sealed", Key: []string{"id"}}, Place: func(k []string) string { return deskAAD(k[0]) }},
	{SealedColumn: store.SealedColumn{Table: "live_entries", Column: "sealed", Key: []string{"kind", "name"}}, Place: func(k []string) string { return live.SealPlace(k[0], k[1]) }},
	{SealedColumn: store.SealedColumn{Table: "accounts", Column: "totp", Key: []string{"id"}}, Place: func(k []string) string { return identity.TOTPPlace(k[0]) }},
	{SealedColumn: store.SealedColumn{Table: "account_sessions", Column: "id_token", Key: []string{"id"}}, Place: func(k []string) string { return identity.IDTokenPlace(k[0]) }},
	{SealedColumn: store.SealedColumn{Table: "signing_keys", Column: "sealed", Key: []string{"kid"}}, Place: func(k []string) string { return identity.KeyPlace(k[0]) }},
	{SealedColumn: store.SealedColumn{Table: "sign_flows", Column: "sealed", Key: []string{"id"}}, Place: func(k []string) string { return identity.FlowPlace(k[0]) }},
	{SealedColumn: store.SealedColumn{Table: "admin_answers", Column: "answer", Key: []string{"id"}}, Place: func(k []string) string { return admin.SealPlace(k[0]) }},
	// Of the settings only those of ACME are sealed.
	{SealedColumn: store.SealedColumn{Table: "settings", Column: "value", Key: []string{"name"}}, Place: func(k []string) string { return acmePlace(k[0]) }},
	{SealedColumn: store.SealedColumn{Table: "responses", Column: "body", Key: []string{"key_id", "id"}}, Place: func(k []string) string { return archive.SealPlace(k[0], k[1]) }},
}

// openVault opens the master keys that the configuration names, and the data keys of
// the database.
func openVault(ctx context.Context, cfg *config.Config, db *store.Store) (*vault.Vault, error) {
	v, err := vault.New(ctx, vault.Options{
		Store: db, Now: time.Now,
		Masters: func(ctx context.Context) ([]vault.Master, error) { return masters(ctx, cfg) },
	})
	if err != nil {
		return nil, fmt.Errorf("vault.key: %w", err)
	}
	return v, nil
}

// masters are the keys of all places, the one that wraps first.
func masters(ctx context.Context, cfg *config.Config) (list []vault.Master, err error) {
	own := filepath.Join(cfg.DataDir, vault.FileName)
	for i, place := range append([]string{cfg.Vault.Key}, cfg.Vault.Previous...) {
		found, err := mastersAt(ctx, place, own, i == 0)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	if cfg.Vault.Key != config.VaultFile { // what was sealed before the change still opens
		found, err := vault.File(own, false)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

func mastersAt(ctx context.Context, place, own string, first bool) ([]vault.Master, error) {
	kind, name, _ := strings.Cut(place, ":")
	switch kind {
	case config.VaultEnv:
		list, err := vault.Masters([]byte(os.Getenv(name)))
		if err != nil {
			return nil, fmt.Errorf("the variable %s %w", name, err)
		}
		return list, nil
	case config.VaultKMS:
		k, err := awskeys.NewKMS(ctx, name)
		return []vault.Master{k}, err
	case config.VaultSecret:
		return awskeys.Secret(ctx, name)
	}
	if name == "" {
		return vault.File(own, first)
	}
	return vault.File(name, false)
}

// otherMasters warns where a data key was wrapped by a master key that is not here.
func (a *app) otherMasters(ctx context.Context, safe *vault.Vault) error {
	foreign, err := safe.Foreign(ctx)
	if err == nil && len(foreign) > 0 {
		a.log.Warn("the encryption key of another gateway on this database is not here: copy its turnpike.key, or name the place in vault.previous, or what one seals the other cannot open",
			"here", safe.KeyID(), "missing", strings.Join(foreign, ", "))
	}
	return err
}

// vaultCommand is turnpike vault.
func vaultCommand(args []string) error {
	what, args, err := action("vault", args, "status", "rotate")
	if err != nil {
		return err
	}
	s := newSettings("vault " + what)
	asJSON := s.flags.Bool("json", false, "print JSON")
	var renew *bool
	if what == "rotate" {
		renew = s.flags.Bool("master", false, "put a new master key into the key file first")
	}
	cfg, err := s.load(args, 0)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	db, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if renew != nil && *renew {
		if err := renewMaster(cfg); err != nil {
			return err
		}
	}
	safe, err := openVault(ctx, cfg, db)
	if err != nil {
		return err
	}
	if what == "rotate" {
		out, err := operator.RotateVault(ctx, db, safe, sealedColumns, time.Now())
		if err != nil {
			return err
		}
		return show(*asJSON, out, func() { fmt.Println(out) })
	}
	out, err := operator.StatusOfVault(ctx, db, safe, sealedColumns)
	if err != nil {
		return err
	}
	return show(*asJSON, out, func() { printVault(&out) })
}

// show prints what a command found, as JSON where that is asked for.
func show(asJSON bool, what any, plain func()) error {
	if !asJSON {
		plain()
		return nil
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(what)
}

func renewMaster(cfg *config.Config) error {
	kind, path, _ := strings.Cut(cfg.Vault.Key, ":")
	if kind != config.VaultFile {
		return fmt.Errorf("--master is for key files; vault.key is %s: change the key there, or name another place and this one in vault.previous", cfg.Vault.Key)
	}
	if path == "" {
		path = filepath.Join(cfg.DataDir, vault.FileName)
		if _, err := vault.File(path, true); err != nil {
			return err
		}
	}
	return vault.Renew(path)
}

func printVault(s *operator.VaultStatus) {
	fmt.Printf("master key  %s\n", s.Master)
	if s.ByMaster > 0 {
		fmt.Printf("%d values are sealed by a master key itself: turnpike vault rotate seals them with a data key\n", s.ByMaster)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "DATA KEY\tOF\tMASTER\tMADE\tVALUES\t")
	for i := range s.Keys {
		k := &s.Keys[i]
		of, values, note := k.Scope, fmt.Sprint(k.Values), ""
		if of == "" {
			of = "gateway"
		} else {
			values = "-"
		}
		switch {
		case k.Seals:
			note = "seals now"
		case !k.Opens:
			note = "its master key is not here"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, of, k.Master, k.Made.Format(time.DateTime), values, note)
	}
	_ = w.Flush()
}
