// Package audit keeps the record of who did what: rows that are only ever added, each
// with the hash of itself and of the row before it.
//
// The chain tells when a row was changed, taken out or put in. Who can write the
// database can make a whole new chain; so a copy of a head that is kept elsewhere
// (turnpike audit verify prints it, --head compares it) is what proves the past.
package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"turnpike/internal/store"
)

// Outcomes of what was tried.
const (
	Done    = "done"
	Refused = "refused" // it may not, or could not prove who it is
	Failed  = "failed"  // it is not known how much of it was done
)

// Event is something that somebody did.
type Event struct {
	// Kind is what was done: keys.rotate, login.refused.
	Kind string
	// Actor is who did it.
	Actor string
	// Subject is what it was done to: keys/key_01….
	Subject string
	// Outcome is one of the above; empty is done.
	Outcome string
	// Address and Agent are where it came from; Request is the request's id.
	Address, Agent, Request string
	// Changes are what is different now. Secrets do not belong there.
	Changes []Change
	// Note is more, in words.
	Note string
}

// Change is one field before and after.
type Change struct {
	Field string          `json:"field"`
	From  json.RawMessage `json:"from,omitempty"`
	To    json.RawMessage `json:"to,omitempty"`
}

// Detail is what a row has in its detail.
type Detail struct {
	Changes []Change `json:"changes,omitempty"`
	Note    string   `json:"note,omitempty"`
	// Through and Hash are a checkpoint's: the last row that retention took out, and
	// its hash.
	Through int64  `json:"through,omitempty"`
	Hash    string `json:"hash,omitempty"`
}

// Log is where events are added. A nil Log keeps nothing.
type Log struct {
	Store *store.Store
	Now   func() time.Time
}

// The longest texts of a row.
const (
	maxWord   = 300
	maxDetail = 64 << 10
)

// Add adds an event. It returns when the event is in the database.
func (l *Log) Add(ctx context.Context, e Event) error {
	if l == nil {
		return nil
	}
	if e.Outcome == "" {
		e.Outcome = Done
	}
	detail, err := detailOf(Detail{Changes: e.Changes, Note: e.Note})
	if err != nil {
		return err
	}
	_, err = l.Store.AppendAudit(ctx, store.AuditRow{
		At: l.Now(), Kind: word(e.Kind), Actor: word(e.Actor), Subject: word(e.Subject), Outcome: e.Outcome,
		Address: word(e.Address), Agent: word(e.Agent), Request: word(e.Request), Detail: detail,
	}, Hash)
	return err
}

// word is a text that both databases keep, and of a length that can be read.
func word(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if len(s) > maxWord {
		s = strings.ToValidUTF8(s[:maxWord], "") + "…"
	}
	return s
}

func detailOf(d Detail) (string, error) {
	d.Note = strings.ReplaceAll(strings.ToValidUTF8(d.Note, "\uFFFD"), "\x00", "")
	text, err := canonical(d)
	for err == nil && len(text) > maxDetail && len(d.Changes) > 0 {
		left := len(d.Changes) / 2
		d.Note = strings.TrimPrefix(d.Note+fmt.Sprintf("; %d changes left out", len(d.Changes)-left), "; ")
		d.Changes = d.Changes[:left]
		text, err = canonical(d)
	}
	if err != nil {
		return "", fmt.Errorf("an event of the audit log: %w", err)
	}
	if len(text) > maxDetail {
		return "", fmt.Errorf("an event of the audit log has %d bytes", len(text))
	}
	return string(text), nil
}

// canonical is JSON without blanks and without escapes that need not be, its members
// in the order of the struct: that of their names (RFC 8785 asks for it).
func canonical(what any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(what); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// Row is a row as it is hashed and exported. Its members stand in the order of their
// names.
type Row struct {
	Actor   string    `json:"actor"`
	Address string    `json:"address"`
	Agent   string    `json:"agent"`
	At      time.Time `json:"at"`
	Detail  string    `json:"detail"`
	Hash    string    `json:"hash,omitempty"`
	Kind    string    `json:"kind"`
	Outcome string    `json:"outcome"`
	Prev    string    `json:"prev"`
	Request string    `json:"request"`
	Seq     int64     `json:"seq"`
	Subject string    `json:"subject"`
}

// RowOf is a row of the store for whoever reads it.
func RowOf(r *store.AuditRow) Row {
	return Row{r.Actor, r.Address, r.Agent, r.At.UTC(), r.Detail, r.Hash, r.Kind, r.Outcome, r.Prev, r.Request, r.Seq, r.Subject}
}

// Hash is the SHA-256 of a row: of its canonical JSON without the hash itself, the hash
// of the row before it among it.
func Hash(r *store.AuditRow) string {
	row := RowOf(r)
	row.Hash = ""
	text, err := canonical(row)
	if err != nil { // texts, numbers and a time: only a year beyond 9999 cannot be written
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// DetailOf reads a row's detail.
func DetailOf(r *store.AuditRow) (d Detail) {
	_ = json.Unmarshal([]byte(r.Detail), &d) // what was written here can be read; else it is empty
	return d
}
