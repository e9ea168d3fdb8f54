package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/store"
)

// switchProvider switches a provider, or a model of it, off or on; gateways that run follow
// within a second.
func switchProvider(what string, args []string) error {
	s := newSettings("providers " + what)
	reason := s.flags.String("reason", "", "`why`, for those who look later")
	cfg, err := s.load(args, 1)
	if err != nil {
		return err
	}
	name, model, one := strings.Cut(s.word(), "/")
	if name == "" || one && model == "" {
		return fmt.Errorf("usage: turnpike providers %s NAME[/MODEL] [--reason WHY]", what)
	}
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	if cfg, err = withLive(ctx, cfg); err != nil {
		return err
	}
	if !slices.ContainsFunc(cfg.Providers, func(p config.Provider) bool { return p.Name == name }) {
		return fmt.Errorf("there is no provider %q", name)
	}
	switch {
	case what == "on" && *reason != "":
		return errors.New("--reason is for off")
	case what == "off" && *reason == "":
		*reason = "switched off by an operator"
	}
	at := name
	if one {
		at = store.ModelSwitch(name, model)
	}
	db, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	if err := errors.Join(db.SwitchProvider(ctx, at, *reason, time.Now()), db.Close()); err != nil {
		return err
	}
	fmt.Printf("%s is %s; gateways that run follow within a second.\n", at, what)
	return nil
}
