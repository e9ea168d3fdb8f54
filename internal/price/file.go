package price

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// The form of our own price files, the snapshot's too. Prices are decimal text in
// dollars: for a million tokens, and each for what is counted one by one.
type fileForm struct {
	Format  string      `json:"format"`
	Source  string      `json:"source,omitempty"`
	Checked string      `json:"checked,omitempty"`
	Entries []fileEntry `json:"entries"`
}

type fileEntry struct {
	Models     []string   `json:"models"`
	Kind       string     `json:"kind,omitempty"`
	Provider   string     `json:"provider,omitempty"`
	Region     string     `json:"region,omitempty"`
	Geo        string     `json:"geo,omitempty"`
	Tier       string     `json:"tier,omitempty"`
	From       string     `json:"from,omitempty"`
	To         string     `json:"to,omitempty"`
	Prices     fileRates  `json:"prices"`
	Long       []fileLong `json:"long,omitempty"`
	Also       []fileAlso `json:"also,omitempty"`
	Source     string     `json:"source,omitempty"`
	Checked    string     `json:"checked,omitempty"`
	Confidence string     `json:"confidence,omitempty"`
}

type fileRates map[string]string

type fileLong struct {
	Above  int64     `json:"above"`
	Prices fileRates `json:"prices"`
}

// fileAlso is the same for another tier or geography, times a factor. Prices of
// single units, searches and the like, are not multiplied.
type fileAlso struct {
	Tier  string `json:"tier,omitempty"`
	Geo   string `json:"geo,omitempty"`
	Times string `json:"times"`
}

// FileFormat names the form of our own price files.
const FileFormat = "turnpike-prices/1"

// maxEntries bounds a book's sources.
const maxEntries = 200_000

// ReadFile reads a price file of our own form.
func ReadFile(b []byte, rank Rank) ([]Entry, error) {
	var f fileForm
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("read the price file: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read the price file: there is more behind its end")
	}
	if f.Format != FileFormat {
		return nil, fmt.Errorf("read the price file: format is %q, want %q", f.Format, FileFormat)
	}
	var out []Entry
	for i := range f.Entries {
		list, err := f.Entries[i].entries(&f, rank)
		if err != nil {
			return nil, fmt.Errorf("entries[%d]: %w", i, err)
		}
		if out = append(out, list...); len(out) > maxEntries {
			return nil, fmt.Errorf("more than %d prices", maxEntries)
		}
	}
	return out, nil
}

func (fe *fileEntry) entries(f *fileForm, rank Rank) (out []Entry, err error) {
	e := Entry{
		Kind: fe.Kind, Provider: fe.Provider, Region: fe.Region, Geo: fe.Geo, Tier: fe.Tier, Rank: rank,
		Source: or(fe.Source, f.Source), Checked: or(fe.Checked, f.Checked), Confidence: fe.Confidence,
	}
	if e.From, err = ParseDate(fe.From); err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	if e.To, err = ParseDate(fe.To); err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	if e.Rates, err = fe.Prices.read(); err != nil {
		return nil, err
	}
	for _, l := range fe.Long {
		r, err := l.Prices.read()
		if err != nil {
			return nil, err
		}
		e.Long = append(e.Long, Long{Above: l.Above, Rates: r})
	}
	if len(fe.Models) == 0 {
		return nil, errors.New("models: none is named")
	}
	for _, model := range fe.Models {
		e.Model = model
		if err := e.Check(); err != nil {
			return nil, err
		}
		out = append(out, e)
		for _, also := range fe.Also {
			other, err := also.of(e)
			if err != nil {
				return nil, fmt.Errorf("%s: also: %w", model, err)
			}
			out = append(out, other)
		}
	}
	return out, nil
}

func (a *fileAlso) of(e Entry) (_ Entry, err error) {
	e.Tier, e.Geo = or(a.Tier, e.Tier), or(a.Geo, e.Geo)
	if e.Rates, err = e.Rates.Times(a.Times); err != nil {
		return e, err
	}
	long := e.Long
	e.Long = nil
	for _, l := range long {
		r, err := l.Rates.Times(a.Times)
		if err != nil {
			return e, err
		}
		e.Long = append(e.Long, Long{Above: l.Above, Rates: r})
	}
	return e, nil
}

// Times multiplies the prices of tokens by a factor, exactly.
func (r Rates) Times(factor string) (Rates, error) {
	for c := range Classes {
		p, ok := r.Get(c)
		if !ok || !c.tokens() {
			continue
		}
		p, err := p.times(factor)
		if err != nil {
			return r, fmt.Errorf("%s times %s %w", c, factor, err)
		}
		r.Set(c, p)
	}
	return r, nil
}

func (f fileRates) read() (r Rates, err error) {
	for name, text := range f {
		c, ok := ClassNamed(name)
		if !ok {
			return r, fmt.Errorf("there is no class %q", name)
		}
		p, err := ParseClass(c, text)
		if err != nil {
			return r, fmt.Errorf("%s: %q %w", name, text, err)
		}
		r.Set(c, p)
	}
	return r, nil
}

// ParseClass reads a price as people write it for a class: tokens by the
// million, anything else one by one.
func ParseClass(c Class, text string) (Price, error) {
	if c.tokens() {
		return Parse(text, PerMillion)
	}
	return Parse(text, PerUnit)
}

// Show writes a price as ParseClass reads it.
func Show(c Class, p Price) string {
	if c.tokens() {
		return p.String()
	}
	return p.Each()
}

// ParseDate reads 2026-11-27, a day in UTC, or a moment in RFC 3339. Empty is the
// zero time.
func ParseDate(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a date; write 2026-11-27 or 2026-11-27T15:04:05Z", text)
	}
	return t.UTC(), nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
