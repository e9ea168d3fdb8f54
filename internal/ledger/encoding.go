package ledger

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"turnpike/internal/store"
)

// An attempt in the journal is a Protocol Buffers message without a schema file:
// numbers as varints (signed ones in zigzag form), texts by their length, zero
// values left out. A reader passes over fields it does not know. A number is
// never given to another field.
//
// https://protobuf.dev/programming-guides/encoding/

// textFields are the texts of an attempt.
var textFields = []struct {
	number uint64
	of     func(*store.Attempt) *string
}{
	{1, func(a *store.Attempt) *string { return &a.ID }},
	{2, func(a *store.Attempt) *string { return &a.RequestID }},
	{3, func(a *store.Attempt) *string { return &a.KeyID }},
	{4, func(a *store.Attempt) *string { return &a.Dialect }},
	{5, func(a *store.Attempt) *string { return &a.Provider }},
	{6, func(a *store.Attempt) *string { return &a.Surface }},
	{7, func(a *store.Attempt) *string { return &a.RequestedModel }},
	{8, func(a *store.Attempt) *string { return &a.ServedModel }},
	{9, func(a *store.Attempt) *string { return &a.ErrorClass }},
	{10, func(a *store.Attempt) *string { return &a.Stop }},
	{11, func(a *store.Attempt) *string { return &a.LossReport }},
	{12, func(a *store.Attempt) *string { return &a.CacheStory }},
	{13, func(a *store.Attempt) *string { return &a.Charge.Version }},
	{14, func(a *store.Attempt) *string { return &a.Charge.Model }},
	{15, func(a *store.Attempt) *string { return &a.Charge.Kind }},
	{16, func(a *store.Attempt) *string { return &a.Charge.Region }},
	{17, func(a *store.Attempt) *string { return &a.Charge.Geo }},
	{18, func(a *store.Attempt) *string { return &a.Charge.Tier }},
	{19, func(a *store.Attempt) *string { return &a.Budgets }},
	{20, func(a *store.Attempt) *string { return &a.TeamID }},
	{21, func(a *store.Attempt) *string { return &a.UserID }},
	{22, func(a *store.Attempt) *string { return &a.Tags }},
	{23, func(a *store.Attempt) *string { return &a.Session }},
	{24, func(a *store.Attempt) *string { return &a.Replica }},
}

// numberFields are its numbers.
var numberFields = []struct {
	number uint64
	get    func(*store.Attempt) int64
	set    func(*store.Attempt, int64)
}{
	{32, func(a *store.Attempt) int64 { return nanos(a.At) }, func(a *store.Attempt, n int64) { a.At = time.Unix(0, n).UTC() }},
	{33, func(a *store.Attempt) int64 { return flag(a.Stream) }, func(a *store.Attempt, n int64) { a.Stream = n != 0 }},
	{34, func(a *store.Attempt) int64 { return int64(a.Status) }, func(a *store.Attempt, n int64) { a.Status = int(n) }},
	{35, func(a *store.Attempt) int64 { return int64(a.Latency) }, func(a *store.Attempt, n int64) { a.Latency = time.Duration(n) }},
	{36, func(a *store.Attempt) int64 { return int64(a.FirstContent) }, func(a *store.Attempt, n int64) { a.FirstContent = time.Duration(n) }},
	{37, func(a *store.Attempt) int64 { return int64(a.Losses) }, func(a *store.Attempt, n int64) { a.Losses = int(n) }},
	{38, func(a *store.Attempt) int64 { return int64(a.Number) }, func(a *store.Attempt, n int64) { a.Number = int(n) }},
	{39, func(a *store.Attempt) int64 { return int64(a.Queued) }, func(a *store.Attempt, n int64) { a.Queued = time.Duration(n) }},
	{47, func(a *store.Attempt) int64 { return int64(a.FirstByte) }, func(a *store.Attempt, n int64) { a.FirstByte = time.Duration(n) }},
	{40, func(a *store.Attempt) int64 { return a.Usage.Input }, func(a *store.Attempt, n int64) { a.Usage.Input = n }},
	{41, func(a *store.Attempt) int64 { return a.Usage.Output }, func(a *store.Attempt, n int64) { a.Usage.Output = n }},
	{42, func(a *store.Attempt) int64 { return a.Usage.CacheRead }, func(a *store.Attempt, n int64) { a.Usage.CacheRead = n }},
	{43, func(a *store.Attempt) int64 { return a.Usage.CacheWrite5m }, func(a *store.Attempt, n int64) { a.Usage.CacheWrite5m = n }},
	{44, func(a *store.Attempt) int64 { return a.Usage.CacheWrite1h }, func(a *store.Attempt, n int64) { a.Usage.CacheWrite1h = n }},
	{45, func(a *store.Attempt) int64 { return a.Usage.Reasoning }, func(a *store.Attempt, n int64) { a.Usage.Reasoning = n }},
	{46, func(a *store.Attempt) int64 { return flag(a.Usage.Estimated) }, func(a *store.Attempt, n int64) { a.Usage.Estimated = n != 0 }},
	{50, func(a *store.Attempt) int64 { return a.Charge.Nano }, func(a *store.Attempt, n int64) { a.Charge.Nano = n }},
	{51, func(a *store.Attempt) int64 { return flag(a.Charge.Unpriced) }, func(a *store.Attempt, n int64) { a.Charge.Unpriced = n != 0 }},
	{52, func(a *store.Attempt) int64 { return a.Charge.WebSearches }, func(a *store.Attempt, n int64) { a.Charge.WebSearches = n }},
}

