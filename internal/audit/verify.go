package audit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"turnpike/internal/store"
)

// Genesis is what stands for the hash of a row before the first one.
var Genesis = strings.Repeat("0", 64)

// Pruned is the kind of a checkpoint: from there on older rows are taken out.
const Pruned = "audit.pruned"

// Report is what came of looking through the chain.
type Report struct {
	Rows  int64  `json:"rows"`
	First int64  `json:"first"`
	Last  int64  `json:"last"`
	Head  string `json:"head"`
	// Bad is the first row that is not what was written, 0 where all are; Why says
	// what is wrong.
	Bad int64  `json:"bad,omitempty"`
	Why string `json:"why,omitempty"`
}

// page is how many rows are read at a time.
const page = 500

// Verify looks through the whole chain. known, where it is not empty, is a hash that
// somebody has noted elsewhere: it must be that of a row.
func (l *Log) Verify(ctx context.Context, known string) (Report, error) {
	seq, hash, err := l.Store.AuditHead(ctx)
	if err != nil {
		return Report{}, err
	}
	c := chain{known: known, Report: Report{Head: Genesis}}
	for c.Bad == 0 {
		rows, err := l.Store.AuditRows(ctx, store.AuditQuery{After: c.Last, Until: seq, Limit: page})
		if err != nil {
			return c.Report, err
		}
		if len(rows) == 0 {
			break
		}
		for i := range rows {
			if c.row(&rows[i]); c.Bad != 0 {
				break
			}
		}
	}
	c.end(seq, hash)
	return c.Report, nil
}

// chain is a look through rows, the oldest first.
type chain struct {
	Report
	known   string
	before  string // what the first row says of the one before it
	covered bool   // a checkpoint says why that one is not there
}

func (c *chain) bad(seq int64, format string, args ...any) {
	if c.Bad == 0 {
		c.Bad, c.Why = seq, fmt.Sprintf(format, args...)
	}
}

func (c *chain) row(r *store.AuditRow) {
	switch {
	case c.Rows == 0:
		c.First, c.before = r.Seq, r.Prev
	case r.Seq != c.Last+1:
		c.bad(c.Last+1, "it is missing; the next one there is %d", r.Seq)
		return
	case r.Prev != c.Head:
		c.bad(r.Seq, "what it says of the row before is not that row's hash")
		return
	}
	if Hash(r) != r.Hash {
		c.bad(r.Seq, "its hash is not that of what it says")
		return
	}
	if r.Kind == Pruned {
		if d := DetailOf(r); d.Through == c.First-1 && d.Hash == c.before {
			c.covered = true
		}
	}
	if r.Hash == c.known {
		c.known = ""
	}
	c.Rows++
	c.Last, c.Head = r.Seq, r.Hash
}

// end compares with the head that is kept beside the rows.
func (c *chain) end(seq int64, hash string) {
	switch {
	case c.Bad != 0:
	case c.Last != seq:
		c.bad(c.Last+1, "it is missing: %d rows were written", seq)
	case seq > 0 && c.Head != hash:
		c.bad(seq, "it is not the row that was written last")
	case c.First == 1 && c.before != Genesis:
		c.bad(1, "it is the first row and says that there was another before it")
	case c.First > 1 && !c.covered:
		c.bad(c.First-1, "it is missing, and no checkpoint says that retention took it out")
	case c.known != "":
		c.bad(seq, "the head %s is not in the log", c.known)
	}
}

// Prune takes out what is older than a time, and leaves a checkpoint that says so. It
// tells how many rows that were.
func (l *Log) Prune(ctx context.Context, before time.Time) (int64, error) {
	return l.Store.PruneAudit(ctx, before, func(through int64, hash string) (store.AuditRow, error) {
		detail, err := detailOf(Detail{Through: through, Hash: hash})
		return store.AuditRow{At: l.Now(), Kind: Pruned, Actor: "retention", Outcome: Done, Detail: detail}, err
	}, Hash)
}
