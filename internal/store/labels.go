package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"sync"
	"time"
)

// label is what many attempts have in common; a row names it by its id.
type label struct {
	keyID, teamID, userID, tags, replica                   string
	dialect, provider, surface                             string
	requestedModel, servedModel                            string
	version, priceModel, priceKind, region, geo, priceTier string
	stream                                                 int64
}

// labelColumns are those of a label, in the order of fields.
const labelColumns = `key_id, team_id, user_id, tags, replica, dialect, provider, surface, requested_model, served_model,
	price_version, price_model, kind, region, geo, tier, stream`

// texts are its fields that are texts, in the order of labelColumns.
func (l *label) texts() [16]*string {
	return [...]*string{
		&l.keyID, &l.teamID, &l.userID, &l.tags, &l.replica, &l.dialect, &l.provider, &l.surface, &l.requestedModel, &l.servedModel,
		&l.version, &l.priceModel, &l.priceKind, &l.region, &l.geo, &l.priceTier,
	}
}

// fields are where a label's columns are read into.
func (l *label) fields() []any {
	out := make([]any, 0, 17)
	for _, text := range l.texts() {
		out = append(out, text)
	}
	return append(out, &l.stream)
}

func labelOf(a *Attempt) label {
	c := &a.Charge
	return label{
		keyID: a.KeyID, teamID: a.TeamID, userID: a.UserID, tags: a.Tags, replica: a.Replica,
		dialect: a.Dialect, provider: a.Provider, surface: a.Surface, requestedModel: a.RequestedModel, servedModel: a.ServedModel,
		version: c.Version, priceModel: c.Model, priceKind: c.Kind, region: c.Region, geo: c.Geo, priceTier: c.Tier, stream: bit(a.Stream),
	}
}

// put puts a label into its attempt.
func (l *label) put(a *Attempt) {
	a.KeyID, a.TeamID, a.UserID, a.Tags, a.Replica = l.keyID, l.teamID, l.userID, l.tags, l.replica
	a.Dialect, a.Provider, a.Surface, a.RequestedModel, a.ServedModel, a.Stream = l.dialect, l.provider, l.surface, l.requestedModel, l.servedModel, l.stream != 0
	c := &a.Charge
	c.Version, c.Model, c.Kind, c.Region, c.Geo, c.Tier = l.version, l.priceModel, l.priceKind, l.region, l.geo, l.priceTier
}

// id is a label's identity, the same in every process: 63 bits of a digest. try
// counts the others that have had it before.
func (l *label) id(try byte) int64 {
	h := sha256.New()
	_, _ = h.Write([]byte{try, byte(l.stream)})
	for _, text := range l.texts() {
		_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(*text))))
		_, _ = h.Write([]byte(*text))
	}
	return int64(binary.BigEndian.Uint64(h.Sum(nil)) & math.MaxInt64) //nolint:gosec // its highest bit is cleared
}

// maxLabels bounds those that are remembered.
const maxLabels = 20_000

// labels remembers labels that are in the database. It forgets them all after a day:
// when they are looked up again, the database learns that they are still in use.
type labels struct {
	now   func() time.Time
	mu    sync.Mutex
	known map[label]int64
	since time.Time // when the first of known was looked up
}

const (
	// rememberLabels is how long labels are remembered.
	rememberLabels = 24 * time.Hour
	// touchLabels is how old what the database knows of a label's use gets before it is
	// told again.
	touchLabels = 12 * time.Hour
	// unusedLabels is how much earlier than all that is kept a label was last looked up
	// if nothing can have it: a day it is remembered, and a day that clocks may differ.
	unusedLabels = rememberLabels + 24*time.Hour
)

// get returns the id of a label that is known.
func (s *labels) get(l *label) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known != nil && s.now().Sub(s.since) > rememberLabels {
		s.known = nil
	}
	id, ok := s.known[*l]
	return id, ok
}

// keep remembers labels that were committed.
func (s *labels) keep(fresh map[label]int64) {
	if len(fresh) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known)+len(fresh) > maxLabels {
		s.known, s.since = make(map[label]int64, len(fresh)), s.now()
	}
	maps.Copy(s.known, fresh)
}