func nanos(t time.Time) int64 {
	if t.IsZero() { // has no nanoseconds since 1970
		return 0
	}
	return t.UnixNano()
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// maxText bounds a text: a model's name is the client's own words, of any length.
const maxText = 4 << 10

const (
	varint = 0 // the wire types of Protocol Buffers
	fixed8 = 1
	text   = 2
	fixed4 = 5
)

// appendAttempt appends an attempt as the journal keeps it.
func appendAttempt(b []byte, a *store.Attempt) []byte {
	for i := range textFields {
		f := &textFields[i]
		if s := plain(*f.of(a)); s != "" {
			b = binary.AppendUvarint(b, f.number<<3|text)
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
	}
	for i := range numberFields {
		f := &numberFields[i]
		if n := f.get(a); n != 0 {
			b = binary.AppendUvarint(b, f.number<<3|varint)
			b = binary.AppendVarint(b, n)
		}
	}
	return b
}

// plain is what every database takes: valid UTF-8 without a zero byte, bounded. A
// row that one refuses for ever would keep all behind it waiting.
func plain(s string) string {
	if len(s) <= maxText && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	s = strings.ReplaceAll(s[:min(len(s), maxText)], "\x00", "")
	return strings.ToValidUTF8(s, "")
}

var errAttempt = errors.New("the journal holds an attempt that cannot be read")

// decodeAttempt reads an attempt. Its texts share one copy of the payload.
func decodeAttempt(payload []byte) (a store.Attempt, err error) {
	all := string(payload)
	for at := 0; at < len(payload); {
		tag, n := binary.Uvarint(payload[at:])
		if n <= 0 {
			return a, errAttempt
		}
		at += n
		switch tag & 7 {
		case varint:
			value, n := binary.Varint(payload[at:])
			if n <= 0 {
				return a, errAttempt
			}
			at += n
			setNumber(&a, tag>>3, value)
		case text:
			length, n := binary.Uvarint(payload[at:])
			if n <= 0 || length > uint64(len(payload)-at-n) { //nolint:gosec // n is within payload
				return a, errAttempt
			}
			at += n
			setText(&a, tag>>3, all[at:at+int(length)]) //nolint:gosec // within payload
			at += int(length)                           //nolint:gosec // within payload
		case fixed8:
			at += 8
		case fixed4:
			at += 4
		default:
			return a, errAttempt
		}
		if at > len(payload) {
			return a, errAttempt
		}
	}
	if a.ID == "" {
		return a, errAttempt
	}
	return a, nil
}

func setText(a *store.Attempt, number uint64, s string) {
	if i := number - 1; i < uint64(len(textFields)) { // they are numbered from 1 on
		*textFields[i].of(a) = s
	}
}

func setNumber(a *store.Attempt, number uint64, n int64) {
	if number < uint64(len(setNumbers)) && setNumbers[number] != nil {
		setNumbers[number](a, n)
	}
}

// setNumbers are the functions of numberFields, by their numbers.
var setNumbers = func() (list [64]func(*store.Attempt, int64)) {
	for i := range numberFields {
		list[numberFields[i].number] = numberFields[i].set
	}
	return list
}()
