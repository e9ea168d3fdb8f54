package config

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Export writes settings as a file that says all that differs from what holds when nothing is
// said. A secret that the configuration takes from a variable stays one; others are encrypted
// to the passphrase or, without one, become variables, whose names are returned.
func Export(cfg *Config, to *Passphrase) (text []byte, variables []string, err error) {
	e := &exporter{cfg: cfg, to: to, names: map[string]bool{}}
	var root, usual yaml.Node
	whole := *cfg
	whole.Providers = slices.Clone(cfg.Providers)
	e.mark(&whole)
	if err := root.Encode(&whole); err != nil {
		return nil, nil, fmt.Errorf("export the configuration: %w", err)
	}
	if err := usual.Encode(Default()); err != nil {
		return nil, nil, fmt.Errorf("export the configuration: %w", err)
	}
	literal(&root)
	if err := e.fill(reflect.ValueOf(&whole).Elem(), &root, ""); err != nil {
		return nil, nil, err
	}
	without(&root, &usual)
	if err := e.briefly(&root); err != nil {
		return nil, nil, err
	}
	var out bytes.Buffer
	variables = slices.Sorted(maps.Keys(e.names))
	if len(variables) > 0 {
		fmt.Fprintf(&out, "# Secrets are left out: set %s.\n", strings.Join(variables, ", "))
	}
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&root); err != nil {
		return nil, nil, fmt.Errorf("export the configuration: %w", err)
	}
	return out.Bytes(), variables, enc.Close()
}

type exporter struct {
	cfg   *Config
	to    *Passphrase
	names map[string]bool
}

var hashType = reflect.TypeFor[KeyHash]()

// marked stands in a setting whose variable is not set, so that it is written.
const marked = "variable that is not set"

// mark keeps providers' settings that variables should give and do not.
func (e *exporter) mark(cfg *Config) {
	for i := range cfg.Providers {
		p := reflect.ValueOf(&cfg.Providers[i]).Elem()
		for f, v := range p.Fields() {
			if _, ok := e.cfg.variables[fmt.Sprintf("providers[%d].%s", i, yamlName(f))]; ok && v.Kind() == reflect.String && v.IsZero() {
				v.SetString(marked)
			}
		}
	}
}

// literal keeps what is written from being read as variables.
func literal(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && (strings.Contains(n.Value, "${") || strings.Contains(n.Value, "$$")) {
		n.Value = strings.ReplaceAll(n.Value, "$", "$$")
	}
	for _, child := range n.Content {
		literal(child)
	}
}

// fill writes the secrets and the variables of a value into its node.
func (e *exporter) fill(v reflect.Value, n *yaml.Node, path string) error {
	switch {
	case v.Type() == headersType:
		return e.headers(v, n, path)
	case v.Type() == hashType:
		n.Value = v.String()
	case v.Kind() == reflect.Struct && n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			for j := range v.NumField() {
				if yamlName(v.Type().Field(j)) == n.Content[i].Value {
					if err := e.fill(v.Field(j), n.Content[i+1], join(path, n.Content[i].Value)); err != nil {
						return err
					}
				}
			}
		}
	case v.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode:
		for i := range n.Content {
			if err := e.fill(v.Index(i), n.Content[i], fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case v.Type() == secretType && v.String() != "", v.Kind() == reflect.String && v.String() == marked:
		return e.secret(n, path, v.String())
	}
	return nil
}

func (e *exporter) headers(v reflect.Value, n *yaml.Node, path string) error {
	h, _ := reflect.TypeAssert[Headers](v)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if err := e.secret(n.Content[i+1], join(path, n.Content[i].Value), h[n.Content[i].Value]); err != nil {
			return err
		}
	}
	return nil
}

func (e *exporter) secret(n *yaml.Node, path, value string) (err error) {
	n.Tag, n.Style = "!!str", yaml.DoubleQuotedStyle
	switch written, ok := e.cfg.variables[path]; {
	case ok:
		n.Value = written
	case e.to != nil:
		n.Value, err = e.to.Seal(value)
	default:
		name := e.variable(path)
		e.names[name] = true
		n.Value = "${" + name + "}"
	}
	return err
}

// inPath are the places of list entries, and what no name of a variable has.
var (
	inPath  = regexp.MustCompile(`^(providers|alerts\.channels)\[(\d+)\]\.`)
	noNames = regexp.MustCompile(`[^A-Z0-9]+`)
)

// variable names the variable of a secret: by its provider or channel, where it has one.
func (e *exporter) variable(path string) string {
	if m := inPath.FindStringSubmatch(path); m != nil {
		var at int
		_, _ = fmt.Sscan(m[2], &at)
		rest := " " + path[len(m[0]):]
		if m[1] == "providers" {
			path = e.cfg.Providers[at].Name + rest
		} else {
			path = "alerts " + e.cfg.Alerts.Channels[at].Name + rest
		}
	}
	name := strings.Trim(noNames.ReplaceAllString(strings.ToUpper(path), "_"), "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "SECRET_" + name
	}
	return name
}

// without takes out of a mapping what another has as well; it tells whether nothing is left.
func without(n, usual *yaml.Node) bool {
	if n.Kind != yaml.MappingNode || usual.Kind != yaml.MappingNode {
		return same(n, usual)
	}
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if u := memberOf(usual, n.Content[i].Value); u != nil && without(n.Content[i+1], u) {
			continue
		}
		kept = append(kept, n.Content[i], n.Content[i+1])
	}
	n.Content = kept
	return len(kept) == 0
}

func memberOf(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

func same(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.Tag == b.Tag && a.Value == b.Value && slices.EqualFunc(a.Content, b.Content, same)
}

// briefly takes out of each provider what new ones have anyway.
func (e *exporter) briefly(root *yaml.Node) error {
	list := memberOf(root, "providers")
	if list == nil {
		return nil
	}
	var usual yaml.Node
	if err := usual.Encode(NewProvider("", "")); err != nil {
		return fmt.Errorf("export the configuration: %w", err)
	}
	for _, n := range list.Content {
		without(n, &usual)
	}
	return nil
}
