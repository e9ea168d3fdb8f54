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

// textsOf are the texts of an attempt. Each is numbered by its place, from 1 on.
func textsOf(a *store.Attempt) [24]string {
	return [...]string{
		a.ID, a.RequestID, a.KeyID, a.Dialect, a.Provider, a.Surface,
		a.RequestedModel, a.ServedModel, a.ErrorClass, a.Stop, a.LossReport, a.CacheStory,
		a.Charge.Version, a.Charge.Model, a.Charge.Kind, a.Charge.Region, a.Charge.Geo, a.Charge.Tier,
		a.Budgets, a.TeamID, a.UserID, a.Tags, a.Session, a.Replica,
	}
}

// textFields are where they are read into.
var textFields = [24]func(*store.Attempt) *string{
	func(a *store.Attempt) *string { return &a.ID },
	func(a *store.Attempt) *string { return &a.RequestID },
	func(a *store.Attempt) *string { return &a.KeyID },
	func(a *store.Attempt) *string { return &a.Dialect },
	func(a *store.Attempt) *string { return &a.Provider },
	func(a *store.Attempt) *string { return &a.Surface },
	func(a *store.Attempt) *string { return &a.RequestedModel },
	func(a *store.Attempt) *string { return &a.ServedModel },
	func(a *store.Attempt) *string { return &a.ErrorClass },
	func(a *store.Attempt) *string { return &a.Stop },
	func(a *store.Attempt) *string { return &a.LossReport },
	func(a *store.Attempt) *string { return &a.CacheStory },
	func(a *store.Attempt) *string { return &a.Charge.Version },
	func(a *store.Attempt) *string { return &a.Charge.Model },
	func(a *store.Attempt) *string { return &a.Charge.Kind },
	func(a *store.Attempt) *string { return &a.Charge.Region },
	func(a *store.Attempt) *string { return &a.Charge.Geo },
	func(a *store.Attempt) *string { return &a.Charge.Tier },
	func(a *store.Attempt) *string { return &a.Budgets },
	func(a *store.Attempt) *string { return &a.TeamID },
	func(a *store.Attempt) *string { return &a.UserID },
	func(a *store.Attempt) *string { return &a.Tags },
	func(a *store.Attempt) *string { return &a.Session },
	func(a *store.Attempt) *string { return &a.Replica },
}

// numbersOf are its numbers, in the order of numberFields.
func numbersOf(a *store.Attempt) [19]int64 {
	return [...]int64{
		nanos(a.At), flag(a.Stream), int64(a.Status), int64(a.Latency), int64(a.FirstContent), int64(a.Losses),
		int64(a.Number), int64(a.Queued), int64(a.FirstByte), a.Usage.Input, a.Usage.Output, a.Usage.CacheRead,
		a.Usage.CacheWrite5m, a.Usage.CacheWrite1h, a.Usage.Reasoning, flag(a.Usage.Estimated), a.Charge.Nano, flag(a.Charge.Unpriced),
		a.Charge.WebSearches,
	}
}

// numberFields are where they are read into, and how they are numbered.
var numberFields = [19]struct {
	number uint64
	set    func(*store.Attempt, int64)
}{
	{32, func(a *store.Attempt, n int64) { a.At = time.Unix(0, n).UTC() }},
	{33, func(a *store.Attempt, n int64) { a.Stream = n != 0 }},
	{34, func(a *store.Attempt, n int64) { a.Status = int(n) }},
	{35, func(a *store.Attempt, n int64) { a.Latency = time.Duration(n) }},
	{36, func(a *store.Attempt, n int64) { a.FirstContent = time.Duration(n) }},
	{37, func(a *store.Attempt, n int64) { a.Losses = int(n) }},
	{38, func(a *store.Attempt, n int64) { a.Number = int(n) }},
	{39, func(a *store.Attempt, n int64) { a.Queued = time.Duration(n) }},
	{47, func(a *store.Attempt, n int64) { a.FirstByte = time.Duration(n) }},
	{40, func(a *store.Attempt, n int64) { a.Usage.Input = n }},
	{41, func(a *store.Attempt, n int64) { a.Usage.Output = n }},
	{42, func(a *store.Attempt, n int64) { a.Usage.CacheRead = n }},
	{43, func(a *store.Attempt, n int64) { a.Usage.CacheWrite5m = n }},
	{44, func(a *store.Attempt, n int64) { a.Usage.CacheWrite1h = n }},
	{45, func(a *store.Attempt, n int64) { a.Usage.Reasoning = n }},
	{46, func(a *store.Attempt, n int64) { a.Usage.Estimated = n != 0 }},
	{50, func(a *store.Attempt, n int64) { a.Charge.Nano = n }},
	{51, func(a *store.Attempt, n int64) { a.Charge.Unpriced = n != 0 }},
	{52, func(a *store.Attempt, n int64) { a.Charge.WebSearches = n }},
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
	texts := textsOf(a)
	for i := range texts {
		if s := plain(texts[i]); s != "" {
			b = binary.AppendUvarint(b, uint64(i+1)<<3|text) //nolint:gosec // of 24
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
	}
	for i, n := range numbersOf(a) {
		if n != 0 {
			b = binary.AppendUvarint(b, numberFields[i].number<<3|varint)
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

// decodeAttempt reads an attempt.
func decodeAttempt(payload []byte) (a store.Attempt, err error) {
	err = readAttempt(&a, payload)
	return a, err
}

// readAttempt reads into an empty attempt. Its texts share one copy of the payload.
func readAttempt(a *store.Attempt, payload []byte) error {
	all := string(payload)
	for at := 0; at < len(payload); {
		tag, n := binary.Uvarint(payload[at:])
		if n <= 0 {
			return errAttempt
		}
		at += n
		switch tag & 7 {
		case varint:
			value, n := binary.Varint(payload[at:])
			if n <= 0 {
				return errAttempt
			}
			at += n
			setNumber(a, tag>>3, value)
		case text:
			length, n := binary.Uvarint(payload[at:])
			if n <= 0 || length > uint64(len(payload)-at-n) { //nolint:gosec // n is within payload
				return errAttempt
			}
			at += n
			setText(a, tag>>3, all[at:at+int(length)]) //nolint:gosec // within payload
			at += int(length)                          //nolint:gosec // within payload
		case fixed8:
			at += 8
		case fixed4:
			at += 4
		default:
			return errAttempt
		}
		if at > len(payload) {
			return errAttempt
		}
	}
	if a.ID == "" {
		return errAttempt
	}
	return nil
}

func setText(a *store.Attempt, number uint64, s string) {
	if i := number - 1; i < uint64(len(textFields)) { // they are numbered from 1 on
		*textFields[i](a) = s
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
