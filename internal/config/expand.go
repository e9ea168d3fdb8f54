package config

import (
	"errors"
	"fmt"
	"strings"
)

// lookup finds a variable of the environment.
type lookup func(name string) (value string, ok bool)

// environment turns KEY=value lines into a lookup.
func environment(environ []string) lookup {
	vars := make(map[string]string, len(environ))
	for _, line := range environ {
		if name, value, ok := strings.Cut(line, "="); ok {
			vars[name] = value
		}
	}
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

// get returns the trimmed value of a variable, empty when it is not set.
func (env lookup) get(name string) string {
	v, _ := env(name)
	return strings.TrimSpace(v)
}

// expand replaces ${VAR} and ${VAR:-default} in text; $$ is a literal dollar
// and any other dollar stands for itself. The default is used when VAR is not
// set or empty, as in the shell. It returns the first variable without a
// default that gave nothing.
func expand(text string, env lookup) (out, unset string, err error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i == len(text)-1 {
			b.WriteString(text)
			return b.String(), unset, nil
		}
		b.WriteString(text[:i])
		switch text[i+1] {
		case '$':
			b.WriteByte('$')
			text = text[i+2:]
		case '{':
			body, rest, ok := strings.Cut(text[i+2:], "}")
			if !ok {
				return "", "", errors.New(`has "${" without "}"; write $$ for a literal dollar`)
			}
			value, missing, err := variable(body, env)
			if err != nil {
				return "", "", err
			}
			if unset == "" {
				unset = missing
			}
			b.WriteString(value)
			text = rest
		default:
			b.WriteByte('$')
			text = text[i+1:]
		}
	}
}

// variable evaluates what stands between the braces.
func variable(body string, env lookup) (value, missing string, err error) {
	name, fallback, hasDefault := strings.Cut(body, ":-")
	if !isVariableName(name) {
		return "", "", fmt.Errorf(`has ${%s}, which is not a variable; write ${NAME} or ${NAME:-default}`, name)
	}
	if strings.Contains(fallback, "${") {
		return "", "", fmt.Errorf("has a variable inside the default of ${%s}; defaults are plain text", name)
	}
	if value, ok := env(name); ok && value != "" {
		return value, "", nil
	}
	if hasDefault {
		return fallback, "", nil
	}
	return "", name, nil
}

func isVariableName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
