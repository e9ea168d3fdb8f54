package config

import (
	"reflect"
	"slices"
	"strings"
)

// reloaded are the settings that can be put in force while the gateway runs; all others hold
// from its start.
var reloaded = []string{"policy", "rules", "catalog", "model_rules", "live", "aliases", "defaults", "routing", "alerts", "unofficial", "providers", "server.log_level", "teams", "keys.list", "budgets.list", groupMappingsPath}

// started are those among them that hold from the start all the same: what they are about
// has a memory.
var started = []string{"routing.affinity", "routing.retry_budget", "alerts.zone", "live.watch"}

// Reload is what is in force after the configuration was read again: what may change while
// the gateway runs is next's, all else now's. changed are the settings that differ, restart
// those of them that hold from the next start on.
func Reload(now, next *Config) (merged *Config, changed, restart []string) {
	out := *now
	for _, path := range Differences(now, next) {
		top, _, _ := strings.Cut(path, ".")
		if !slices.Contains(reloaded, top) && !slices.Contains(reloaded, path) || slices.Contains(started, path) {
			restart = append(restart, path)
			continue
		}
		changed = append(changed, path)
		copyField(reflect.ValueOf(&out).Elem(), reflect.ValueOf(next).Elem(), path)
	}
	out.File, out.Detected, out.Warnings = next.File, next.Detected, next.Warnings
	return &out, changed, restart
}

// copyField copies the setting at a path.
func copyField(to, from reflect.Value, path string) {
	name, rest, _ := strings.Cut(path, ".")
	for i := range to.NumField() {
		switch {
		case yamlName(to.Type().Field(i)) != name:
		case rest == "":
			to.Field(i).Set(from.Field(i))
		default:
			copyField(to.Field(i), from.Field(i), rest)
		}
	}
}

// Differences are the paths of the settings that are not the same; a list is one setting.
func Differences(a, b *Config) []string {
	return differences(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem(), "")
}

func differences(a, b reflect.Value, prefix string) (paths []string) {
	for i := range a.NumField() {
		name := yamlName(a.Type().Field(i))
		switch {
		case name == "":
		case a.Field(i).Kind() == reflect.Struct:
			paths = append(paths, differences(a.Field(i), b.Field(i), prefix+name+".")...)
		case !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()):
			paths = append(paths, prefix+name)
		}
	}
	return paths
}
