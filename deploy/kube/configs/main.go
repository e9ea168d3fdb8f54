// Command configs lets the gateway check the configuration of every deployment that is
// rendered here: turnpike config check, with the file of the ConfigMap and the variables
// of the container. Secrets that the chart does not make have stand-ins.
//
//	configs -binary bin/turnpike [-compose compose.yaml] RENDERED.yaml...
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// object is what is read of the objects of Kubernetes.
type object struct {
	Kind string
	Data map[string]string
	Spec struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Args []string
					Env  []struct{ Name, Value string }
				}
			}
		}
	}
}

func main() {
	binary := flag.String("binary", "bin/turnpike", "the gateway")
	compose := flag.String("compose", "", "a compose `file`, whose service turnpike is checked too")
	flag.Parse()
	n, err := run(*binary, *compose, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "configs:", err)
		os.Exit(1)
	}
	fmt.Println(n, "configurations")
}

func run(binary, compose string, files []string) (n int, err error) {
	for _, file := range files {
		config, env, found, err := rendered(file)
		if err != nil {
			return n, fmt.Errorf("%s: %w", file, err)
		}
		if !found {
			continue
		}
		if err := check(binary, config, env); err != nil {
			return n, fmt.Errorf("%s: %w", file, err)
		}
		n++
	}
	if compose == "" {
		return n, nil
	}
	env, err := composed(compose)
	if err == nil {
		err = check(binary, "", env)
	}
	if err != nil {
		return n, fmt.Errorf("%s: %w", compose, err)
	}
	return n + 1, nil
}

// rendered finds the file and the variables of the gateway among rendered objects.
func rendered(file string) (config string, env map[string]string, found bool, err error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator's own
	if err != nil {
		return "", nil, false, err
	}
	env = map[string]string{}
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var o object
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			return config, env, found, nil
		} else if err != nil {
			return "", nil, false, err
		}
		if o.Kind == "ConfigMap" && o.Data["turnpike.yaml"] != "" {
			config, found = o.Data["turnpike.yaml"], true
		}
		for _, c := range o.Spec.Template.Spec.Containers {
			if o.Kind != "Deployment" || !slices.Contains(c.Args, "serve") {
				continue
			}
			for _, v := range c.Env {
				env[v.Name] = v.Value
			}
		}
	}
}

// composed are the variables of a compose file's gateway, where .env says the least.
func composed(file string) (map[string]string, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator's own
	if err != nil {
		return nil, err
	}
	var doc struct {
		Services map[string]struct{ Environment map[string]string }
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	env := doc.Services["turnpike"].Environment
	for name, value := range env {
		env[name] = interpolated.ReplaceAllStringFunc(value, func(v string) string {
			m := interpolated.FindStringSubmatch(v)
			if m[2] == ":-" {
				return m[3]
			}
			return "stand-in"
		})
	}
	return env, nil
}

var (
	interpolated = regexp.MustCompile(`\$\{([A-Z0-9_]+)(:[-?])?([^}]*)\}`)
	variable     = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)`)
)

// check lets the gateway judge. What the file takes from a secret stands there.
func check(binary, config string, env map[string]string) error {
	dir, err := os.MkdirTemp("", "configs-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "turnpike.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	for _, m := range variable.FindAllStringSubmatch(config, -1) {
		env[m[1]] = "stand-in"
	}
	env["TURNPIKE_DATA_DIR"] = dir
	cmd := exec.Command(binary, "config", "check", "--config", file) //nolint:gosec,noctx // ours; it ends by itself
	for _, name := range slices.Sorted(maps.Keys(env)) {
		cmd.Env = append(cmd.Env, name+"="+env[name])
	}
	said, err := cmd.CombinedOutput()
	// In compose the database is spoken to in plain text, within the host, and the gateway says so.
	if err == nil && config != "" && bytes.Contains(said, []byte("warning:")) {
		err = errors.New("with a warning")
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(said)))
	}
	return nil
}
