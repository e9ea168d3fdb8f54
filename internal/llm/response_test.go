package llm_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"turnpike/internal/llm"
)

func TestSettledStop(t *testing.T) {
	tests := []struct {
		name   string
		stop   llm.Stop
		called bool
		want   llm.Stop
	}{
		{"STOP-07 a call, and the end was told", llm.StopEnd, true, llm.StopTool},
		{"STOP-08 a call, and an unknown reason", llm.StopOther, true, llm.StopTool},
		{"STOP-08 a call, and no reason", "", true, llm.StopTool},
		{"a call that was waited for", llm.StopTool, true, llm.StopTool},
		{"a call cut by the limit", llm.StopLength, true, llm.StopLength},
		{"a call, and then a filter", llm.StopFilter, true, llm.StopFilter},
		{"STOP-04 a call, and a pause", llm.StopPause, true, llm.StopPause},
		{"a call, and a stop sequence", llm.StopSequence, true, llm.StopSequence},
		{"STOP-06 no reason", "", false, llm.StopEnd},
		{"STOP-06 an unknown reason", llm.StopOther, false, llm.StopOther},
		{"the end", llm.StopEnd, false, llm.StopEnd},
		{"tools were told, and none was called", llm.StopTool, false, llm.StopTool},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := llm.SettledStop(tt.stop, tt.called); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			r := llm.Response{Stop: tt.stop, Parts: []llm.Part{&llm.Text{}}}
			if tt.called {
				r.Parts = append(r.Parts, &llm.ToolCall{})
			}
			if r.Settle(); r.Stop != tt.want {
				t.Errorf("Settle: got %q, want %q", r.Stop, tt.want)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	u := llm.Usage{Input: 1, CacheRead: 10, CacheWrite5m: 100, CacheWrite1h: 1000, Output: 10_000, Reasoning: 5000}
	if u.CacheWrite() != 1100 || u.Prompt() != 1111 {
		t.Errorf("written %d, prompt %d", u.CacheWrite(), u.Prompt())
	}
	for n, want := range map[int64]int64{0: 0, 7: 7, -1: 0, math.MinInt64: 0, math.MaxInt32: math.MaxInt32, math.MaxInt64: math.MaxInt32} {
		if got := llm.Clamp(n); got != want {
			t.Errorf("Clamp(%d) = %d", n, got)
		}
	}
}

func TestHTTPStatus(t *testing.T) {
	kinds := map[llm.ErrorKind]int{
		llm.ErrInvalid: 400, llm.ErrContext: 400, llm.ErrAuth: 401, llm.ErrBilling: 429, llm.ErrForbidden: 403, llm.ErrNotFound: 404,
		llm.ErrConflict: 409, llm.ErrTooLarge: 413, llm.ErrRate: 429, llm.ErrInternal: 500, llm.ErrUpstream: 502, llm.ErrUnavail: 503,
		llm.ErrTimeout: 504, llm.ErrOverloaded: 529, "": 500, "unheard of": 500,
	}
	for kind, want := range kinds {
		if got := (&llm.Error{Kind: kind}).HTTPStatus(); got != want {
			t.Errorf("%q: %d, want %d", kind, got, want)
		}
	}
	// A status of its own counts, unless it would say that nothing went wrong.
	for status, want := range map[int]int{400: 400, 451: 451, 599: 599, 200: 502, 399: 502, 600: 502, -1: 502, 99999: 502} {
		if got := (&llm.Error{Kind: llm.ErrUpstream, Status: status}).HTTPStatus(); got != want {
			t.Errorf("status %d: %d, want %d", status, got, want)
		}
	}
}

func TestKindOfStatus(t *testing.T) {
	kinds := map[int]llm.ErrorKind{
		400: llm.ErrInvalid, 401: llm.ErrAuth, 402: llm.ErrBilling, 403: llm.ErrForbidden, 404: llm.ErrNotFound, 408: llm.ErrTimeout,
		409: llm.ErrConflict, 413: llm.ErrTooLarge, 418: llm.ErrInvalid, 422: llm.ErrInvalid, 429: llm.ErrRate, 500: llm.ErrUpstream,
		502: llm.ErrUpstream, 503: llm.ErrUnavail, 504: llm.ErrTimeout, 529: llm.ErrOverloaded, 599: llm.ErrUpstream, 302: llm.ErrUpstream,
	}
	for status, want := range kinds {
		if got := llm.KindOfStatus(status); got != want {
			t.Errorf("%d: %q, want %q", status, got, want)
		}
	}
}

func TestErrorText(t *testing.T) {
	e := &llm.Error{Kind: llm.ErrTimeout, Message: "no answer", Cause: io.ErrUnexpectedEOF}
	if e.Error() != "timeout: no answer: unexpected EOF" || !errors.Is(e, io.ErrUnexpectedEOF) {
		t.Errorf("%v", e)
	}
	if s := (&llm.Error{Kind: llm.ErrRate, Message: "slow down"}).Error(); s != "rate: slow down" {
		t.Error(s)
	}
}

func TestAddLoss(t *testing.T) {
	list := llm.AddLoss(nil, "top_k", "not known there")
	list = llm.AddLoss(list, "seed", "not known there")
	list = llm.AddLoss(list, "top_k", "not known there")
	list = llm.AddLoss(list, "top_k", "another reason")
	want := []llm.Loss{{llm.LossDropped, "top_k", "not known there", 2}, {llm.LossDropped, "seed", "not known there", 1}, {llm.LossDropped, "top_k", "another reason", 1}}
	if !reflect.DeepEqual(list, want) {
		t.Errorf("%+v", list)
	}
	if h := llm.LossHeader(list); h != "top_k (not known there), seed (not known there), top_k (another reason)" {
		t.Error(h)
	}
	if h := llm.LossHeader(nil); h != "" {
		t.Error(h)
	}
}

func TestLossesAreBounded(t *testing.T) {
	var list []llm.Loss
	for i := range 1000 {
		list = llm.AddLoss(list, fmt.Sprintf("messages[%d].name", i), "not known there")
	}
	if len(list) != 64 {
		t.Errorf("%d losses", len(list))
	}
	if list = llm.AddLoss(list, "messages[0].name", "not known there"); list[0].Count != 2 {
		t.Error("what is listed is counted even when the list is full")
	}
	long := strings.Repeat("日", 1<<20)
	list = llm.AddLoss(nil, long, long)
	list = llm.AddLoss(list, long, long)
	if len(list) != 1 || list[0].Count != 2 || len(list[0].Path) > 210 || len(list[0].Reason) > 210 || !utf8.ValidString(list[0].Path) {
		t.Errorf("%d losses, %d and %d bytes", len(list), len(list[0].Path), len(list[0].Reason))
	}
	for range 63 {
		list = append(list, llm.Loss{Path: long, Reason: long})
	}
	if n := len(llm.LossHeader(list)); n > 2100 {
		t.Errorf("a header of %d bytes", n)
	}
}

func TestLossHeaderIsSafe(t *testing.T) {
	h := llm.LossHeader([]llm.Loss{{Path: "a\r\nSet-Cookie: x\x00", Reason: "größe\x7f"}})
	if h != "a??Set-Cookie: x? (gr??e?)" {
		t.Errorf("%q", h)
	}
}

func TestSeal(t *testing.T) {
	tests := []struct {
		name, issuer string
		t            llm.Thinking
	}{
		{"signed text", "claude", llm.Thinking{Text: "I think\nso: größe 🐦", Signature: "ErUB+/="}},
		{"redacted", "claude", llm.Thinking{Redacted: "EmwKAhgB"}},
		{"all of it", "chat", llm.Thinking{Text: "a", Signature: "b", Redacted: "c"}},
		{"nothing", "x", llm.Thinking{}},
		{"a NUL in the text", "claude", llm.Thinking{Text: "\x00a\x00\x00b\x00", Signature: "sig"}},
		{"bytes that are not UTF-8", "claude", llm.Thinking{Text: "\xff", Signature: "s"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := llm.Seal(tt.issuer, &tt.t)
			issuer, got, ok := llm.Unseal(s)
			if !ok || issuer != tt.issuer || !reflect.DeepEqual(*got, tt.t) || !llm.IsSeal(s) {
				t.Errorf("%s: %s %+v %v", s, issuer, got, ok)
			}
			if strings.ContainsAny(s, "+/=\"\\ \n") {
				t.Errorf("%s must need no escaping anywhere", s)
			}
			if !llm.HasSeal([]byte(`{"signature":"` + s + `"}`)) {
				t.Error("a body that holds it must be known")
			}
		})
	}
}

func TestUnsealRefuses(t *testing.T) {
	prefix, _, _ := strings.Cut(llm.Seal("claude", &llm.Thinking{}), "claude.")
	for _, s := range []string{
		"", prefix, prefix[:len(prefix)-1], prefix + "claude", prefix + "claude.", prefix + ".YQBiAGM", prefix + "claude.!!!", prefix + "claude.YQBiAGM=",
		prefix + "claude.YQ", prefix + "claude.YQBi", prefix[1:] + "claude.YQBiAGM", " " + prefix + "claude.YQBiAGM", "ErUBCkYIBRgC",
	} {
		if issuer, th, ok := llm.Unseal(s); ok || issuer != "" || th != nil {
			t.Errorf("%q: %q %+v %v", s, issuer, th, ok)
		}
	}
	if _, th, ok := llm.Unseal(prefix + "claude.YQBiAGM"); !ok || *th != (llm.Thinking{Text: "a", Signature: "b", Redacted: "c"}) {
		t.Errorf("and this one is right: %+v %v", th, ok)
	}
}

func FuzzUnseal(f *testing.F) {
	f.Add(llm.Seal("claude", &llm.Thinking{Text: "a\x00b", Signature: "c", Redacted: "d"}), "text", "sig")
	f.Add("~tpk1.claude.YQBiAGM", "\x00", "")
	f.Add("~tpk1.a.b.c", "\xff", "x")
	f.Fuzz(func(t *testing.T, s, text, signature string) {
		if issuer, th, ok := llm.Unseal(s); ok {
			again, th2, ok := llm.Unseal(llm.Seal(issuer, th))
			if !ok || again != issuer || !reflect.DeepEqual(th, th2) {
				t.Fatalf("%q: %+v, sealed again: %+v", s, th, th2)
			}
		}
		if strings.Contains(signature, "\x00") {
			t.Skip("a proof holds no NUL")
		}
		want := llm.Thinking{Text: text, Signature: signature}
		if _, got, ok := llm.Unseal(llm.Seal("x", &want)); !ok || *got != want {
			t.Fatalf("%+v becomes %+v", want, got)
		}
	})
}
