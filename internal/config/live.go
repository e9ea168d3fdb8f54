package config

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
)

// LiveRules is what may be set while gateways run.
type LiveRules struct {
	// AllowPrivate lets providers and mail servers that are set while gateways run, and
	// issuers of services' tokens, be at private addresses and on the gateway's own
	// machine; at those where clouds keep credentials they never are. Without it they are
	// called without a proxy.
	AllowPrivate bool `yaml:"allow_private"`
	// Watch looks for changes of the configuration file and takes them over; SIGHUP
	// does so in any case.
	Watch bool `yaml:"watch"`
}

// ModelRule says what is known of some models, over what the catalogue says.
type ModelRule struct {
	// Name is the rule's, unique.
	Name string `yaml:"name"`
	// Match are names of models, or patterns with *.
	Match []string `yaml:"match"`
	// Caps are what is known, in the words of the catalogue (turnpike catalog list):
	// max_output: 64000, no_images: true, efforts: '["low", "high"]'.
	Caps Names `yaml:"caps"`
}

// Text is the rule as the catalogue reads it. What is no JSON is a word.
func (m *ModelRule) Text() (json.RawMessage, error) {
	caps := make(map[string]json.RawMessage, len(m.Caps))
	for name, value := range m.Caps {
		text := json.RawMessage(value)
		if !json.Valid(text) {
			var err error
			if text, err = json.Marshal(value); err != nil {
				return nil, err
			}
		}
		caps[name] = text
	}
	return json.Marshal(map[string]any{"match": m.Match, "source": "the operator's rule " + m.Name, "caps": caps})
}

// maxModelRules bounds what is looked through for a model that is new.
const maxModelRules = 1000

func validateModelRules(list []ModelRule, r *report) {
	if len(list) > maxModelRules {
		r.add("model_rules", "has more than %d rules", maxModelRules)
	}
	var names []string
	for i := range list {
		at := fmt.Sprintf("model_rules[%d]", i)
		m := &list[i]
		if m.Name == "" || slices.Contains(names, m.Name) {
			r.add(at+".name", "must be a name that no other rule has")
		}
		names = append(names, m.Name)
		if len(m.Match) == 0 {
			r.add(at+".match", "must name at least one model")
		}
		for j, pattern := range m.Match {
			if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
				r.add(fmt.Sprintf("%s.match[%d]", at, j), "must be a model's name or a pattern such as gpt-*")
			}
		}
		if len(m.Caps) == 0 {
			r.add(at+".caps", "must say something")
		}
	}
}
