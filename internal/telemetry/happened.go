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

// Failover counts a request that goes on to another account than the one that
// failed. reason is one of a fixed set of words, such as the class of the error.
func (m *Metrics) Failover(provider, reason string) {
	if m == nil {
		return
	}
	m.counters[failovers].WithLabelValues(provider, reason).Inc()
}

// Stay is where a request of a conversation was served.
type Stay string

// Stays.
const (
	StayHit   Stay = "hit"   // where the conversation was
	StayMoved Stay = "moved" // elsewhere
	StayNew   Stay = "new"   // it is new
)

// Affinity counts a request of a conversation.
func (m *Metrics) Affinity(s Stay) {
	if m == nil {
		return
	}
	m.counters[affinity].WithLabelValues(string(s)).Inc()
}
