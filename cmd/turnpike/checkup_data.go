package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"turnpike/internal/checkup"
	"turnpike/internal/config"
	"turnpike/internal/limit"
	"turnpike/internal/store"
	"turnpike/internal/vault"
)

func (x *examined) folder(context.Context) checkup.Finding {
	dir := x.cfg.DataDir
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checkup.Warn("turnpike serve makes it at its first start; if it was there before, its volume is not mounted", "there is no %s", dir)
	case err != nil:
		return checkup.Wrong("let the gateway's user read it", "%v", err)
	case !info.IsDir():
		return checkup.Wrong("set data_dir to a folder", "%s is no folder", dir)
	}
	f, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return checkup.Wrong("make the gateway's user its owner: chown; a container needs a volume there", "%v", err)
	}
	_, err = f.WriteString("x")
	if err = errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return checkup.Wrong("is the disk full or read-only?", "%v", err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o007 != 0 {
		return checkup.Warn("chmod 700 "+dir, "others on this machine can get at %s (mode %#o)", dir, mode)
	}
	return checkup.Fine("%s can be written", dir)
}

// The least that must be free: the journal stops at a full disk, and requests with it.
const (
	littleDisk  = config.GiB
	noDisk      = 100 * config.MiB
	slowData    = 50 * time.Millisecond
	slowRedis   = 10 * time.Millisecond
	clockOff    = 5 * time.Second
	clockBroken = 30 * time.Second
)

func (x *examined) disk(context.Context) checkup.Finding {
	dir := x.cfg.DataDir
	if _, err := os.Stat(dir); err != nil {
		dir = filepath.Dir(dir)
	}
	n, err := freeBytes(dir)
	if errors.Is(err, errors.ErrUnsupported) {
		return checkup.None("this system does not tell")
	} else if err != nil {
		return checkup.None(err.Error())
	}
	return diskFinding(config.Size(min(n, math.MaxInt64)), x.cfg.Ledger.MaxBytes)
}

func diskFinding(free, journal config.Size) checkup.Finding {
	switch left := fmt.Sprintf("%d MiB free", free/config.MiB); {
	case free < noDisk:
		return checkup.Wrong("free some, or set ledger.dir to another disk: requests stop when the journal cannot be written", "%s", left)
	case free < min(littleDisk, journal):
		return checkup.Warn("free some, or lower ledger.max_bytes ("+journal.String()+")", "%s", left)
	default:
		return checkup.Fine("%s", left)
	}
}

func (x *examined) exam(ctx context.Context) (*store.Exam, error) {
	if url := x.cfg.Database.URL.Reveal(); url != "" {
		return store.ExaminePostgres(ctx, url)
	}
	path := filepath.Join(x.cfg.DataDir, store.FileName)
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	return store.ExamineFile(ctx, path)
}

func (x *examined) database(ctx context.Context) []checkup.Finding {
	e, err := x.exam(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []checkup.Finding{checkup.Warn("turnpike serve or turnpike migrate makes it; if it was there before, look at data_dir", "there is none yet")}
	case err != nil:
		return []checkup.Finding{checkup.Wrong("is database.url right, and does the network let it through? Try psql with the same address", "%v", err)}
	}
	list := []checkup.Finding{schemaOf(e)}
	if e.RoundTrip > slowData {
		list = append(list, checkup.Warn("put gateways and database into one region", "a question takes %s", e.RoundTrip.Round(time.Millisecond)))
	}
	if !e.Clock.IsZero() {
		f := clockFinding(e.Clock, e.Asked, e.Answered, "the database's")
		f.Check = "clock"
		list = append(list, f)
	}
	return list
}

func schemaOf(e *store.Exam) checkup.Finding {
	switch {
	case e.Schema > e.Known:
		return checkup.Wrong("run the newer version, or restore a backup", "its schema is %d, this version knows %d", e.Schema, e.Known)
	case e.Schema < e.Known:
		return checkup.Warn("turnpike migrate, or the next start does it", "its schema is %d, this version has %d", e.Schema, e.Known)
	}
	return checkup.Fine("schema %d, %s for a question", e.Schema, e.RoundTrip.Round(10*time.Microsecond))
}

// clockFinding compares the clock here with another, read between two moments.
func clockFinding(other, asked, answered time.Time, whose string) checkup.Finding {
	off := time.Duration(0)
	switch {
	case other.Before(asked):
		off = asked.Sub(other)
	case other.After(answered):
		off = other.Sub(answered)
	}
	do := "let the machine keep time: chrony or systemd-timesyncd"
	switch {
	case off > clockBroken:
		return checkup.Wrong(do, "it is %s off %s", off.Round(time.Second), whose)
	case off > clockOff:
		return checkup.Warn(do, "it is %s off %s", off.Round(time.Second), whose)
	}
	return checkup.Fine("as %s", whose)
}

func (x *examined) redis(ctx context.Context) checkup.Finding {
	c := &x.cfg.Redis
	if !c.On() {
		if x.cfg.Database.URL != "" {
			return checkup.Warn("set redis.url where there are several gateways: without it each counts limits for itself", "none is configured")
		}
		return checkup.None("none is configured: one gateway needs none")
	}
	took, err := limit.Ping(ctx, limit.Options{URL: c.URL.Reveal(), Addresses: c.Addresses, Sentinel: c.SentinelMaster, Timeout: c.Timeout})
	switch {
	case err != nil:
		return checkup.Wrong("is redis.url right (rediss:// for TLS), and the password? Until it is there each gateway keeps its share of the limits", "%v", err)
	case took > min(slowRedis, c.Timeout):
		return checkup.Warn("put Redis near the gateways, or raise redis.timeout ("+c.Timeout.String()+")", "it answers in %s", took.Round(time.Millisecond))
	}
	return checkup.Fine("it answers in %s", took.Round(10*time.Microsecond))
}

// masterKey opens what the database has sealed data keys with. It makes nothing: no key
// file, no schema.
func (x *examined) masterKey(ctx context.Context) checkup.Finding {
	e, err := x.exam(ctx)
	if err != nil || e.Schema != e.Known {
		return checkup.None("the database has to be in order first")
	}
	db, err := openStore(ctx, x.cfg)
	if err != nil {
		return checkup.None("the database has to be in order first")
	}
	defer func() { _ = db.Close() }()
	keys, err := db.DataKeys(ctx)
	if err != nil {
		return checkup.None("the database has to be in order first")
	}
	if len(keys) == 0 {
		return checkup.None("nothing is sealed yet")
	}
	if _, err := os.Stat(filepath.Join(x.cfg.DataDir, vault.FileName)); x.cfg.Vault.Key == config.VaultFile && errors.Is(err, fs.ErrNotExist) {
		return checkup.Wrong("bring "+vault.FileName+" back from the backup, or from another gateway; one is made only at the first start", "there is no %s in %s", vault.FileName, x.cfg.DataDir)
	}
	do := "vault.key and vault.previous must name the place of the key that the other gateways have"
	v, err := openVault(ctx, x.cfg, db)
	if err != nil {
		return checkup.Wrong(do, "%v", err)
	}
	foreign, err := v.Foreign(ctx)
	switch {
	case err != nil:
		return checkup.Wrong(do, "%v", err)
	case len(foreign) > 0:
		return checkup.Wrong(do, "data keys are wrapped by master keys that are not here: %v", foreign)
	}
	return checkup.Fine("%s opens all data keys", x.cfg.Vault.Key)
}
