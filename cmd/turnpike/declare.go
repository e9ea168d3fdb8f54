package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/declare"
	"turnpike/internal/keyring"
	"turnpike/internal/roster"
)

// declareFor is how long the database may take to become what the file declares.
const declareFor = 10 * time.Second

// declarePeople puts the teams, keys and budgets of a configuration in force. Where they are
// those of the last one, the database is not asked.
func (a *app) declarePeople(ctx context.Context, cfg *config.Config) error {
	people := cfg.People()
	if a.declared != nil && reflect.DeepEqual(*a.declared, people) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, declareFor)
	defer cancel()
	if err := declare.Apply(ctx, a.store, cfg, time.Now()); err != nil {
		return err
	}
	a.declared = &people
	if a.ring == nil { // it is read later in the start
		return nil
	}
	if entries, err := (keySource{a.store, a.fixedKeys()}).Load(ctx); err == nil { // else the ring's own watch reads them
		a.ring.Set(entries)
	}
	return nil
}

// hashKey prints what stands for a key in the configuration. It asks no gateway and keeps nothing.
func hashKey(args []string) error {
	s := newSettings("keys hash")
	fresh := s.flags.Bool("new", false, "make a new key and print it before its hash")
	if _, err := s.load(args, 1); err != nil {
		return err
	}
	secret := roster.NewSecret(roster.SecretPrefix)
	if *fresh {
		fmt.Println(secret)
	} else {
		file := s.word()
		if file == "" {
			file = "-"
		}
		text, err := readInput(file)
		if err != nil {
			return err
		}
		if secret = strings.TrimSpace(string(text)); !roster.Usable(secret) {
			return roster.ErrSecretLength
		}
	}
	_, err := fmt.Fprintln(os.Stdout, config.NewKeyHash(keyring.Hash(secret)))
	return err
}
