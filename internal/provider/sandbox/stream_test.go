package sandbox

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/provider"
)

func TestFaults(t *testing.T) {
	tests := []struct {
		directive, text string
		chunks          int
		before          bool // nothing comes before the fault
	}{
		{"fault=0", "", 0, true},
		{"fault=1", "a ", 1, false},
		{"fault=3", "a b c", 3, false},
		{"fault=99", "a b c", 3, false},
		{"cut=99 fault=2", "a b ", 2, false},
	}
	a := NewPaced(provider.Options{}, noWait)
	for _, test := range tests {
		for _, dialect := range dialects {
			t.Run(test.directive+"/"+dialect, func(t *testing.T) {
				text := `[[sandbox text="a b c" ` + test.directive + `]]`
				got, err := hear(t, a, call(dialect, "m", true, ask{model: "m", stream: true, turns: said1(text)}.shape(t, dialect)))
				if err != nil {
					t.Fatal(err)
				}
				if got.Fault != faultText || got.Done || got.Text != test.text || got.Chunks != test.chunks {
					t.Errorf("%+v", got)
				}
				if dialect != dialectConverse && (len(got.IDs) == 0) != test.before {
					t.Errorf("before the fault came %q", got.IDs)
				}
			})
		}
	}
}

func TestCuts(t *testing.T) {
	tests := []struct {
		directive, text string
		chunks          int
	}{
		{"cut=0", "", 0},
		{"cut=1", "a ", 1},
		{"cut=3", "a b c", 3},
		{"cut=99", "a b c", 3},
		{"cut=1 fault=2", "a ", 1},
		{"cut=2 fault=2", "a b ", 2},
	}
	a := NewPaced(provider.Options{}, noWait)
	for _, test := range tests {
		for _, dialect := range dialects {
			t.Run(test.directive+"/"+dialect, func(t *testing.T) {
				text := `[[sandbox text="a b c" ` + test.directive + `]]`
				got, err := hear(t, a, call(dialect, "m", true, ask{model: "m", stream: true, turns: said1(text)}.shape(t, dialect)))
				if !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("ended with %v", err)
				}
				if got.Fault != "" || got.Done || got.Text != test.text || got.Chunks != test.chunks {
					t.Errorf("%+v", got)
				}
			})
		}
	}
}

func TestBreaksWithoutStream(t *testing.T) {
	a := NewPaced(provider.Options{}, noWait)
	for _, dialect := range dialects {
		res := send(t, a, call(dialect, "m", false, ask{model: "m", turns: said1("[[sandbox fault=3]]")}.shape(t, dialect)))
		if got := hearFailure(t, dialect, res); got.status != http.StatusInternalServerError || got.message != faultText {
			t.Errorf("%s: %+v", dialect, got)
		}
		res = send(t, a, call(dialect, "m", false, ask{model: "m", turns: said1("[[sandbox cut=3]]")}.shape(t, dialect)))
		b, err := io.ReadAll(res.Body)
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(b) == 0 || int64(len(b)) >= res.ContentLength || res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d of %d bytes, %v", dialect, len(b), res.ContentLength, err)
		}
	}
}

// The pauses are those that were asked for, and what was said before a pause is
// on its way before it begins.
func TestPauses(t *testing.T) {
	ms := time.Millisecond
	tests := []struct {
		name, model, directive string
		stream                 bool
		want                   []time.Duration
	}{
		{"none", "m", `text="a b c"`, true, nil},
		{"between chunks", "m", `text="a b c" delay=5`, true, []time.Duration{5 * ms, 5 * ms}},
		{"before the first", "m", `text="a b" first=2s`, true, []time.Duration{2000 * ms}},
		{"both", "m", `text="a b c" first=2s delay=5ms`, true, []time.Duration{2000 * ms, 5 * ms, 5 * ms}},
		{"over parts", "m", `think="a" text="b" tool=x delay=5`, true, []time.Duration{5 * ms, 5 * ms}},
		{"slow model", "sandbox-slow", `text="a b"`, true, []time.Duration{50 * ms}},
		{"model for load tests", "sandbox-n4-d7", `text="a"`, true, []time.Duration{7 * ms, 7 * ms, 7 * ms}},
		{"directive over model", "sandbox-n4-d7", `text="a" n=2 delay=1`, true, []time.Duration{ms}},
		{"whole", "m", `text="a b c" first=2s delay=5`, false, []time.Duration{2010 * ms}},
		{"whole of one chunk", "m", `text="a" delay=5`, false, nil},
		{"whole without chunks", "m", `text="" delay=5`, false, nil},
		{"error", "m", `error=500 first=2s delay=5`, true, []time.Duration{2000 * ms}},
	}
	for _, test := range tests {
		for _, dialect := range dialects {
			t.Run(test.name+"/"+dialect, func(t *testing.T) {
				var pauses []time.Duration
				a := NewPaced(provider.Options{}, func(_ context.Context, d time.Duration) error {
					pauses = append(pauses, d)
					return nil
				})
				res := send(t, a, call(dialect, test.model, test.stream, ask{
					model: test.model, stream: test.stream, turns: said1("[[sandbox " + test.directive + "]]"),
				}.shape(t, dialect)))
				if _, err := io.Copy(io.Discard, res.Body); err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				a.server.running.Wait()
				if !reflect.DeepEqual(pauses, test.want) {
					t.Errorf("paused %v, want %v", pauses, test.want)
				}
			})
		}
	}
}

