package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"turnpike/internal/roster"
	"turnpike/internal/vault"
)

// movingFlags are those of import and export.
type movingFlags struct {
	secretFile, keyFile *string
	dry, secrets        *bool
}

func moveFlags(s *settings, what string) movingFlags {
	m := movingFlags{
		secretFile: s.flags.String("fernet-secret-file", "", "`file` with the JWT secret the Fernet key of encrypted_token is made of"),
		keyFile:    s.flags.String("fernet-key-file", "", "`file` with the Fernet key of encrypted_token"),
		dry:        new(bool), secrets: new(bool),
	}
	if what == "import" {
		m.dry = s.flags.Bool("dry-run", false, "say what would be made, and make nothing")
	} else {
		m.secrets = s.flags.Bool("secrets", false, "with the secrets of revealable keys, as encrypted_token")
	}
	return m
}

// fernet is what opens and writes encrypted_token; nil where no flag says.
func (m movingFlags) fernet() (*vault.Fernet, error) {
	read := func(name string) (string, error) {
		b, err := readInput(name)
		return strings.TrimSpace(string(b)), err
	}
	switch {
	case *m.secretFile != "" && *m.keyFile != "":
		return nil, errors.New("--fernet-secret-file and --fernet-key-file say the same: give one")
	case *m.secretFile != "":
		secret, err := read(*m.secretFile)
		if err != nil {
			return nil, err
		}
		return roster.FernetFromSecret(secret)
	case *m.keyFile != "":
		key, err := read(*m.keyFile)
		if err != nil {
			return nil, err
		}
		f, err := vault.NewFernet(key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", *m.keyFile, err)
		}
		return f, nil
	}
	return nil, nil //nolint:nilnil // none is wanted
}

func (c *keysCommand) importKeys() error {
	fernet, err := c.move.fernet()
	if err != nil {
		return err
	}
	data, err := readInput(c.word())
	if err != nil {
		return err
	}
	rows, err := roster.ReadRows(data)
	if err != nil {
		return fmt.Errorf("%s: %w", c.word(), err)
	}
	done, err := c.keys.Import(c.ctx, rows, fernet, *c.move.dry)
	if err != nil {
		return fmt.Errorf("%s: %w", c.word(), err)
	}
	if *c.json {
		ids := []map[string]string{}
		for _, k := range done.Keys {
			ids = append(ids, map[string]string{"id": k.ID, "name": k.Name})
		}
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"keys": ids, "known": done.Known, "ignored": done.Ignored})
	}
	did := "Imported"
	if *c.move.dry {
		did = "Would import"
	}
	fmt.Printf("%s %d keys.\n", did, len(done.Keys))
	if len(done.Known) > 0 {
		fmt.Printf("Left out, since their secrets are known already: %s.\n", strings.Join(done.Known, ", "))
	}
	if len(done.Ignored) > 0 {
		fmt.Printf("Not taken over: %s.\n", strings.Join(done.Ignored, ", "))
	}
	return nil
}

func (c *keysCommand) exportKeys() error {
	fernet, err := c.move.fernet()
	if err != nil {
		return err
	}
	if *c.move.secrets != (fernet != nil) {
		return errors.New("--secrets needs --fernet-key-file or --fernet-secret-file to encrypt them with, and these are for --secrets")
	}
	if *c.move.secrets && c.keys.Vault == nil {
		return roster.ErrNotRevealable
	}
	rows, hidden, err := c.keys.Export(c.ctx, fernet)
	if err != nil {
		return err
	}
	if hidden > 0 {
		fmt.Fprintf(os.Stderr, "%d keys have no secret here, since they were made while keys.revealable was off; their hashes are exported.\n", hidden)
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]any{"version": 1, "keys": rows})
}
