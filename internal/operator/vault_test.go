package operator

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"turnpike/internal/store"
	"turnpike/internal/vault"
)

var testColumns = []SealedColumn{
	{store.SealedColumn{Table: "logins", Column: "sealed", Key: []string{"account"}}, func(k []string) string { return "logins:" + k[0] }},
	{store.SealedColumn{Table: "responses", Column: "body", Key: []string{"key_id", "id"}}, func(k []string) string { return k[0] + "/" + k[1] }},
}

// TestRotateVault seals hundreds of values of two kinds anew: those of the time before
// data keys, and those of the data key before; what cannot be read stays.
func TestRotateVault(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	db, err := store.Open(ctx, filepath.Join(dir, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	path := filepath.Join(dir, vault.FileName)
	old, err := vault.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	open := func() *vault.Vault {
		v, err := vault.New(ctx, vault.Options{Store: db, Now: func() time.Time { return now }, Masters: func(context.Context) ([]vault.Master, error) { return vault.File(path, true) }})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	v := open()
	var list []store.Response
	for i := range 300 {
		seal, id, key := old.Seal, fmt.Sprintf("resp_%03d", i), fmt.Sprintf("key_%d", i%3)
		if i%2 == 0 {
			seal = v.Seal
		}
		list = append(list, store.Response{KeyID: key, ID: id, At: now, Body: seal([]byte("said "+id), key+"/"+id)})
	}
	if err := db.InsertResponses(ctx, list); err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteResponse(ctx, "key_0", "resp_003"); err != nil { // leaves an empty body
		t.Fatal(err)
	}
	for account, sealed := range map[string]string{"good": v.Seal([]byte("login"), "logins:good"), "bad": "v1.0123456789abcdef.AAAA"} {
		if _, err := db.SwapLogin(ctx, store.Login{Account: account, Sealed: sealed}); err != nil {
			t.Fatal(err)
		}
	}
	before := v.Sealing()
	out, err := RotateVault(ctx, db, v, testColumns, now)
	if err != nil || out.Resealed != 300 || out.Unreadable != 1 || out.Rewrapped != 0 || out.DataKey == before || len(out.Forgotten) != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	fresh := open()
	for _, r := range list {
		kept, err := db.Response(ctx, r.KeyID, r.ID)
		if r.ID == "resp_003" {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("a deleted answer came back: %v", err)
			}
			continue
		}
		if err != nil || !fresh.Current(kept.Body) {
			t.Fatalf("%s: %.40s, %v", r.ID, kept.Body, err)
		}
		if plain, err := fresh.Unseal(kept.Body, r.KeyID+"/"+r.ID); err != nil || string(plain) != "said "+r.ID {
			t.Fatalf("%s: %q, %v", r.ID, plain, err)
		}
	}
	status, err := StatusOfVault(ctx, db, fresh, testColumns)
	if err != nil || status.ByMaster != 1 || len(status.Keys) != 2 || status.Keys[0].Values != 300 || !status.Keys[0].Seals || status.Keys[1].Values != 0 {
		t.Errorf("%+v, %v", status, err)
	}
	// A day later, with another master key: the first data key has nothing left and goes.
	now = now.Add(24 * time.Hour)
	if err := vault.Renew(path); err != nil {
		t.Fatal(err)
	}
	out, err = RotateVault(ctx, db, open(), testColumns, now)
	if err != nil || out.Rewrapped != 2 || out.Resealed != 300 || len(out.Forgotten) != 1 || out.Forgotten[0] != before {
		t.Errorf("%+v, %v", out, err)
	}
	if text := out.String(); !strings.Contains(text, before) || !strings.Contains(text, "300 values") {
		t.Error(text)
	}
}
