package config

// Telemetry is what is told of requests beside the log, the ledger and /metrics.
type Telemetry struct {
	// Forward sends the trace context of a request (W3C traceparent, tracestate) on
	// to upstreams.
	Forward bool `yaml:"forward"`
	// OTLP is an OpenTelemetry collector that gets traces and metrics.
	OTLP OTLP `yaml:"otlp"`
	// Metrics is who may read /metrics.
	Metrics Metrics `yaml:"metrics"`
}

// Metrics is the door of /metrics.
type Metrics struct {
	// Token opens it, as Authorization: Bearer; so does the admin key then. Empty
	// lets everybody read who can reach the gateway.
	Token Secret `yaml:"token"`
}

// OTLP is a collector that is told by OTLP over HTTP. It gets no content of
// requests or answers.
type OTLP struct {
	// Endpoint is the collector's base address, such as http://localhost:4318;
	// /v1/traces and /v1/metrics are put behind it. Empty tells nobody.
	Endpoint string `yaml:"endpoint"`
	// Headers are sent with everything.
	Headers Headers `yaml:"headers,omitempty"`
	// Sample is how many of a hundred traces are sent that begin here; where a
	// client begins one, it decides.
	Sample int `yaml:"sample"`
	// Semconv is whose names are written: stable (semantic conventions 1.41) or
	// latest (those that are still moving). Empty is stable, unless
	// OTEL_SEMCONV_STABILITY_OPT_IN holds gen_ai_latest_experimental.
	Semconv string `yaml:"semconv"`
	// Service is the service.name it is told under.
	Service string `yaml:"service"`
}

// The names that can be written.
const (
	SemconvStable = "stable"
	SemconvLatest = "latest"
)

func validateTelemetry(t *Telemetry, r *report) {
	o := &t.OTLP
	if o.Endpoint != "" {
		if err := checkBaseURL(o.Endpoint); err != nil {
			r.add("telemetry.otlp.endpoint", "%v", err)
		}
	}
	validateHeaders(o.Headers, "telemetry.otlp.", r)
	between(r, "telemetry.otlp.sample", o.Sample, 0, 100)
	if o.Semconv != "" {
		oneOf(r, "telemetry.otlp.semconv", o.Semconv, []string{SemconvStable, SemconvLatest})
	}
	checkSecret(r, "telemetry.metrics.token", t.Metrics.Token)
	if o.Service == "" {
		r.add("telemetry.otlp.service", "must not be empty")
	}
}
