package admin

import (
	"net/http"
	"time"
)

// Settings is the configuration in force, without secrets.
type Settings struct {
	File     string         `json:"file,omitempty"`
	Declared bool           `json:"declared" say:"it is what files, variables and flags say: read-only here"`
	Warnings []string       `json:"warnings"`
	Settings map[string]any `json:"settings" say:"in the words of the configuration; secrets are masked"`
}

func getSettings(c *call, _ *nothing, _ *nothing) (Settings, error) { return c.Settings() }

// Health is how this gateway stands.
type Health struct {
	Status   string        `json:"status" enum:"ready,not ready"`
	Reasons  []string      `json:"reasons"`
	Version  string        `json:"version"`
	Started  time.Time     `json:"started_at"`
	Keys     int           `json:"keys" say:"that open, by this gateway's memory"`
	Database string        `json:"database" enum:"sqlite,postgresql"`
	Ledger   LedgerHealth  `json:"ledger"`
	Limits   LimitsHealth  `json:"limits"`
	Accounts AccountHealth `json:"providers"`
	Reload   *Reloaded     `json:"reload,omitempty" say:"what came of reading the configuration again"`
	Left     []string      `json:"left_out,omitempty" say:"what was set and does not fit the configuration any more"`
}

// Reloaded is what came of reading the configuration again.
type Reloaded struct {
	At      time.Time `json:"at"`
	Problem string    `json:"problem,omitempty" say:"why nothing was changed"`
	Changed []string  `json:"changed" say:"settings that are in force now"`
	Restart []string  `json:"restart" say:"settings that hold from the next start on"`
}

// reloadConfig reads the configuration of this gateway again. What is wrong changes nothing.
func reloadConfig(c *call, _ *nothing, _ *nothing) (Reloaded, error) {
	done := c.Reload()
	if done.Problem != "" {
		return Reloaded{}, fail(http.StatusConflict, "nothing was changed: %s", done.Problem)
	}
	return done, nil
}

// LedgerHealth is how far the database is behind.
type LedgerHealth struct {
	State    string    `json:"state" enum:"ready,database away"`
	Away     time.Time `json:"away_since,omitzero"`
	Waiting  int64     `json:"waiting"`
	Bytes    int64     `json:"journal_bytes"`
	Stranded int64     `json:"in_memory_only"`
	Lost     int64     `json:"lost"`
}

// LimitsHealth is where limits are counted.
type LimitsHealth struct {
	Redis    bool      `json:"redis"`
	Away     time.Time `json:"away_since,omitzero"`
	Replicas int64     `json:"replicas"`
}

// AccountHealth counts the providers.
type AccountHealth struct {
	Ready   int `json:"ready"`
	Cooling int `json:"cooling"`
	Off     int `json:"off"`
}

func getHealth(c *call, _ *nothing, _ *nothing) (Health, error) {
	h := c.Health()
	for _, m := range c.Live.State().Misfits {
		h.Left = append(h.Left, c.Hide(m.String()))
	}
	standings := c.Table.Standings()
	for _, a := range c.Table.Accounts() {
		switch c.viewProvider(a, standings).State {
		case "ready":
			h.Accounts.Ready++
		case "cooling":
			h.Accounts.Cooling++
		default:
			h.Accounts.Off++
		}
	}
	return h, nil
}
