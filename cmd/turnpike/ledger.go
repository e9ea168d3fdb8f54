package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/config"
	"turnpike/internal/ledger"
	"turnpike/internal/ledger/journal"
	"turnpike/internal/store"
)

// openLedger opens the journal and begins to write to the database what is left in it.
func openLedger(a *app) (*ledger.Recorder, error) {
	return ledger.Open(ledger.Options{
		Dir: a.cfg.JournalDir(), Fsync: journal.Fsync(a.cfg.Ledger.Fsync), MaxBytes: int64(a.cfg.Ledger.MaxBytes),
		OnFull: ledger.OnFull(a.cfg.Ledger.OnFull), Log: a.log,
	}, a.store)
}

// verifyTimeout bounds the comparison of a journal of any size.
const verifyTimeout = 10 * time.Minute

func ledgerCommand(args []string) error {
	what, args, err := action("ledger", args, "list", "verify")
	if err != nil {
		return err
	}
	s := newSettings("ledger " + what)
	asJSON := s.flags.Bool("json", false, "print JSON")
	limit := s.flags.Int("limit", 20, "list: `number` of attempts, the newest first")
	cfg, err := s.load(args, 0)
	if err != nil {
		return err
	}
	if *limit < 1 {
		return errors.New("--limit must be at least 1")
	}
	ctx, cancel := context.WithTimeout(context.Background(), verifyTimeout)
	defer cancel()
	db, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if what == "verify" {
		return ledgerVerify(ctx, db, cfg, *asJSON)
	}
	return ledgerList(ctx, db, *limit, *asJSON)
}

// usageLine is usage as commands print it.
type usageLine struct {
	Input        int64 `json:"input"`
	Output       int64 `json:"output"`
	CacheRead    int64 `json:"cache_read"`
	CacheWrite5m int64 `json:"cache_write_5m"`
	CacheWrite1h int64 `json:"cache_write_1h"`
	Reasoning    int64 `json:"reasoning"`
	Estimated    bool  `json:"estimated"`
}

// attemptLine is an attempt as lists show it.
type attemptLine struct {
	ID           string    `json:"id"`
	Request      string    `json:"request"`
	Key          string    `json:"key"`
	At           time.Time `json:"at"`
	Dialect      string    `json:"dialect"`
	Provider     string    `json:"provider"`
	Surface      string    `json:"surface"`
	Requested    string    `json:"requested_model"`
	Served       string    `json:"served_model"`
	Stream       bool      `json:"stream"`
	Status       int       `json:"status"`
	Error        string    `json:"error,omitempty"`
	Stop         string    `json:"stop,omitempty"`
	Usage        usageLine `json:"usage"`
	Latency      float64   `json:"latency_ms"`
	FirstContent float64   `json:"first_content_ms"`
	Losses       int       `json:"losses"`
	LossReport   string    `json:"loss_report,omitempty"`
}

