package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Documented is what a file has that can be set while gateways run, in the order in which
// others name it, and Skipped the settings that cannot.
type Documented struct {
	Entries []Live
	Skipped []string
	// Unset are secrets that the file leaves to variables: they are not in the entries.
	Unset []string
	// People are its teams, keys and budgets, and what groups give.
	People People
}

// ReadDocument reads a file of settings to be set while gateways run. Variables are not
// expanded: it comes from elsewhere.
func ReadDocument(text []byte, phrase *Passphrase) (*Documented, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("it is larger than %s", Size(maxFile))
	}
	root, err := parse(text)
	if err != nil {
		line, message := syntaxError(err)
		return nil, fmt.Errorf("line %d: %s", line, message)
	}
	if root == nil || root.Kind != yaml.MappingNode {
		return nil, errors.New("it has no settings")
	}
	d := &document{phrase: phrase}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if err := d.section(root.Content[i].Value, root.Content[i+1]); err != nil {
			return nil, err
		}
	}
	if err := d.people(root); err != nil {
		return nil, err
	}
	return &d.Documented, nil
}

// people reads teams, keys, budgets and group mappings, by the decoder and the checks of the gateway's own file.
func (d *document) people(root *yaml.Node) error {
	r := newReport("")
	cfg := Default()
	own := &decoder{report: r, env: func(string) (string, bool) { return "", false }}
	for name, to := range map[string]any{"teams": &cfg.Teams, "keys": &cfg.Keys, "budgets": &cfg.Budgets} {
		n := memberOf(root, name)
		if n == nil {
			continue
		}
		own.value(n, name, reflect.ValueOf(to).Elem())
	}
	if auth := memberOf(root, "auth"); auth != nil {
		if n := memberOf(auth, "group_mappings"); n != nil {
			own.value(n, groupMappingsPath, reflect.ValueOf(&cfg.Auth.GroupMappings).Elem())
		}
	}
	validateGroupMappings(&cfg.Auth, true, r)
	d.People = cfg.People()
	validatePeople(&d.People, nil, true, r)
	for _, path := range Differences(Default(), cfg) {
		if path != "teams" && path != "keys.list" && path != "budgets.list" && path != groupMappingsPath {
			d.Skipped = append(d.Skipped, path)
		}
	}
	if len(r.problems) > 0 {
		return r.problems.sorted()
	}
	return nil
}

type document struct {
	Documented
	phrase *Passphrase
	nodes  int
}

// sections are the parts of a file that can be set while gateways run: lists of entries, by
// the member that names each.
var sections = []struct{ path, kind, name string }{
	{"providers", LiveProvider, "name"},
	{"model_rules", LiveModel, "name"},
	{"aliases", LiveAlias, "match"},
	{"defaults", LiveDefaults, ""},
	{"alerts.channels", LiveChannel, "name"},
	{"alerts.rules", LiveRule, "name"},
}

func (d *document) section(path string, n *yaml.Node) error {
	for _, s := range sections {
		if s.path == path {
			return d.take(path, s.kind, s.name, n)
		}
	}
	if path == "teams" || path == "keys" || path == "budgets" {
		return nil // people reads them
	}
	if path == "auth" && len(n.Content) == 2 && n.Content[0].Value == "group_mappings" {
		return nil // and this, where there is more of it the rest is skipped
	}
	if path != "alerts" || n.Kind != yaml.MappingNode {
		d.Skipped = append(d.Skipped, path)
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if err := d.section(path+"."+n.Content[i].Value, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) take(path, kind, name string, n *yaml.Node) error {
	value, err := d.plain(n, path)
	if err != nil || value == nil {
		return err
	}
	if name == "" {
		members, ok := value.(map[string]any)
		if !ok {
			return fmt.Errorf("%s needs keys and values", path)
		}
		d.Entries = append(d.Entries, Live{kind, kind, members})
		return nil
	}
	list, ok := value.([]any)
	if !ok {
		return fmt.Errorf("%s needs a list", path)
	}
	for i, item := range list {
		members, _ := item.(map[string]any)
		called, _ := members[name].(string)
		if called == "" {
			return fmt.Errorf("%s[%d] has no %s", path, i, name)
		}
		d.Entries = append(d.Entries, Live{kind, called, members})
	}
	return nil
}

// plain is a node as JSON would have it. A text that names a variable is nothing; one that is
// encrypted is opened.
func (d *document) plain(n *yaml.Node, path string) (any, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.nodes++; d.nodes > maxNodes {
		return nil, fmt.Errorf("it has too many values (limit %d)", maxNodes)
	}
	switch n.Kind {
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for i, item := range n.Content {
			v, err := d.plain(item, fmt.Sprintf("%s[%d]", path, i))
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case yaml.MappingNode:
		return d.mapping(n, path)
	}
	return d.scalar(n, path)
}

func (d *document) mapping(n *yaml.Node, path string) (any, error) {
	out := map[string]any{}
	var rules []any
	ordered := strings.HasSuffix(path, "].apis")
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		v, err := d.plain(n.Content[i+1], join(path, name))
		if err != nil {
			return nil, err
		}
		if ordered {
			rules = append(rules, map[string]any{"match": name, "api": v})
		} else if v != nil {
			out[name] = v
		}
	}
	if ordered {
		return rules, nil
	}
	return out, nil
}

func (d *document) scalar(n *yaml.Node, path string) (any, error) {
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, fmt.Errorf("line %d: %w", n.Line, err)
	}
	text, ok := v.(string)
	switch {
	case !ok:
		if _, isTime := v.(interface{ Unix() int64 }); isTime {
			return n.Value, nil
		}
		return v, nil
	case IsSealed(text):
		opened, err := d.phrase.Open(text)
		if err != nil {
			return nil, fmt.Errorf("%s %w", path, err)
		}
		return opened, nil
	}
	out, unset, err := expand(text, func(string) (string, bool) { return "", false })
	if err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	if unset != "" {
		d.Unset = append(d.Unset, path)
		return nil, nil //nolint:nilnil // the variable is not ours to read
	}
	return out, nil
}
