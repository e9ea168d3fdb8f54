package admin

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"time"

	"turnpike/internal/audit"
	"turnpike/internal/store"
)

// AuditEvent is a row of the audit log.
type AuditEvent struct {
	Seq     int64         `json:"seq"`
	At      time.Time     `json:"at"`
	Kind    string        `json:"kind" say:"what was done, such as keys.rotate"`
	Outcome string        `json:"outcome" enum:"done,refused,failed"`
	Actor   string        `json:"actor"`
	Subject string        `json:"subject"`
	Address string        `json:"address"`
	Agent   string        `json:"agent"`
	Request string        `json:"request_id"`
	Note    string        `json:"note,omitempty"`
	Changes []AuditChange `json:"changes"`
	Hash    string        `json:"hash"`
}

// AuditChange is a field before and after; secrets are masked.
type AuditChange struct {
	Field string          `json:"field"`
	From  json.RawMessage `json:"from,omitempty"`
	To    json.RawMessage `json:"to,omitempty"`
}

// AuditList is a page of the log.
type AuditList struct {
	Events []AuditEvent `json:"events"`
	Next   string       `json:"next,omitempty"`
}

type auditFilter struct {
	From    time.Time `query:"from"`
	To      time.Time `query:"to"`
	Kind    string    `query:"kind" say:"one kind, or all that begin with a word and a dot: keys."`
	Actor   string    `query:"actor"`
	Subject string    `query:"subject"`
	Outcome string    `query:"outcome" enum:"done,refused,failed"`
	Address string    `query:"address"`
	Request string    `query:"request_id"`
}

func (f *auditFilter) query() (store.AuditQuery, error) {
	if !f.To.IsZero() && !f.From.Before(f.To) {
		return store.AuditQuery{}, badParameter("from", errors.New("must be before to"))
	}
	return store.AuditQuery{
		From: f.From, To: f.To, Kind: f.Kind, Actor: f.Actor, Subject: f.Subject, Outcome: f.Outcome, Address: f.Address, Request: f.Request,
	}, nil
}

type auditQuery struct {
	auditFilter
	Limit  int    `query:"limit" say:"how many at most, 1 to 500; 50 where it is left out"`
	Cursor string `query:"cursor" say:"where to go on: next of the page before"`
}

var errNoAudit = fail(409, "this gateway keeps no audit log")

func listAudit(c *call, q *auditQuery, _ *nothing) (AuditList, error) {
	out := AuditList{Events: []AuditEvent{}}
	if c.Audit == nil {
		return out, errNoAudit
	}
	find, err := q.query()
	if err != nil {
		return out, err
	}
	size, err := (&Paging{Limit: q.Limit}).size()
	if err != nil {
		return out, err
	}
	find.Before, find.Limit = 1<<62, size+1
	if q.Cursor != "" {
		if find.Before, err = strconv.ParseInt(q.Cursor, 10, 64); err != nil || find.Before < 1 {
			return out, badParameter("cursor", errCursor)
		}
	}
	rows, err := c.Store.AuditRows(c.ctx, find)
	if err != nil {
		return out, err
	}
	if len(rows) > size {
		rows = rows[:size]
		out.Next = strconv.FormatInt(rows[size-1].Seq, 10)
	}
	for i := range rows {
		out.Events = append(out.Events, viewEvent(&rows[i]))
	}
	return out, nil
}

func viewEvent(r *store.AuditRow) AuditEvent {
	d := audit.DetailOf(r)
	e := AuditEvent{
		Seq: r.Seq, At: r.At, Kind: r.Kind, Outcome: r.Outcome, Actor: r.Actor, Subject: r.Subject, Address: r.Address, Agent: r.Agent,
		Request: r.Request, Note: d.Note, Changes: []AuditChange{}, Hash: r.Hash,
	}
	for _, c := range d.Changes {
		e.Changes = append(e.Changes, AuditChange(c))
	}
	if d.Through > 0 {
		e.Note = "rows up to " + strconv.FormatInt(d.Through, 10) + " were taken out by retention"
	}
	return e
}

type auditExportQuery struct {
	auditFilter
	Format string `query:"format" enum:"csv,jsonl" say:"csv, or jsonl, which has all that the hashes are made of"`
}

func exportAudit(c *call, q *auditExportQuery, _ *nothing) (*file, error) {
	if c.Audit == nil {
		return nil, errNoAudit
	}
	find, err := q.query()
	if err != nil {
		return nil, err
	}
	f := &file{media: "text/csv; charset=utf-8", name: "audit.csv"}
	if q.Format == audit.Lines {
		f.media, f.name = "application/jsonl", "audit.jsonl"
	}
	f.write = func(w io.Writer) error { return c.Audit.Export(c.ctx, w, find, q.Format) }
	if q.Format == "" {
		f.write = func(w io.Writer) error { return c.Audit.Export(c.ctx, w, find, audit.CSV) }
	}
	return f, nil
}

// AuditReport is what came of looking through the chain.
type AuditReport struct {
	Good  bool   `json:"good"`
	Rows  int64  `json:"rows"`
	First int64  `json:"first"`
	Last  int64  `json:"last"`
	Head  string `json:"head" say:"the hash of the last row: kept elsewhere, it proves the log up to here"`
	Bad   int64  `json:"bad,omitempty" say:"the first row that is not what was written"`
	Why   string `json:"why,omitempty"`
}

type verifyQuery struct {
	Head string `query:"head" say:"a head that was noted before: it must be in the log"`
}

func verifyAudit(c *call, q *verifyQuery, _ *nothing) (AuditReport, error) {
	if c.Audit == nil {
		return AuditReport{}, errNoAudit
	}
	r, err := c.Audit.Verify(c.ctx, q.Head)
	return AuditReport{Good: r.Bad == 0, Rows: r.Rows, First: r.First, Last: r.Last, Head: r.Head, Bad: r.Bad, Why: r.Why}, err
}
