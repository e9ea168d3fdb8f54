package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Secret is a string that shows itself only through Reveal: printing, logging
// and marshalling give the masked form. The fmt package cannot call methods on
// unexported struct fields, so keep a Secret in an exported field or by itself.
type Secret string

// Reveal returns the secret in the clear.
func (s Secret) Reveal() string { return string(s) }

// String returns the masked form: the last four characters at most, and none
// of a value shorter than twelve.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	r := []rune(string(s))
	if len(r) < 12 {
		return "…"
	}
	return "…" + string(r[len(r)-4:])
}

// Format masks the secret for every verb of the fmt package.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'q' || (verb == 'v' && f.Flag('#')) {
		_, _ = fmt.Fprintf(f, "%q", s.String())
		return
	}
	_, _ = fmt.Fprint(f, s.String())
}

// LogValue masks the secret in structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText masks the secret in JSON and other text forms.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML masks the secret in YAML.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// Headers are extra request headers. They may carry credentials, so their
// values are masked wherever the whole map is printed.
type Headers map[string]string

func (h Headers) masked() map[string]string {
	out := make(map[string]string, len(h))
	for k, v := range h {
		out[k] = Secret(v).String()
	}
	return out
}

// Format masks the values for every verb of the fmt package.
func (h Headers) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, h.masked()) }

// LogValue masks the values in structured logs.
func (h Headers) LogValue() slog.Value { return slog.AnyValue(h.masked()) }

// MarshalYAML masks the values in YAML.
func (h Headers) MarshalYAML() (any, error) { return h.masked(), nil }

// MarshalJSON masks the values in JSON.
func (h Headers) MarshalJSON() ([]byte, error) {
	return json.Marshal(h.masked())
}

// Names are names by other names.
type Names map[string]string

// APIRule says which API the models that match a pattern are reached by.
type APIRule struct {
	// Match is the pattern.
	Match string `yaml:"match"`
	// API is the API.
	API string `yaml:"api"`
}

// APIRules are rules in their order.
type APIRules []APIRule

// MarshalYAML writes the rules as a mapping in their order.
func (r APIRules) MarshalYAML() (any, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, rule := range r {
		n.Content = append(n.Content,
			&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: rule.Match, Style: yaml.DoubleQuotedStyle},
			&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: rule.API})
	}
	return n, nil
}

// Size is a number of bytes, written as a whole number or with a unit: KB, MB,
// GB (powers of 1000), KiB, MiB, GiB (powers of 1024).
type Size int64

// Units of Size.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
)

var sizeUnits = []struct {
	suffix string
	bytes  Size
}{
	{"GiB", GiB},
	{"MiB", MiB},
	{"KiB", KiB},
	{"GB", 1e9},
	{"MB", 1e6},
	{"KB", 1e3},
	{"B", 1},
}

// String writes the size with the largest binary unit that divides it.
func (s Size) String() string {
	for _, u := range sizeUnits[:3] {
		if s != 0 && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalYAML writes the size with its unit.
func (s Size) MarshalYAML() (any, error) { return s.String(), nil }

var errSize = errors.New("is not a size; write for example 32MiB, 500KB or 1048576")

// ParseSize reads a size such as 32MiB, 1.5 GiB or 1048576. Units are taken in
// any case.
func ParseSize(text string) (Size, error) {
	number, unit := strings.TrimSpace(text), Size(1)
	for _, u := range sizeUnits {
		if cut, ok := cutSuffixFold(number, u.suffix); ok {
			number, unit = strings.TrimSpace(cut), u.bytes
			break
		}
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil {
		if n < 0 || n > math.MaxInt64/int64(unit) {
			return 0, errSize
		}
		return Size(n) * unit, nil
	}
	f, err := strconv.ParseFloat(number, 64)
	bytes := f * float64(unit)
	// Written so that NaN fails too.
	if err != nil || !(bytes >= 0 && bytes < math.MaxInt64) || strings.ContainsAny(number, "xXpPeE_") {
		return 0, errSize
	}
	return Size(bytes), nil
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if len(s) < len(suffix) || !strings.EqualFold(s[len(s)-len(suffix):], suffix) {
		return s, false
	}
	return s[:len(s)-len(suffix)], true
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	sizeType     = reflect.TypeFor[Size]()
	secretType   = reflect.TypeFor[Secret]()
	boolPtrType  = reflect.TypeFor[*bool]()
	intPtrType   = reflect.TypeFor[*int]()
)

// maxDays keeps a number of days within a duration.
const maxDays = 100_000

// parseDuration reads a duration, or whole days: 400d.
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n > maxDays {
			return 0, strconv.ErrRange
		}
		return time.Duration(n) * 24 * time.Hour, nil //nolint:gosec // it is small
	}
	return time.ParseDuration(text)
}

// setText stores a value given as text: a scalar of the file, an environment
// variable or a flag. The error completes the sentence "<the value> …".
func setText(v reflect.Value, text string) error {
	switch v.Type() {
	case durationType:
		d, err := parseDuration(strings.TrimSpace(text))
		if err != nil {
			return errors.New("is not a duration; write a number and a unit, for example 15s, 10m, 1h or 30d")
		}
		v.SetInt(int64(d))
		return nil
	case sizeType:
		n, err := ParseSize(text)
		v.SetInt(int64(n))
		return err
	case secretType:
		// Keys often arrive with the newline of the file they were kept in.
		v.SetString(strings.TrimSpace(text))
		return nil
	case boolPtrType:
		b, err := parseBool(text)
		v.Set(reflect.ValueOf(&b))
		return err
	}
	switch v.Kind() {
	case reflect.Pointer:
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || v.Type() != intPtrType {
			return errors.New("is not a whole number")
		}
		v.Set(reflect.ValueOf(&n))
		return nil
	case reflect.String:
		v.SetString(text)
		return nil
	case reflect.Bool:
		b, err := parseBool(text)
		v.SetBool(b)
		return err
	case reflect.Int:
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return errors.New("is not a whole number")
		}
		v.SetInt(int64(n))
		return nil
	default:
		return fmt.Errorf("cannot be stored in a %s", v.Type())
	}
}

func parseBool(text string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errors.New("is not true or false")
}

// isScalar says whether setText can fill the type.
func isScalar(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64:
		return true
	}
	return t == boolPtrType || t == intPtrType
}
