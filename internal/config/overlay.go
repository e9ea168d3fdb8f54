package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"turnpike/internal/policy"
)

// The kinds of Live entries.
const (
	// LiveProvider is an entry of providers.
	LiveProvider = "provider"
	// LiveOverride is what is said otherwise of a provider that the file declares.
	LiveOverride = "override"
	// LiveModel is an entry of model_rules.
	LiveModel = "model"
	// LiveAlias is an entry of aliases.
	LiveAlias = "alias"
	// LiveDefaults are members of defaults.
	LiveDefaults = "defaults"
	// LiveChannel and LiveRule are entries of alerts.channels and alerts.rules.
	LiveChannel = "channel"
	LiveRule    = "rule"
)

// Live is one thing that operators have set while gateways run, beside what the file
// declares: in the words of the file, but that no variable is expanded in it.
type Live struct {
	Kind, Name string
	Members    map[string]any
}

// Misfit is what is wrong with a live entry, which is left out.
type Misfit struct {
	Kind, Name string
	// Member is where in the entry, such as timeouts.idle; empty is all of it.
	Member string
	Detail string
}

func (m Misfit) String() string {
	return strings.Join(strings.Fields(m.Kind+" "+m.Name+": "+m.Member+" "+m.Detail), " ")
}

// liveKinds are the kinds in the order in which they are laid over the file: what others
// name comes first. list is where an entry is the last one while it is laid.
var liveKinds = []struct {
	kind, list string
	lay        func(*overlay, *Live, *yaml.Node)
}{
	{LiveProvider, "providers", (*overlay).provider},
	{LiveOverride, "providers", (*overlay).override},
	{LiveModel, "model_rules", (*overlay).model},
	{LiveAlias, "aliases", (*overlay).alias},
	{LiveDefaults, "defaults", (*overlay).defaults},
	{LiveChannel, "alerts.channels", (*overlay).channel},
	{LiveRule, "alerts.rules", (*overlay).rule},
}

// overridden are the members of a declared provider that a live entry may set.
var overridden = []string{"weight", "models"}

// Overlay is a configuration with live entries laid over it. What does not fit, because the
// file has it by now or the entry is wrong, is left out and told.
func Overlay(base *Config, entries []Live) (*Config, []Misfit) {
	cfg := *base
	cfg.Warnings = slices.Clone(base.Warnings)
	o := &overlay{cfg: &cfg, declared: len(base.Providers)}
	for _, k := range liveKinds {
		for i := range entries {
			if e := &entries[i]; e.Kind == k.kind {
				o.lay(e, k.list, k.lay)
			}
		}
	}
	return &cfg, o.misfits
}

type overlay struct {
	cfg      *Config
	declared int // providers of the file
	misfits  []Misfit
	*report
}

// lay lays one entry over, or notes why not.
func (o *overlay) lay(e *Live, list string, how func(*overlay, *Live, *yaml.Node)) {
	before := *o.cfg
	// Lists are not shared with what is put back, nor with the file's configuration.
	o.cfg.Providers, o.cfg.Aliases, o.cfg.ModelRules = slices.Clone(before.Providers), slices.Clone(before.Aliases), slices.Clone(before.ModelRules)
	o.cfg.Alerts.Channels, o.cfg.Alerts.Rules = slices.Clone(before.Alerts.Channels), slices.Clone(before.Alerts.Rules)
	o.report = newReport("")
	if node, err := nodeOf(e.Members); err != nil {
		o.add(list, "%v", err)
	} else {
		how(o, e, node)
	}
	if len(o.problems) == 0 {
		return
	}
	*o.cfg = before
	for _, p := range o.problems {
		member := strings.TrimPrefix(p.path, list)
		if strings.HasPrefix(member, "[") {
			_, member, _ = strings.Cut(member, "]")
		}
		o.misfits = append(o.misfits, Misfit{e.Kind, e.Name, strings.TrimPrefix(member, "."), p.detail})
	}
}

// into reads an entry into what stands at a path. Nothing is expanded: who may set an
// entry may not read the gateway's environment by it.
func (o *overlay) into(node *yaml.Node, at string, to any) {
	d := &decoder{report: o.report, literal: true}
	d.mapping(node, at, reflect.ValueOf(to).Elem())
}

// local are the settings that name something of the gateway's machine: an entry has no
// say over those.
var local = []setting{
	{"credentials_file", "", func(p *Provider) string { return p.CredentialsFile }},
	{"settings_file", "", func(p *Provider) string { return p.SettingsFile }},
	{"profile", "", func(p *Provider) string { return p.Profile }},
}

