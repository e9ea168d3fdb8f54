package config

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Print writes the settings in force as YAML. Secrets are masked; comments say
// which providers are out of service, and why.
func Print(cfg *Config) ([]byte, error) {
	var root yaml.Node
	if err := root.Encode(cfg); err != nil {
		return nil, fmt.Errorf("print the configuration: %w", err)
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "providers" {
			continue
		}
		if cfg.Detected {
			root.Content[i].HeadComment = "found in the environment, since the configuration lists none"
		}
		for j, entry := range root.Content[i+1].Content {
			if p := cfg.Providers[j]; p.Disabled {
				entry.HeadComment = "disabled: " + p.Reason
			}
		}
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&root); err != nil {
		return nil, fmt.Errorf("print the configuration: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("print the configuration: %w", err)
	}
	return out.Bytes(), nil
}

// Plain is the settings in force as plain values under the names of the file, with secrets
// masked.
func Plain(cfg *Config) (map[string]any, error) {
	text, err := Print(cfg)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	if err := yaml.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("print the configuration: %w", err)
	}
	return out, nil
}
