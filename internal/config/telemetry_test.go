package config

import (
	"strings"
	"testing"
)

func TestTelemetryProblems(t *testing.T) {
	for _, c := range []struct{ name, yaml, want string }{
		{"endpoint", "telemetry: {otlp: {endpoint: 'collector:4318'}}", "telemetry.otlp.endpoint: must be an absolute address"},
		{"credentials in it", "telemetry: {otlp: {endpoint: 'http://u:p@collector'}}", "telemetry.otlp.endpoint: must not hold a user or password"},
		{"sample", "telemetry: {otlp: {sample: 101}}", "telemetry.otlp.sample: must be between 0 and 100"},
		{"semconv", "telemetry: {otlp: {semconv: lates}}", `telemetry.otlp.semconv: "lates" is not one of stable, latest — did you mean "latest"?`},
		{"header", "telemetry: {otlp: {headers: {host: x}}}", "telemetry.otlp.headers.host: is set by the gateway itself"},
		{"service", "telemetry: {otlp: {service: ''}}", "telemetry.otlp.service: must not be empty"},
	} {
		_, err := load("turnpike.yaml", []byte(c.yaml), Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	cfg := mustLoad(t, "telemetry: {otlp: {endpoint: 'http://c:4318', headers: {authorization: Bearer very-secret-token}}}")
	text, err := Print(cfg)
	if err != nil || strings.Contains(string(text), "very-secret") || !strings.Contains(string(text), "endpoint: http://c:4318") {
		t.Errorf("printed as\n%s %v", text, err)
	}
}