func (o *overlay) provider(e *Live, node *yaml.Node) {
	p := NewProvider(e.Name, "")
	at := fmt.Sprintf("providers[%d]", len(o.cfg.Providers))
	o.into(node, at, &p)
	p.Live, p.Guarded = true, !o.cfg.Live.AllowPrivate
	if p.Name != e.Name {
		o.add(at+".name", "cannot be changed")
	}
	for _, s := range local {
		if s.value(&p) != "" {
			o.add(at+"."+s.key, "names something of the gateway's machine, which the configuration file alone may do")
		}
	}
	if slices.ContainsFunc(o.cfg.Providers, func(other Provider) bool { return other.Name == p.Name }) {
		o.add(at+".name", "%s is the name of another provider", quote(p.Name))
	}
	o.cfg.Providers = append(o.cfg.Providers, p)
	i := len(o.cfg.Providers) - 1
	validateProvider(o.cfg, i, map[string]int{}, o.report)
	checkPolicy(o.report, at+".policy", p.Policy, o.ruleNames())
	settle(o.cfg, &o.cfg.Providers[i])
}

func (o *overlay) ruleNames() (names []string) {
	for i := range o.cfg.Rules {
		names = append(names, o.cfg.Rules[i].Name)
	}
	return names
}

func (o *overlay) override(e *Live, node *yaml.Node) {
	i := slices.IndexFunc(o.cfg.Providers[:o.declared], func(p Provider) bool { return p.Name == e.Name })
	if i < 0 {
		o.add("providers", "is about a provider that the configuration does not declare any more")
		return
	}
	at := fmt.Sprintf("providers[%d]", i)
	for name := range e.Members {
		if !slices.Contains(overridden, name) {
			o.add(at+"."+name, "is declared in the configuration, which is read-only here")
		}
	}
	p := &o.cfg.Providers[i]
	if _, given := e.Members["models"]; given {
		p.Models = nil
	}
	o.into(node, at, p)
	validateProvider(o.cfg, i, map[string]int{}, o.report)
}

func (o *overlay) model(e *Live, node *yaml.Node) {
	m := ModelRule{Name: e.Name}
	at := fmt.Sprintf("model_rules[%d]", len(o.cfg.ModelRules))
	o.into(node, at, &m)
	if m.Name != e.Name {
		o.add(at+".name", "cannot be changed")
	}
	o.cfg.ModelRules = append(o.cfg.ModelRules, m)
	validateModelRules(o.cfg.ModelRules, o.report)
}

func (o *overlay) alias(e *Live, node *yaml.Node) {
	a := policy.Alias{Match: e.Name}
	at := fmt.Sprintf("aliases[%d]", len(o.cfg.Aliases))
	o.into(node, at, &a)
	if a.Match != e.Name {
		o.add(at+".match", "cannot be changed")
	}
	if slices.ContainsFunc(o.cfg.Aliases, func(other policy.Alias) bool { return other.Match == a.Match }) {
		o.add(at+".match", "%s is another alias's", quote(a.Match))
	}
	if err := a.Check(); err != nil {
		o.add(at, "%v", err)
	}
	o.cfg.Aliases = append(o.cfg.Aliases, a)
}

func (o *overlay) defaults(_ *Live, node *yaml.Node) {
	d := &o.cfg.Defaults
	o.into(node, "defaults", d)
	oneOf(o.report, "defaults.lb_strategy", d.LBStrategy, strategies)
	if d.Provider != "" {
		validateDefaultProvider(d.Provider, o.cfg.Providers, o.report)
	}
}

func (o *overlay) channel(e *Live, node *yaml.Node) {
	c := AlertChannel{Name: e.Name}
	at := fmt.Sprintf("alerts.channels[%d]", len(o.cfg.Alerts.Channels))
	o.into(node, at, &c)
	if c.Name != e.Name {
		o.add(at+".name", "cannot be changed")
	}
	c.Guarded = !o.cfg.Live.AllowPrivate
	if c.AllowPrivate && c.Guarded {
		o.add(at+".allow_private", "is for the configuration file alone, unless live.allow_private is set there")
	}
	o.cfg.Alerts.Channels = append(o.cfg.Alerts.Channels, c)
	validateAlerts(&o.cfg.Alerts, o.report)
}

func (o *overlay) rule(e *Live, node *yaml.Node) {
	r := AlertRule{Name: e.Name}
	at := fmt.Sprintf("alerts.rules[%d]", len(o.cfg.Alerts.Rules))
	o.into(node, at, &r)
	if r.Name != e.Name {
		o.add(at+".name", "cannot be changed")
	}
	o.cfg.Alerts.Rules = append(o.cfg.Alerts.Rules, r)
	validateAlerts(&o.cfg.Alerts, o.report)
}