// labelling finds the ids of labels within a transaction. Those it has to write are
// remembered when that is committed.
type labelling struct {
	known *labels
	fresh map[label]int64

	last   label // that was asked for: the next attempt often has the same
	lastID int64 // 0: none was
}

func (n *labelling) id(ctx context.Context, tx *sql.Tx, l *label) (id int64, err error) {
	if n.lastID != 0 && n.last == *l {
		return n.lastID, nil
	}
	if id, err = n.find(ctx, tx, l); err == nil {
		n.last, n.lastID = *l, id
	}
	return id, err
}

func (n *labelling) find(ctx context.Context, tx *sql.Tx, l *label) (int64, error) {
	if id, ok := n.known.get(l); ok {
		return id, nil
	}
	if id, ok := n.fresh[*l]; ok {
		return id, nil
	}
	id, err := writeLabel(ctx, tx, l, n.known.now())
	if err != nil {
		return 0, err
	}
	if n.fresh == nil {
		n.fresh = map[label]int64{}
	}
	n.fresh[*l] = id
	return id, nil
}

// maxTries bounds the labels with one digest: two are a wonder.
const maxTries = 8

var errDigests = errors.New("too many labels of attempts have one digest")

// writeLabel adds a label unless it is there, and notes its use.
func writeLabel(ctx context.Context, tx *sql.Tx, l *label, now time.Time) (int64, error) {
	for try := range byte(maxTries) {
		id := l.id(try)
		there, err := putLabel(ctx, tx, l, id, now)
		if err != nil {
			return 0, fmt.Errorf("label of an attempt: %w", err)
		}
		if there {
			return id, nil
		}
	}
	return 0, errDigests
}

// putLabel tells whether the label of an id is this one.
func putLabel(ctx context.Context, tx *sql.Tx, l *label, id int64, now time.Time) (bool, error) {
	for {
		//nolint:gosec // constants and question marks only
		_, err := tx.ExecContext(ctx, `INSERT INTO attempt_labels (id, used_at, `+labelColumns+`) VALUES (?, ?`+strings.Repeat(", ?", 17)+`)
			ON CONFLICT (id) DO NOTHING`, append([]any{id, now.UnixNano()}, l.values()...)...)
		if err != nil {
			return false, err
		}
		var (
			there label
			used  int64
		)
		err = tx.QueryRowContext(ctx, `SELECT used_at, `+labelColumns+` FROM attempt_labels WHERE id = ?`, id).Scan(append([]any{&used}, there.fields()...)...)
		if err != nil || there != *l || now.Sub(time.Unix(0, used)) < touchLabels {
			return err == nil && there == *l, err
		}
		touched, err := tx.ExecContext(ctx, `UPDATE attempt_labels SET used_at = max(used_at, ?) WHERE id = ?`, now.UnixNano(), id)
		if err != nil {
			return false, err
		}
		if n, err := touched.RowsAffected(); err != nil || n > 0 {
			return true, err
		} // deleted meanwhile: it is written again
	}
}

// PurgeLabels deletes labels that no attempt and no sum can have any more, at most limit
// of them: they were last looked up long before the oldest that is kept began.
func (s *Store) PurgeLabels(ctx context.Context, limit int) (deleted int64, err error) {
	oldest, _, err := s.Extent(ctx)
	if err != nil {
		return 0, err
	}
	if oldest.IsZero() {
		oldest = s.labels.now()
	}
	before := oldest.Add(-unusedLabels).UnixNano()
	res, err := s.writer.ExecContext(ctx, `DELETE FROM attempt_labels WHERE used_at < ? AND id IN
		(SELECT id FROM attempt_labels WHERE used_at > 0 AND used_at < ? ORDER BY used_at LIMIT ?)`, before, before, limit)
	if err == nil {
		deleted, err = res.RowsAffected()
	}
	more, also := s.purgeChargeLabels(ctx, limit)
	if err := errors.Join(err, also); err != nil {
		return 0, fmt.Errorf("delete labels of attempts: %w", err)
	}
	return deleted + more, nil
}

func (l *label) values() []any {
	out := make([]any, 0, 17)
	for _, text := range l.texts() {
		out = append(out, *text)
	}
	return append(out, l.stream)
}
