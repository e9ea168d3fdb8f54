package telemetry

// Limit is whose rate limit was hit.
type Limit string

// Limits.
const (
	LimitUpstream Limit = "upstream"
	LimitAccount  Limit = "account"
	LimitKey      Limit = "key"
)

// RateLimited counts a limit that was hit. No provider is none.
func (m *Metrics) RateLimited(l Limit, provider string) {
	if m == nil {
		return
	}
	if provider == "" {
		provider = none
	}
	m.counters[rateLimitHits].WithLabelValues(string(l), provider).Inc()
}

// Limited counts a request that was refused for a limit of the gateway. Both labels
// come from fixed sets of words.
func (m *Metrics) Limited(scope, rule string) {
	if m == nil {
		return
	}
	m.counters[limitHits].WithLabelValues(scope, rule).Inc()
	if scope == string(LimitKey) {
		m.RateLimited(LimitKey, "")
	}
}

// OverBudget counts a request that was refused for a budget. Both labels come from
// fixed sets of words.
func (m *Metrics) OverBudget(scope, reason string) {
	if m == nil {
		return
	}
	m.counters[budgetRefusals].WithLabelValues(scope, reason).Inc()
}

// PayloadDropped counts a payload that is not kept.
func (m *Metrics) PayloadDropped() {
	if m != nil {
		m.counters[payloadsDropped].WithLabelValues().Inc()
	}
}

// Failover counts a request that goes on to another account than the one that
// failed. reason is one of a fixed set of words, such as the class of the error.
func (m *Metrics) Failover(provider, reason string) {
	if m == nil {
		return
	}
	m.counters[failovers].WithLabelValues(provider, reason).Inc()
}

// Affinity counts a request of a conversation: whether it was somewhere already,
// and whether it was served there.
func (m *Metrics) Affinity(was, there bool) {
	if m == nil {
		return
	}
	result := "new"
	switch {
	case was && there:
		result = "hit"
	case was:
		result = "moved"
	}
	m.counters[affinity].WithLabelValues(result).Inc()
}