// slow is a stream that pauses for a minute before every chunk. The tests that
// use it run in a bubble: its clock leaps over pauses, and a goroutine that is
// left behind is an error.
func slow(t *testing.T, ctx context.Context, dialect string) (*Account, *http.Response) {
	t.Helper()
	a := New(provider.Options{})
	r, err := a.NewRequest(ctx, call(dialect, "m", true, ask{
		model: "m", stream: true, turns: said1(`[[sandbox text="a b c" first=60s delay=60s]]`),
	}.shape(t, dialect)))
	if err != nil {
		t.Fatal(err)
	}
	res, err := a.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	return a, res
}

func TestChunksComeAtTheirTime(t *testing.T) {
	for _, dialect := range dialects {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			a, res := slow(t, t.Context(), dialect)
			frames := a.Frames(call(dialect, "m", true, ""), res.Body)
			arrived := map[string]time.Duration{}
			for {
				f, err := frames.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, piece := range []string{`"a "`, `"b "`, `"c"`} {
					if strings.Contains(string(f.Data), piece) {
						arrived[piece] = time.Since(start)
					}
				}
				if len(arrived) == 0 && time.Since(start) != 0 {
					t.Errorf("%s: %q was held back", dialect, f.Data)
				}
			}
			want := map[string]time.Duration{`"a "`: time.Minute, `"b "`: 2 * time.Minute, `"c"`: 3 * time.Minute}
			if !reflect.DeepEqual(arrived, want) {
				t.Errorf("%s: %v", dialect, arrived)
			}
			res.Body.Close()
			a.server.running.Wait()
		})
	}
}

var errGone = errors.New("the client is gone")

func TestContextEndsStream(t *testing.T) {
	for name, until := range map[string]func(t *testing.T, res *http.Response){
		"while nobody reads": func(*testing.T, *http.Response) {},
		"in a pause": func(t *testing.T, res *http.Response) {
			if _, err := res.Body.Read(make([]byte, 8<<10)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				a, res := slow(t, ctx, dialectMessages)
				until(t, res)
				synctest.Wait()
				cancel(errGone)
				a.server.running.Wait() // before the body is read on or closed
				if _, err := io.ReadAll(res.Body); !errors.Is(err, errGone) {
					t.Errorf("reading on: %v", err)
				}
				res.Body.Close()
			})
		})
	}
}

func TestContextEndsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		a, res := slow(t, ctx, dialectChat)
		start := time.Now()
		if _, err := io.ReadAll(res.Body); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("waited %v", d)
		}
		a.server.running.Wait()
		res.Body.Close()
	})
}

func TestCloseEndsStream(t *testing.T) {
	for _, read := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a, res := slow(t, t.Context(), dialectConverse)
			if read {
				if _, err := res.Body.Read(make([]byte, 8<<10)); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			start := time.Now()
			res.Body.Close()
			a.server.running.Wait()
			if d := time.Since(start); d != 0 {
				t.Errorf("read %v: it went on for %v", read, d)
			}
			if _, err := res.Body.Read(make([]byte, 1)); err == nil {
				t.Error("a closed body can be read")
			}
		})
	}
}

