package signin

import (
	"bytes"
	"encoding/json"
	"time"
)

// Duration is written as in Go: 5m.
type Duration time.Duration

// UnmarshalJSON reads it.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	v, err := time.ParseDuration(s)
	*d = Duration(v)
	return err
}

// ReadSettings reads the settings of an upstream: the later texts stand above the first
// ones, member by member; an empty one is none.
func ReadSettings(to any, texts ...[]byte) error {
	for _, text := range texts {
		if len(text) == 0 {
			continue
		}
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		if err := dec.Decode(to); err != nil {
			return err
		}
	}
	return nil
}
