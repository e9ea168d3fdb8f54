package ledger

import (
	"encoding/binary"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"

	"turnpike/internal/store"
)

// full is an attempt with a value of its own in every field.
func full(t *testing.T) store.Attempt {
	t.Helper()
	var a store.Attempt
	n := int64(0)
	var fill func(v reflect.Value, name string)
	fill = func(v reflect.Value, name string) {
		n++
		switch {
		case v.Type() == reflect.TypeFor[time.Time]():
			v.Set(reflect.ValueOf(time.Unix(1767225600, 123456789).UTC()))
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i), v.Type().Field(i).Name)
			}
		case v.Kind() == reflect.String:
			v.SetString(name)
		case v.Kind() == reflect.Bool:
			v.SetBool(true)
		case v.CanInt():
			v.SetInt(n * 1000)
		default:
			t.Fatalf("what is %s?", name)
		}
	}
	fill(reflect.ValueOf(&a).Elem(), "")
	return a
}

// TestEveryFieldIsJournalled: a field added to store.Attempt needs a number.
func TestEveryFieldIsJournalled(t *testing.T) {
	a := full(t)
	got, err := decodeAttempt(appendAttempt(nil, &a))
	if err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("%+v came back as %+v, %v: give the new field a number in encoding.go", a, got, err)
	}
	empty := store.Attempt{ID: "att_1"}
	if got, err := decodeAttempt(appendAttempt(nil, &empty)); err != nil || !got.At.Equal(time.Unix(0, 0)) && !got.At.IsZero() || got.ID != "att_1" {
		t.Errorf("an empty one came back as %+v, %v", got, err)
	}
	negative := store.Attempt{ID: "att_1", At: time.Unix(-5, 0).UTC(), Latency: -1}
	if got, err := decodeAttempt(appendAttempt(nil, &negative)); err != nil || !reflect.DeepEqual(got, negative) {
		t.Errorf("negative numbers came back as %+v, %v", got, err)
	}
}

func TestFieldNumbers(t *testing.T) {
	seen := map[uint64]bool{}
	for _, f := range numberFields {
		if seen[f.number] || f.number <= uint64(len(textFields)) {
			t.Errorf("the number %d is taken", f.number)
		}
		seen[f.number] = true
	}
}

// TestForm: what was journalled by one version is read by the next.
func TestForm(t *testing.T) {
	a := store.Attempt{ID: "att_1", Provider: "p", At: time.Unix(1, 0).UTC(), Stream: true, Usage: store.Usage{Input: 300, Output: 7}}
	const want = "0a056174745f31" + "2a0170" + "8002" + "80a8d6b907" + "8802" + "02" + "c002" + "d804" + "c802" + "0e"
	if got := hex.EncodeToString(appendAttempt(nil, &a)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestUnknownFieldsArePassedOver(t *testing.T) {
	a := full(t)
	b := appendAttempt(nil, &a)
	b = binary.AppendUvarint(b, 1000<<3|varint)
	b = binary.AppendVarint(b, -77)
	b = binary.AppendUvarint(b, 1001<<3|text)
	b = append(b, 3, 'n', 'e', 'w')
	b = append(binary.AppendUvarint(b, 1002<<3|fixed8), 1, 2, 3, 4, 5, 6, 7, 8)
	b = append(binary.AppendUvarint(b, 1003<<3|fixed4), 1, 2, 3, 4)
	b = append(binary.AppendUvarint(b, 0<<3|text), 1, 'x')
	if got, err := decodeAttempt(b); err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTextsAnyDatabaseTakes(t *testing.T) {
	for in, want := range map[string]string{
		"claude-sonnet-4-5":             "claude-sonnet-4-5",
		"a\x00b":                        "ab",
		"caf\xc3":                       "caf",
		"é\x00\xff":                     "é",
		strings.Repeat("é", maxText):    strings.Repeat("é", maxText/2),
		strings.Repeat("é", 3000) + "x": strings.Repeat("é", maxText/2),
	} {
		if got := plain(in); got != want {
			t.Errorf("%.20q… is %.20q… (%d bytes, want %d)", in, got, len(got), len(want))
		}
	}
}

func FuzzDecodeAttempt(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendAttempt(nil, &store.Attempt{ID: "att_1", At: time.Unix(1, 0), LossReport: "n;x", Usage: store.Usage{Input: 1, Estimated: true}}))
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Add([]byte{0x09, 1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := decodeAttempt(b)
		if err != nil {
			return
		}
		again, err := decodeAttempt(appendAttempt(nil, &a))
		if plain(a.ID) == "" {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		once := appendAttempt(nil, &again)
		if twice, err := decodeAttempt(once); err != nil || !reflect.DeepEqual(twice, again) {
			t.Fatalf("%+v is %+v, %v", again, twice, err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	a := store.Attempt{
		ID: NewID("att"), RequestID: NewID("req"), KeyID: NewID("key"), At: time.Now(), Dialect: "chat", Provider: "openai", Surface: "chat",
		RequestedModel: "gpt-5", ServedModel: "gpt-5", Status: 200, Stop: "end", Usage: store.Usage{Input: 1000, Output: 200}, Latency: time.Second,
	}
	payload := appendAttempt(nil, &a)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			payload = appendAttempt(payload[:0], &a)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decodeAttempt(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
}
