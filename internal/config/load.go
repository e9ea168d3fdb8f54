package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"turnpike/internal/suggest"
)

// DefaultPath is the file read when no path is given; it may be absent.
const DefaultPath = "turnpike.yaml"

// maxFile bounds the size of the configuration file.
const maxFile = 1 << 20

// Options are what Load reads from.
type Options struct {
	// Path is the file named by the person; empty means DefaultPath, if there.
	Path string
	// Flags are values from the command line by dotted path (server.port).
	Flags map[string]string
	// Environ holds KEY=value lines, as os.Environ gives them.
	Environ []string
}

// Load reads the configuration: flags win over environment variables, those
// over the file, that over the defaults. An error of type Problems lists
// everything that is wrong.
func Load(o Options) (*Config, error) {
	name := o.Path
	if name == "" {
		name = DefaultPath
	}
	data, err := readFile(name)
	if o.Path == "" && errors.Is(err, fs.ErrNotExist) {
		return load("", nil, o)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	return load(name, data, o)
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // The path is the operator's own.
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %s", name, Size(maxFile))
	}
	return data, err
}

// load layers the sources and validates the outcome. name is empty when there
// is no file.
func load(name string, data []byte, o Options) (*Config, error) {
	env, r := environment(o.Environ), newReport(name)
	cfg := Default()
	cfg.File = name
	if name != "" {
		phrase, err := passphraseOf(env)
		if err != nil {
			r.problems = append(r.problems, Problem{Message: PassphraseFile + ": " + err.Error()})
		}
		decodeFile(data, cfg, env, phrase, r)
		cfg.variables = r.variables()
	}
	applyEnvironment(cfg, env, r)
	applyFlags(cfg, o.Flags, r)
	cfg.Warnings = strangers(o.Environ, data)

	if len(cfg.Providers) == 0 {
		cfg.Providers, cfg.Detected = Detect(o.Environ), true
	} else {
		resolveProviders(cfg, env, r)
	}
	appendSandbox(cfg)
	validate(cfg, r)
	if len(r.problems) > 0 {
		return nil, r.problems.sorted()
	}
	disableProviders(cfg)
	return cfg, nil
}

// passphraseOf is the passphrase of the environment, nil where it names none.
func passphraseOf(env lookup) (*Passphrase, error) {
	file := env.get(PassphraseFile)
	if file == "" {
		return nil, nil //nolint:nilnil // there is none, and none may be needed
	}
	return ReadPassphrase(file)
}

// applyEnvironment reads TURNPIKE_* variables. An empty one counts as not set,
// since container tools pass variables on even when they are empty.
func applyEnvironment(cfg *Config, env lookup, r *report) {
	eachScalar(reflect.ValueOf(cfg).Elem(), "", func(path string, v reflect.Value) {
		name := EnvName(path)
		if text, _ := env(name); text != "" {
			r.override(path, "environment variable "+name, text, v)
		}
	})
}

func applyFlags(cfg *Config, flags map[string]string, r *report) {
	var paths []string
	known := map[string]reflect.Value{}
	eachScalar(reflect.ValueOf(cfg).Elem(), "", func(path string, v reflect.Value) {
		known[path] = v
		paths = append(paths, path)
	})
	for _, path := range slices.Sorted(maps.Keys(flags)) {
		v, ok := known[path]
		if !ok {
			r.problems = append(r.problems, Problem{
				Message: fmt.Sprintf("flag: unknown setting %s%s", quote(path), didYouMean(path, paths)),
			})
			continue
		}
		r.override(path, "flag", flags[path], v)
	}
}

// override stores a value from outside the file. It takes the place of what
// the file says, so what was wrong there no longer matters for validation.
func (r *report) override(path, from, text string, v reflect.Value) {
	r.sources[path] = source{from: from, shown: text}
	delete(r.bad, path)
	err := setText(v, text)
	switch {
	case err == nil:
	case v.Type() == secretType:
		r.add(path, "%v", err)
	default:
		r.add(path, "%s %v", r.shown(path), err)
	}
}

// strangers warns of TURNPIKE_* variables that look like a misspelt setting or
// lack its section (TURNPIKE_ADMIN_KEY).
// Others are left alone: files and scripts use the prefix too.
func strangers(environ []string, file []byte) []string {
	var known, warnings []string
	for _, f := range Fields() {
		known = append(known, f.Env)
	}
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		rest, ours := strings.CutPrefix(name, "TURNPIKE_")
		// Kubernetes sets TURNPIKE_PORT=tcp://… for a service called turnpike.
		if !ours || name == PassphraseFile || strings.HasPrefix(value, "tcp://") || slices.Contains(known, name) || strings.Contains(string(file), name) {
			continue
		}
		for _, k := range known {
			if suggest.Distance(name, k) <= 2 || strings.HasSuffix(k, "_"+rest) {
				warnings = append(warnings, fmt.Sprintf("%s is not a setting; did you mean %s?", name, k))
			}
		}
	}
	return warnings
}
