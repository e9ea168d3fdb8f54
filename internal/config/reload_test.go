package config

import (
	"slices"
	"testing"
)

func TestReload(t *testing.T) {
	now, next := Default(), Default()
	now.Providers = []Provider{NewProvider("a", TypeSandbox)}
	next.Providers = []Provider{NewProvider("a", TypeSandbox), NewProvider("b", TypeSandbox)}
	next.Server.Port, next.DataDir, next.Defaults.Model, next.Alerts.Zone, next.File = 9, "/elsewhere", "m", "Europe/Berlin", "f.yaml"
	next.Server.LogLevel = "debug"
	merged, changed, restart := Reload(now, next)
	if !slices.Equal(changed, []string{"server.log_level", "defaults.model", "providers"}) || !slices.Equal(restart, []string{"server.port", "data_dir", "alerts.zone"}) {
		t.Errorf("changed %v, restart %v", changed, restart)
	}
	if len(merged.Providers) != 2 || merged.Defaults.Model != "m" || merged.Server.Port != 8080 || merged.Server.LogLevel != "debug" || merged.DataDir != "./data" || merged.Alerts.Zone != "" || merged.File != "f.yaml" {
		t.Errorf("%+v", merged)
	}
	if len(now.Providers) != 1 || now.Defaults.Model != "" {
		t.Error("what is in force was changed")
	}
	if same, changed, restart := Reload(now, now); len(changed)+len(restart) != 0 || same.Defaults.Model != "" {
		t.Errorf("of the same: %v, %v", changed, restart)
	}
}
