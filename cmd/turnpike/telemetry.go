package main

import (
	"cmp"
	"log/slog"
	"os"
	"strings"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/otel"
)

// newTracer makes what tells the collector, nil if there is none.
func newTracer(cfg *config.Config, hidden *secrets, known func(string) bool, log *slog.Logger) *otel.Tracer {
	c := &cfg.Telemetry
	names := otel.Stable
	if strings.Contains(os.Getenv("OTEL_SEMCONV_STABILITY_OPT_IN"), otel.OptIn) {
		names = otel.Latest
	}
	return otel.New(otel.Options{
		Endpoint: c.OTLP.Endpoint, Headers: c.OTLP.Headers, Percent: c.OTLP.Sample, Names: cmp.Or(c.OTLP.Semconv, names), Forward: c.Forward,
		Service: c.OTLP.Service, Version: version, Known: known, Clean: hidden.text, Log: log, Now: time.Now,
	})
}