func TestContextEndsWait(t *testing.T) {
	for _, directive := range []string{"first=60s", "first=60s error=500"} {
		synctest.Test(t, func(t *testing.T) {
			a := New(provider.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			r, err := a.NewRequest(ctx, call(dialectChat, "m", false, ask{model: "m", turns: said1("[[sandbox " + directive + "]]")}.shape(t, dialectChat)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := a.RoundTrip(r); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", directive, err)
			}
		})
	}
}

func TestContextDoneBefore(t *testing.T) {
	a := NewPaced(provider.Options{}, noWait)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := a.NewRequest(ctx, call(dialectChat, "m", true, ask{model: "m", stream: true, turns: said1("Hi")}.shape(t, dialectChat)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.RoundTrip(r); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The account's own bound of the wait for a head holds here as it does for a
// real transport.
func TestFirstByteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(provider.Options{Timeouts: provider.Timeouts{FirstByte: 5 * time.Second}})
		for directive, want := range map[string]time.Duration{"first=60s": 5 * time.Second, "first=60s error=500": 5 * time.Second} {
			r, err := a.NewRequest(t.Context(), call(dialectChat, "m", false, ask{model: "m", turns: said1("[[sandbox " + directive + "]]")}.shape(t, dialectChat)))
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if _, err := a.RoundTrip(r); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: %v", directive, err)
			}
			if d := time.Since(start); d != want {
				t.Errorf("%s: waited %v, want %v", directive, d, want)
			}
		}
		got, err := hear(t, a, call(dialectChat, "m", false, ask{model: "m", turns: said1(`[[sandbox text="a" first=5s]]`)}.shape(t, dialectChat)))
		if err != nil || got.Text != "a" {
			t.Errorf("in time: %+v, %v", got, err)
		}
	})
}

func TestStreamHead(t *testing.T) {
	types := map[string]string{
		dialectChat: "text/event-stream; charset=utf-8", dialectMessages: "text/event-stream; charset=utf-8",
		dialectConverse: "application/vnd.amazon.eventstream",
	}
	ids := map[string]string{dialectChat: "X-Request-Id", dialectMessages: "Request-Id", dialectConverse: "X-Amzn-Requestid"}
	a := NewPaced(provider.Options{}, noWait)
	for _, dialect := range dialects {
		res := send(t, a, call(dialect, "m", true, ask{model: "m", stream: true, turns: said1("Hi")}.shape(t, dialect)))
		if res.Header.Get("Content-Type") != types[dialect] || res.Header.Get(ids[dialect]) == "" || res.ContentLength != -1 {
			t.Errorf("%s: %v, length %d", dialect, res.Header, res.ContentLength)
		}
		res.Body.Close()
	}
	a.server.running.Wait()
}

// chat sends usage only to those who asked for it (STR-14).
func TestChatUsageIsAskedFor(t *testing.T) {
	t.Run("STR-14 no usage chunk unless asked for", func(t *testing.T) {
		a := NewPaced(provider.Options{}, noWait)
		for _, options := range []string{``, `"stream_options":null,`, `"stream_options":{"include_usage":false},`} {
			res := send(t, a, call(dialectChat, "m", true, `{"model":"m","stream":true,`+options+`"messages":[{"role":"user","content":"Hi"}]}`))
			b, err := io.ReadAll(res.Body)
			if err != nil || strings.Contains(string(b), "usage") || !strings.HasSuffix(string(b), "data: [DONE]\n\n") {
				t.Errorf("%s: %v\n%s", options, err, b)
			}
		}
	})
}

// A long stream is written as it is read, not kept as a whole.
func TestStreamIsWrittenInPieces(t *testing.T) {
	a := NewPaced(provider.Options{}, noWait)
	for _, dialect := range dialects {
		res := send(t, a, call(dialect, "sandbox-n1000", true, ask{model: "sandbox-n1000", stream: true, turns: said1("Hi")}.shape(t, dialect)))
		most, total := 0, 0
		for buf := make([]byte, 1<<20); ; {
			n, err := res.Body.Read(buf)
			most, total = max(most, n), total+n
			if err != nil {
				break
			}
		}
		if most > 2*flushAt || total < 10*flushAt {
			t.Errorf("%s: %d bytes, up to %d at once", dialect, total, most)
		}
	}
}

func BenchmarkStream(b *testing.B) {
	a := NewPaced(provider.Options{}, noWait)
	c := call(dialectChat, "sandbox-n200", true, `{"model":"sandbox-n200","stream":true,"messages":[{"role":"user","content":"Hi"}]}`)
	b.ReportAllocs()
	for b.Loop() {
		r, err := a.NewRequest(b.Context(), c)
		if err != nil {
			b.Fatal(err)
		}
		res, err := a.RoundTrip(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			b.Fatal(err)
		}
		res.Body.Close()
	}
}
