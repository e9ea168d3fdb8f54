package llm

// The tiers an upstream may serve a request in, apart from its standard one,
// which is the empty word.
const (
	TierBatch    = "batch"
	TierFlex     = "flex"
	TierPriority = "priority"
	TierLatency  = "latency" // Bedrock: optimised for latency
	TierFast     = "fast"    // Anthropic's fast mode
)

// maxTier bounds the name of a tier nobody here knows.
const maxTier = 32

// TierOf is the tier an upstream says it served, in our words. One that is not
// known keeps its name: its price is not that of another.
func TierOf(told []byte) string {
	switch string(told) {
	case "", "default", "standard", "auto", "standard_only", "on_demand", "unspecified", "service_tier_unspecified":
		return ""
	case TierBatch, "batches":
		return TierBatch
	case TierFlex:
		return TierFlex
	case TierPriority:
		return TierPriority
	case TierFast:
		return TierFast
	}
	return string(told[:min(len(told), maxTier)])
}
