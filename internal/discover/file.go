package discover

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"turnpike/internal/provider"
	"turnpike/internal/route"
)

// FileName is the file of the last good lists, in the data folder.
const FileName = "models.json"

// maxFile bounds what is read of it.
const maxFile = 64 << 20

// record is the last good list of an account.
type record struct {
	Kind   string           `json:"kind"`
	Models []provider.Model `json:"models"`
}

type document struct {
	Version   int               `json:"version"`
	Providers map[string]record `json:"providers"`
}

const version = 1

// Load gives accounts that have not answered yet the lists they had last time. A
// file that is not there is no error.
func (l *Lists) Load() error {
	f, err := os.Open(l.file)
	switch {
	case l.file == "" || errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("last known models: %w", err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return fmt.Errorf("last known models: %w", err)
	}
	doc, err := decode(text)
	if err != nil {
		return fmt.Errorf("last known models: %s: %w", l.file, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.accounts {
		r, ok := doc.Providers[a.Provider.Name()]
		if !ok || a.Off != "" || r.Kind != a.Provider.Kind() || a.Listed() != nil {
			continue
		}
		a.SetListed(r.Models)
		l.kept[a.Provider.Name()] = r
	}
	return nil
}

func decode(text []byte) (d document, err error) {
	if err := json.Unmarshal(text, &d); err != nil {
		return d, err
	}
	if d.Version != version {
		return d, fmt.Errorf("version %d is not known", d.Version)
	}
	for name, r := range d.Providers {
		if len(r.Models) > maxModels {
			return d, fmt.Errorf("%s has %d models", name, len(r.Models))
		}
		for _, m := range r.Models {
			if m.ID == "" {
				return d, fmt.Errorf("%s has a model without an id", name)
			}
		}
	}
	return d, nil
}

// keep writes the lists, whole or not at all.
func (l *Lists) keep(a *route.Account, models []provider.Model) error {
	if l.file == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept[a.Provider.Name()] = record{Kind: a.Provider.Kind(), Models: models}
	text, err := json.Marshal(document{Version: version, Providers: l.kept})
	if err != nil {
		return err
	}
	return replace(l.file, text)
}

// replace puts a new file in an old one's place: a reader, or a start after a
// crash, sees the one or the other.
func replace(name string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
