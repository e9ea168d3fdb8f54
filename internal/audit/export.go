package audit

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/store"
)

// The forms of an export.
const (
	CSV   = "csv"
	Lines = "jsonl"
)

// Export writes the rows that fit, the oldest first, a page at a time: as CSV, or as
// JSON lines, which hold all that the hashes are made of.
func (l *Log) Export(ctx context.Context, w io.Writer, q store.AuditQuery, form string) error {
	write := writeLines(w)
	if form == CSV {
		write = writeTable(w)
	}
	for q.Limit = page; ; {
		rows, err := l.Store.AuditRows(ctx, q)
		if err != nil {
			return err
		}
		if err := write(rows, q.After == 0); err != nil || len(rows) < page {
			return err
		}
		q.After = rows[len(rows)-1].Seq
	}
}

func writeLines(w io.Writer) func([]store.AuditRow, bool) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return func(rows []store.AuditRow, _ bool) error {
		for i := range rows {
			if err := enc.Encode(RowOf(&rows[i])); err != nil {
				return err
			}
		}
		return nil
	}
}

func writeTable(w io.Writer) func([]store.AuditRow, bool) error {
	out := csv.NewWriter(w)
	return func(rows []store.AuditRow, first bool) error {
		if first {
			if err := out.Write([]string{"seq", "at", "kind", "outcome", "actor", "subject", "address", "agent", "request", "detail", "hash"}); err != nil {
				return err
			}
		}
		for i := range rows {
			r := &rows[i]
			cells := []string{
				strconv.FormatInt(r.Seq, 10), r.At.UTC().Format(time.RFC3339Nano), plain(r.Kind), plain(r.Outcome), plain(r.Actor), plain(r.Subject),
				plain(r.Address), plain(r.Agent), plain(r.Request), plain(r.Detail), r.Hash,
			}
			if err := out.Write(cells); err != nil {
				return err
			}
		}
		out.Flush()
		return out.Error()
	}
}

// plain is a text that no spreadsheet takes for a formula (OWASP, CSV Injection).
func plain(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}
