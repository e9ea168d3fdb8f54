package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"turnpike/internal/audit"
	"turnpike/internal/config"
	"turnpike/internal/redact"
	"turnpike/internal/store"
)

// every stands for whatever follows a command.
const every = "*"

// acts are the words of commands that change something or give away what is secret:
// each stands in the audit log once it is done.
var acts = map[string][]string{
	"keys":      {"create", "set", "rotate", "revoke", "reveal", "import", "export"},
	"teams":     {"create", "set", "delete"},
	"users":     {"create", "set", "delete"},
	"tags":      {"set", "delete"},
	"org":       {"set"},
	"budgets":   {"set", "reset", "recharge", "adjust", "remove"},
	"login":     {"kiro", "copilot"},
	"logout":    {every},
	"usage":     {"export"},
	"catalog":   {"forget"},
	"prices":    {"set", "import", "sync", "rerate"},
	"vault":     {"rotate"},
	"import":    {"litellm", "one-api"},
	"audit":     {"export"},
	"config":    {"export", "import"},
	"providers": {"on", "off"},
	"accounts":  {"create", "invite", "owner", "set", "disable", "enable", "reset", "sign-out", "delete"},
}

// lastLoaded is the configuration that the command at hand runs under.
var lastLoaded atomic.Pointer[config.Config]

// noteAct writes what a command has done into the audit log.
func noteAct(args []string) error {
	cfg := lastLoaded.Load()
	if cfg == nil || len(args) == 0 {
		return nil
	}
	kind, rest := args[0], args[1:]
	switch {
	case slices.Contains(acts[kind], every):
	case len(rest) > 0 && slices.Contains(acts[kind], rest[0]):
		kind, rest = kind+"."+rest[0], rest[1:]
	default:
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	db, err := openStore(ctx, cfg)
	if err != nil {
		return fmt.Errorf("it was done, but is not in the audit log: %w", err)
	}
	defer func() { _ = db.Close() }()
	hide := redact.New(cfg.Secrets()...).String
	e := audit.Event{Kind: kind, Actor: whoami(), Subject: args[0], Note: hide("turnpike " + strings.Join(args, " "))}
	if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		e.Subject += "/" + hide(rest[0])
	}
	if err := (&audit.Log{Store: db, Now: time.Now}).Add(ctx, e); err != nil {
		return fmt.Errorf("it was done, but is not in the audit log: %w", err)
	}
	return nil
}

// whoami names the person at the command line as the machine does.
func whoami() string {
	name := "uid " + fmt.Sprint(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return "command line: " + name
	}
	return "command line: " + name + "@" + host
}

// auditEvery is how often old rows are looked for.
const auditEvery = time.Hour

// keepAudit takes out of the audit log what the policy does not keep, until ctx ends.
func (a *app) keepAudit(ctx context.Context) {
	keep := a.cfg.Audit.Keep
	if keep == 0 {
		return
	}
	a.watching.Go(func() {
		tick := time.NewTicker(auditEvery)
		defer tick.Stop()
		for {
			_, err := a.store.Elect(ctx, "audit.prune", gatewayID, time.Minute, func(ctx context.Context) {
				if n, err := a.audit.Prune(ctx, time.Now().Add(-keep)); err != nil {
					a.log.Error("the audit log could not be pruned", "error", err)
				} else if n > 0 {
					a.log.Info("old rows were taken out of the audit log", "rows", n)
				}
			})
			if err != nil && ctx.Err() == nil {
				a.log.Warn("the audit log is pruned later", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

// auditCommand is turnpike audit.
func auditCommand(args []string) error {
	what, args, err := action("audit", args, "list", "verify", "export")
	if err != nil {
		return err
	}
	s := newSettings("audit " + what)
	var q store.AuditQuery
	var from, to, form, head string
	var asJSON bool
	if what == "verify" {
		s.flags.StringVar(&head, "head", "", "a `hash` that was noted before: it must be in the log")
	} else {
		s.flags.StringVar(&q.Kind, "kind", "", "one `kind`, or all that begin with a word and a dot: keys.")
		s.flags.StringVar(&q.Actor, "actor", "", "by `whom`")
		s.flags.StringVar(&q.Subject, "subject", "", "to `what`")
		s.flags.StringVar(&q.Outcome, "outcome", "", "done, refused or failed")
		s.flags.StringVar(&from, "from", "", "since this `time` (2027-01-31 or RFC 3339)")
		s.flags.StringVar(&to, "to", "", "before this `time`")
	}
	switch what {
	case "export":
		s.flags.StringVar(&form, "format", audit.Lines, "csv or jsonl")
	default:
		s.flags.BoolVar(&asJSON, "json", false, "print JSON")
	}
	cfg, err := s.load(args, 0)
	if err != nil {
		return err
	}
	if q.From, err = dayOrTime(from); err == nil {
		q.To, err = dayOrTime(to)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	db, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	log := &audit.Log{Store: db, Now: time.Now}
	switch what {
	case "export":
		return exportAudit(ctx, log, q, form)
	case "verify":
		return verifyAudit(ctx, log, head, asJSON)
	}
	return listAudit(ctx, db, q, asJSON)
}

func dayOrTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 2027-01-31 or 2027-01-31T12:00:00Z", text)
}

func exportAudit(ctx context.Context, log *audit.Log, q store.AuditQuery, form string) error {
	if form != audit.CSV && form != audit.Lines {
		return fmt.Errorf("--format %q: there are csv and jsonl", form)
	}
	out := bufio.NewWriter(os.Stdout)
	if err := log.Export(ctx, out, q, form); err != nil {
		return err
	}
	return out.Flush()
}

func verifyAudit(ctx context.Context, log *audit.Log, head string, asJSON bool) error {
	r, err := log.Verify(ctx, head)
	if err != nil {
		return err
	}
	err = show(asJSON, r, func() {
		if r.Bad == 0 {
			fmt.Printf("%d rows, %d to %d, are as they were written\nhead %s\n", r.Rows, r.First, r.Last, r.Head)
		}
	})
	if err == nil && r.Bad != 0 {
		err = fmt.Errorf("the audit log was changed: row %d: %s", r.Bad, r.Why)
	}
	return err
}

// newest is how many events the list shows.
const newest = 50

func listAudit(ctx context.Context, db *store.Store, q store.AuditQuery, asJSON bool) error {
	q.Before, q.Limit = 1<<62, newest
	rows, err := db.AuditRows(ctx, q)
	if err != nil {
		return err
	}
	if asJSON {
		enc := json.NewEncoder(os.Stdout)
		for i := range rows {
			err = errors.Join(err, enc.Encode(audit.RowOf(&rows[i])))
		}
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SEQ\tAT\tKIND\tOUTCOME\tACTOR\tSUBJECT\tADDRESS")
	for i := range rows {
		r := &rows[i]
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Seq, r.At.Format(time.DateTime), r.Kind, r.Outcome, r.Actor, r.Subject, r.Address)
	}
	return w.Flush()
}
