package otel

import "strings"

// The conventions whose names are written.
const (
	Stable = "stable" // 1.41: what collectors and dashboards know
	Latest = "latest" // those of semantic-conventions-genai, still moving
)

// OptIn is what OTEL_SEMCONV_STABILITY_OPT_IN holds where the latest names are wanted.
const OptIn = "gen_ai_latest_experimental"

// naming is one set of names. A name that is empty is not written.
type naming struct {
	schema string
	// Of a call to an upstream.
	duration   string // seconds
	embedding  string // the same, of calls that infer nothing
	firstChunk string // seconds
	perChunk   string // seconds
	usage      string // tokens, a histogram by gen_ai.token.type
	input      string // tokens, counters
	output     string
	cacheRead  string
	cacheWrite string
	reasoning  string
	inputSize  string // tokens of a call, histograms
	outputSize string
	// Of a request to the gateway.
	served     string // seconds
	firstToken string // seconds
	perToken   string // seconds
	// Attributes that have other names.
	spanCacheWrite string
}

// namings is the one table of names (OpenTelemetry semantic conventions 1.41,
// docs/gen-ai; open-telemetry/semantic-conventions-genai, migration guide).
var namings = map[string]*naming{
	Stable: { //nolint:gosec // names, no credentials
		schema:   "https://opentelemetry.io/schemas/1.41.0",
		duration: "gen_ai.client.operation.duration", embedding: "gen_ai.client.operation.duration",
		firstChunk: "gen_ai.client.operation.time_to_first_chunk", perChunk: "gen_ai.client.operation.time_per_output_chunk",
		usage:  "gen_ai.client.token.usage",
		served: "gen_ai.server.request.duration", firstToken: "gen_ai.server.time_to_first_token", perToken: "gen_ai.server.time_per_output_token",
		spanCacheWrite: "gen_ai.usage.cache_creation.input_tokens",
	},
	Latest: { //nolint:gosec // names, no credentials
		schema:   "https://opentelemetry.io/schemas/gen-ai/1.42.0",
		duration: "gen_ai.client.inference.duration", embedding: "gen_ai.client.operation.duration",
		firstChunk: "gen_ai.client.inference.time_to_first_chunk", perChunk: "gen_ai.client.inference.time_per_output_chunk",
		input: "gen_ai.client.inference.usage.input_tokens", output: "gen_ai.client.inference.usage.output_tokens",
		cacheRead: "gen_ai.client.inference.usage.cache_read.input_tokens", cacheWrite: "gen_ai.client.inference.usage.cache_write.input_tokens",
		reasoning: "gen_ai.client.inference.usage.reasoning.output_tokens",
		inputSize: "gen_ai.client.inference.operation.input_tokens", outputSize: "gen_ai.client.inference.operation.output_tokens",
		served: "gen_ai.server.request.duration", firstToken: "gen_ai.server.time_to_first_token", perToken: "gen_ai.server.time_per_output_token",
		spanCacheWrite: "gen_ai.usage.cache_write.input_tokens",
	},
}

// Operations, as gen_ai.operation.name has them.
const (
	OpChat       = "chat"
	OpCompletion = "text_completion"
	OpGenerate   = "generate_content"
	OpEmbeddings = "embeddings"
)

// systems are the values of gen_ai.provider.name by the type of an account.
var systems = map[string]string{
	"openai": "openai", "azure": "azure.ai.openai", "anthropic": "anthropic", "bedrock": "aws.bedrock", "gemini": "gcp.gemini", "vertex": "gcp.vertex_ai", "copilot": "github.copilot",
}

// hosts are those by the end of an address, for accounts of type openai-compat.
var hosts = []struct{ end, system string }{
	{"deepseek.com", "deepseek"},
	{"mistral.ai", "mistral_ai"},
	{"groq.com", "groq"},
	{"x.ai", "x_ai"},
	{"moonshot.cn", "moonshot_ai"},
	{"moonshot.ai", "moonshot_ai"},
	{"perplexity.ai", "perplexity"},
	{"cohere.com", "cohere"},
	{"cohere.ai", "cohere"},
	{"openai.com", "openai"},
}

// system is the value of gen_ai.provider.name for an account; one that has none in
// the conventions gives its type.
func system(kind, host string) string {
	if s := systems[kind]; s != "" {
		return s
	}
	for _, h := range hosts {
		if host == h.end || strings.HasSuffix(host, "."+h.end) {
			return h.system
		}
	}
	return kind
}

// Buckets the conventions advise; agents' turns take longer than theirs.
var (
	secondBuckets = []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 160, 320}
	firstBuckets  = []float64{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60}
	chunkBuckets  = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5}
	tokenBuckets  = []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}
)