func lineOf(a *store.Attempt) attemptLine {
	return attemptLine{
		ID: a.ID, Request: a.RequestID, Key: a.KeyID, At: a.At, Dialect: a.Dialect, Provider: a.Provider, Surface: a.Surface,
		Requested: a.RequestedModel, Served: a.ServedModel, Stream: a.Stream, Status: a.Status, Error: a.ErrorClass, Stop: a.Stop,
		Usage: usageLine(a.Usage), Latency: millis(a.Latency), FirstContent: millis(a.FirstContent), Losses: a.Losses, LossReport: a.LossReport,
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func ledgerList(ctx context.Context, db *store.Store, limit int, asJSON bool) error {
	list, err := db.ListAttempts(ctx, limit)
	if err != nil {
		return err
	}
	lines := make([]attemptLine, len(list))
	for i := range list {
		lines[i] = lineOf(&list[i])
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(lines)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "AT\tREQUEST\tKEY\tPROVIDER\tMODEL\tSTATUS\tERROR\tINPUT\tOUTPUT\tCACHE READ\tCACHE WRITE\tMS")
	for _, l := range lines {
		mark := ""
		if l.Usage.Estimated {
			mark = "~"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s%d\t%s%d\t%d\t%d\t%.0f\n", l.At.Local().Format("2006-01-02 15:04:05"), l.Request, l.Key,
			l.Provider, l.Served, l.Status, l.Error, mark, l.Usage.Input, mark, l.Usage.Output, l.Usage.CacheRead, l.Usage.CacheWrite5m+l.Usage.CacheWrite1h, l.Latency)
	}
	return w.Flush()
}

// countLine is a number of attempts and the sum of their usage.
type countLine struct {
	Attempts int64     `json:"attempts"`
	Usage    usageLine `json:"usage"`
}

func countOf(c ledger.Count) countLine { return countLine{c.Attempts, usageLine(c.Usage)} }

// verdictLine is the outcome of a verification.
type verdictLine struct {
	Good        bool                `json:"good"`
	Journal     countLine           `json:"journal"`
	Recorded    countLine           `json:"recorded"`
	Waiting     countLine           `json:"waiting"`
	Database    countLine           `json:"database"`
	Bytes       int64               `json:"journal_bytes"`
	Torn        int64               `json:"torn_bytes"`
	Damaged     int64               `json:"damaged_bytes"`
	Missing     uint64              `json:"missing"`
	Unread      int64               `json:"unread"`
	Aside       []string            `json:"damaged_files"`
	Differ      int64               `json:"differ"`
	Differences []ledger.Difference `json:"differences"`
	Budgets     int                 `json:"budget_periods"`
	Unequal     []unequalBudget     `json:"unequal_budgets,omitempty"`
	// Books are what is kept beside the attempts and must add up with them.
	Books []bookLine `json:"books"`
}

// What makes the command fail; what differs has been printed.
var (
	errDiffers = errors.New("journal and database differ")
	errBooks   = errors.New("what is kept beside the attempts does not add up with them")
)

func ledgerVerify(ctx context.Context, db *store.Store, cfg *config.Config, asJSON bool) error {
	v, err := ledger.Verify(ctx, cfg.JournalDir(), db, time.Now().Add(24*time.Hour-budget.KeepCharges))
	if err != nil {
		return err
	}
	sums, err := db.SumAttempts(ctx, time.Time{}, time.Time{})
	if err != nil {
		return err
	}
	all := ledger.Sum(sums)
	line := verdictLine{
		Good: v.Good(), Journal: countOf(v.Journal), Recorded: countOf(v.Recorded), Waiting: countOf(v.Waiting), Database: countOf(all),
		Bytes: v.Report.Bytes, Torn: v.Report.Torn, Damaged: v.Report.Damaged, Missing: v.Report.Missing, Unread: v.Unread, Aside: v.Report.Aside,
		Differ: v.Differ, Differences: v.Differences,
	}
	if err := line.budgets(ctx, db); err != nil {
		return err
	}
	if line.Books, err = verifyBooks(ctx, db); err != nil {
		return err
	}
	line.Good = line.Good && goodBooks(line.Books)
	if asJSON {
		err = json.NewEncoder(os.Stdout).Encode(line)
	} else {
		err = line.print()
	}
	switch {
	case err == nil && !v.Good():
		return errDiffers
	case err == nil && !line.Good:
		return errBooks
	}
	return err
}

func (l *verdictLine) print() error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "\tATTEMPTS\tINPUT\tOUTPUT\tCACHE READ\tWRITE 5M\tWRITE 1H\tREASONING\t")
	for _, row := range []struct {
		name string
		of   countLine
	}{
		{"in the journal", l.Journal},
		{"of these in the database", l.Recorded},
		{"of these still to be recorded", l.Waiting},
		{"in the database, all in all", l.Database},
	} {
		u := row.of.Usage
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", row.name, row.of.Attempts, u.Input, u.Output, u.CacheRead, u.CacheWrite5m, u.CacheWrite1h, u.Reasoning)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, d := range l.Differences {
		fmt.Printf("%s: %s\n", d.ID, d.What)
	}
	for _, b := range l.Unequal {
		fmt.Printf("budget %s, period from %s: its attempts count %d, its account says %d\n", b.Budget, b.Period.Format(time.RFC3339), b.Charged, b.Spent)
	}
	if l.Budgets > 0 && len(l.Unequal) == 0 {
		fmt.Printf("%d periods of budgets have come to exactly what their attempts count.\n", l.Budgets)
	}
	for _, b := range l.Books {
		b.print()
	}
	for _, f := range l.Aside {
		fmt.Printf("%s was damaged: what could be read of it is recorded; remove it when you have looked into it\n", f)
	}
	if l.Missing > 0 || l.Damaged > 0 || l.Unread > 0 {
		fmt.Printf("The journal is damaged: %d bytes of it are no record, %d records are missing, %d are no attempt.\n", l.Damaged, l.Missing, l.Unread)
	}
	if l.Torn > 0 {
		fmt.Printf("%d bytes at its end are half a record: a crash, or a write under way.\n", l.Torn)
	}
	if l.Good {
		fmt.Println("Good: every attempt in the journal is in the database as it stands there, or still to be recorded, and what is kept beside them adds up.")
	}
	return nil
}
