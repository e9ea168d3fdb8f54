package main

import (
	"turnpike/internal/ledger"
	"turnpike/internal/ledger/journal"
)

// openLedger opens the journal and begins to write to the database what is left in it.
func openLedger(a *app) (*ledger.Recorder, error) {
	return ledger.Open(ledger.Options{
		Dir: a.cfg.JournalDir(), Fsync: journal.Fsync(a.cfg.Ledger.Fsync), MaxBytes: int64(a.cfg.Ledger.MaxBytes),
		OnFull: ledger.OnFull(a.cfg.Ledger.OnFull), Log: a.log,
	}, a.store)
}
