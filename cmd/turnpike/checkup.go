package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"turnpike/internal/checkup"
	"turnpike/internal/config"
)

// lookTime bounds each thing a checkup looks at.
const lookTime = 10 * time.Second

// examined is an installation that is looked over.
type examined struct {
	cfg       *config.Config
	providers bool   // ask them, too
	key       string // to ask the running gateway with
	model     string // to ask it for, where it is named
	now       func() time.Time
}

// checkUp looks over the whole installation and fails where something has to be mended.
func checkUp(ctx context.Context, x *examined, asJSON bool) error {
	r := checkup.Run(ctx, lookTime, x.checks())
	var err error
	if asJSON {
		err = json.NewEncoder(os.Stdout).Encode(r)
	} else {
		err = r.Print(os.Stdout)
	}
	if err == nil && r.Bad > 0 {
		err = fmt.Errorf("%d of %d things have to be mended", r.Bad, len(r.Findings))
	}
	return err
}

func (x *examined) checks() []checkup.Check {
	one := func(look func(context.Context) checkup.Finding) func(context.Context) []checkup.Finding {
		return func(ctx context.Context) []checkup.Finding { return []checkup.Finding{look(ctx)} }
	}
	return []checkup.Check{
		{Name: "configuration", Look: x.configuration},
		{Name: "data folder", Look: one(x.folder)},
		{Name: "disk", Look: one(x.disk)},
		{Name: "database", Look: x.database},
		{Name: "redis", Look: one(x.redis)},
		{Name: "master key", Look: one(x.masterKey)},
		{Name: "certificate", Look: one(x.certificate)},
		{Name: "port", Look: one(x.port)},
		{Name: "gateway", Look: one(x.gateway)},
		{Name: "request", Look: one(x.request)},
		{Name: "public address", Look: one(x.public)},
		{Name: "sign-in", Look: x.signIn},
		{Name: "provider", Look: x.upstreams},
	}
}

func (x *examined) configuration(context.Context) (list []checkup.Finding) {
	source := x.cfg.File
	if source == "" {
		source = "defaults and environment"
	}
	if _, err := loadCatalog(x.cfg); err != nil {
		return []checkup.Finding{checkup.Wrong("mend the file that catalog names", "%v", err)}
	}
	list = append(list, checkup.Fine("%s, providers in use: %d", source, len(x.cfg.Active())))
	for _, w := range x.cfg.Warnings {
		list = append(list, checkup.Warn("see docs/configuration.md", "%s", w))
	}
	for _, p := range x.cfg.Providers {
		if p.Disabled && !p.Live {
			list = append(list, checkup.Warn("mend or remove the entry", "provider %s is not in use: %s", p.Name, p.Reason))
		}
	}
	return list
}

// unreadable is the report on a configuration that cannot be read: nothing else can be looked at.
func unreadable(err error, asJSON bool) error {
	r := checkup.Run(context.Background(), lookTime, []checkup.Check{{Name: "configuration", Look: func(context.Context) []checkup.Finding {
		return []checkup.Finding{checkup.Wrong("mend it; turnpike config check says whether it is good", "%v", err)}
	}}})
	if asJSON {
		_ = json.NewEncoder(os.Stdout).Encode(r)
	} else {
		_ = r.Print(os.Stdout)
	}
	return fmt.Errorf("the configuration has to be mended")
}
