package config

import "time"

// Audit is the record of who did what.
type Audit struct {
	// Keep is how long its rows are kept, such as 730d; 0 is for ever. A checkpoint in the
	// log says what has gone.
	Keep time.Duration `yaml:"keep"`
}

// leastAudit is the shortest time that is of any use.
const leastAudit = 24 * time.Hour

func validateAudit(a *Audit, r *report) {
	if a.Keep != 0 && a.Keep < leastAudit {
		r.add("audit.keep", "must be 0 (for ever) or at least %s", leastAudit)
	}
}
