package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/archive"
	"turnpike/internal/background"
	"turnpike/internal/catalog"
	"turnpike/internal/dialect/responses"
	"turnpike/internal/gateway"
	"turnpike/internal/keyring"
	"turnpike/internal/learned"
	"turnpike/internal/ledger"
	"turnpike/internal/llm"
	"turnpike/internal/provider"
	"turnpike/internal/provider/openai"
	"turnpike/internal/route"
	"turnpike/internal/store"
	"turnpike/internal/vault"
)

// maker is an upstream that makes answers in the background, without a network: an
// answer has a status for each time it is askedLater for, and stays at the last.
type maker struct {
	mu       sync.Mutex
	statuses []string
	gone     bool // it knows no answer any more
	sent     []string
	bodies   []string
	stream   string // what a stream says
	torn     bool   // the stream breaks off
}

// made is an answer as OpenAI shows it (recorded: background mode).
func made(status string) string {
	output, usage, fault := `[]`, `null`, `null`
	switch status {
	case "completed":
		output = `[{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"four","annotations":[],"logprobs":[]}]}]`
		usage = `{"input_tokens":14,"input_tokens_details":{"cached_tokens":0},"output_tokens":24,"output_tokens_details":{"reasoning_tokens":12},"total_tokens":38}`
	case "failed":
		fault = `{"code":"server_error","message":"oh"}`
	case "cancelled":
		output = `[{"id":"rs_1","type":"reasoning","summary":[]}]`
	}
	return `{"background":true,"completed_at":null,"created_at":1784670683,"error":` + fault + `,"id":"resp_1","incomplete_details":null,"model":"gpt-5","object":"response","output":` +
		output + `,"previous_response_id":null,"service_tier":"flex","status":"` + status + `","store":true,"usage":` + usage + `}`
}

const notFound = `{"error":{"message":"Response with id 'resp_1' not found.","type":"invalid_request_error","param":"id","code":null}}`

// RoundTrip answers a request.
func (m *maker) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	body := []byte{}
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	m.sent = append(m.sent, r.Method+" "+r.URL.RequestURI())
	m.bodies = append(m.bodies, string(body))
	if r.Header.Get("Authorization") != "Bearer "+upstreamKey {
		return answered(401, "application/json", `{"error":{"message":"who are you"}}`), nil
	}
	status := m.statuses[0]
	if len(m.statuses) > 1 {
		m.statuses = m.statuses[1:]
	}
	switch {
	case m.gone && r.Method != http.MethodPost:
		return answered(404, "application/json", notFound), nil
	case r.Method == http.MethodDelete:
		m.gone = true
		return answered(200, "application/json", `{"id":"resp_1","object":"response","deleted":true}`), nil
	case strings.Contains(r.URL.RawQuery, "stream=true") || bytes.Contains(body, []byte(`"stream":true`)):
		res := answered(200, "text/event-stream", m.stream)
		if m.torn {
			res.Body = io.NopCloser(io.MultiReader(strings.NewReader(m.stream), tornReader{}))
		}
		return res, nil
	case strings.HasSuffix(r.URL.Path, "/cancel"):
		m.statuses = []string{"cancelled"}
		status = "cancelled"
	}
	return answered(200, "application/json", made(status)), nil
}

type tornReader struct{}

func (tornReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func answered(status int, kind, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1}
}

// took is what was sent since the last call.
func (m *maker) took() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := strings.Join(m.sent, ", ")
	m.sent = nil
	return s
}

func (m *maker) set(change func(*maker)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m)
}

// office is a gateway in front of a maker, with a database, that can be started again
// on what it left.
type office struct {
	t    *testing.T
	dir  string
	up   *maker
	db   *store.Store
	gw   *gateway.Gateway
	kept *archive.Archive
	stop func()
	torn atomic.Bool // the last answer's connection was
}

// inOffice runs a test on a clock of its own.
func inOffice(t *testing.T, statuses []string, do func(t *testing.T, o *office)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := &office{t: t, dir: dir, up: &maker{statuses: statuses}}
		o.open()
		do(t, o)
		o.stop()
	})
}

func (o *office) open() {
	o.t.Helper()
	must := func(err error) {
		o.t.Helper()
		if err != nil {
			o.t.Fatal(err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	var err error
	o.db, err = store.Open(o.t.Context(), filepath.Join(o.dir, store.FileName))
	must(err)
	safe, err := vault.Open(filepath.Join(o.dir, vault.FileName))
	must(err)
	rec, err := ledger.Open(ledger.Options{Dir: filepath.Join(o.dir, "journal"), Fsync: "never", MaxBytes: 1 << 30, OnFull: ledger.Refuse, Log: log}, o.db)
	must(err)
	o.kept = archive.New(archive.Options{Store: o.db, Sealer: safe, Log: log, Now: time.Now, Keep: 720 * time.Hour, Rows: 100, Bytes: 1 << 20})
	follow, err := background.New(o.t.Context(), background.Options{Store: o.db, Ledger: rec, Log: log, Now: time.Now})
	must(err)
	p, err := openai.New(provider.Options{Name: openaiUp, BaseURL: "http://maker.invalid/v1", APIKey: upstreamKey, Transport: o.up}, false, provider.Choice{})
	must(err)
	q, err := openai.New(provider.Options{Name: compatUp, BaseURL: "http://maker.invalid/v1", APIKey: upstreamKey, Transport: o.up}, true, provider.Choice{Pinned: "responses"})
	must(err)
	s := &setup{}
	priced(o.t, house)(s)
	o.gw = gateway.New(gateway.Options{
		Routes: answersRoutes(), Backs: map[string]llm.Back{"responses": responses.Dialect{}},
		Caps: catalog.Lookup, Betas: catalog.BedrockBetas, Learned: learned.New(time.Now), Table: route.New([]*route.Account{{Provider: p}, {Provider: q}}, "", ""),
		Keys: keyring.New(time.Now, keyring.Entry{Hash: keyring.Hash(clientKey), Principal: keyring.Principal{KeyID: "key_1"}},
			keyring.Entry{Hash: keyring.Hash(otherKey), Principal: keyring.Principal{KeyID: "key_2"}}),
		Ledger: rec, Archive: o.kept, Follow: follow, Price: s.price, Log: log, Now: time.Now, Version: "test", Started: time.Now(),
		MaxBody: 1 << 20, MaxAnswer: 1 << 20, Drain: 30 * time.Second,
	})
	ctx, cancel := context.WithCancel(o.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); o.gw.Pursue(ctx) }()
	o.stop = func() {
		cancel()
		<-done
		for _, err := range []error{rec.Close(o.t.Context()), o.kept.Close(o.t.Context()), o.db.Close()} {
			if err != nil {
				o.t.Error(err)
			}
		}
	}
}

// restart ends the gateway and starts another on what it left.
func (o *office) restart() {
	o.t.Helper()
	o.stop()
	o.open()
}

// wait lets time go by.
func (o *office) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
	synctest.Wait()
}

func (o *office) do(method, path, key, body string) (status int, answer string) {
	r := httptest.NewRequestWithContext(o.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	defer func() {
		p := recover()
		if p != nil && p != any(http.ErrAbortHandler) { // that one tears the connection
			panic(p)
		}
		status, answer = w.Code, w.Body.String()
		o.torn.Store(p != nil)
	}()
	o.gw.ServeHTTP(w, r)
	return 0, ""
}

// want sends a request and holds the answer against what is wanted.
func (o *office) want(method, path, key, body string, status int, answer string) {
	o.t.Helper()
	if gotStatus, got := o.do(method, path, key, body); gotStatus != status || got != answer {
		o.t.Errorf("%s %s: %d %s\nwant %d %s", method, path, gotStatus, got, status, answer)
	}
}

// ledger is what is in the ledger, in short, oldest first. Numbers of the last
// request only.
func (o *office) ledger() string {
	o.t.Helper()
	o.wait(time.Second) // for the batch
	list, err := o.db.ListAttempts(o.t.Context(), 100)
	if err != nil {
		o.t.Fatal(err)
	}
	byNumber := make([]string, 10)
	for _, a := range list {
		if a.KeyID != "key_1" || a.RequestID != list[0].RequestID || a.ServedModel != "gpt-5" || a.Provider != openaiUp || byNumber[a.Number] != "" {
			o.t.Errorf("attempt %+v", a)
		}
		cost := a.Usage.Input*2_000 + a.Usage.Output*8_000 // millionths of a dollar by thousands
		if a.Charge.Tier == "flex" {
			cost /= 2
		}
		if a.Charge.Nano != cost || !a.Charge.Known() || a.Stop == "end" && a.Charge.Tier != "flex" {
			o.t.Errorf("charged %+v for %+v", a.Charge, a.Usage)
		}
		s := fmt.Sprintf("%d:%s %d/%d", a.Number, a.Stop, a.Usage.Input, a.Usage.Output)
		if a.Usage.Estimated {
			s += " estimated"
		}
		if a.ErrorClass != "" {
			s += " " + a.ErrorClass
		}
		byNumber[a.Number] = s
	}
	return strings.Join(strings.Fields(strings.Join(byNumber, " ")), " ")
}

const (
	askedLater = `{"model":"openai/gpt-5","input":"What is 2 + 2?","background":true}`
	answers    = "/v1/responses"
	response   = "/v1/responses/resp_1"
	begunRow   = "1:background 0/0"
	endRow     = " 2:end 14/24"
)

// TestBackground: an answer that is made in the background passes, and is accounted
// for once.
func TestBackground(t *testing.T) {
	t.Run("RSP-04 background: fetched by its client", func(t *testing.T) {
		inOffice(t, []string{"queued", "in_progress", "completed"}, func(t *testing.T, o *office) {
			o.want("POST", answers, clientKey, askedLater, 200, made("queued"))
			if got := strings.Join(o.up.bodies, ""); got != strings.Replace(askedLater, "openai/", "", 1) {
				t.Errorf("sent %s", got)
			}
			o.want("GET", response, clientKey, "", 200, made("in_progress"))
			for _, method := range []string{"GET", "DELETE"} {
				if status, body := o.do(method, response, otherKey, ""); status != 404 || !strings.Contains(body, "not found") {
					t.Errorf("another key's %s: %d %s", method, status, body)
				}
			}
			if status, _ := o.do("POST", response+"/cancel", otherKey, ""); status != 404 {
				t.Errorf("cancelled by another key: %d", status)
			}
			o.want("GET", response+"?include%5B%5D=x&api-version=5", clientKey, "", 200, made("completed"))
			o.want("GET", response, clientKey, "", 200, made("completed"))
			o.wait(2 * time.Hour)
			if got, want := o.up.took(), "POST /v1/responses, GET /v1/responses/resp_1, GET /v1/responses/resp_1?include%5B%5D=x, GET /v1/responses/resp_1"; got != want {
				t.Errorf("sent %s, want %s", got, want)
			}
			if got := o.ledger(); got != begunRow+endRow {
				t.Errorf("ledger %s", got)
			}
			o.up.set(func(m *maker) { m.gone = true }) // what is forgotten there is still here
			if status, body := o.do("GET", response, clientKey, ""); status != 200 || !strings.Contains(body, `"four"`) {
				t.Errorf("forgotten: %d %s", status, body)
			}
		})
	})
	for _, c := range []struct {
		name     string
		statuses []string
		want     string
	}{
		{"completed", []string{"queued", "in_progress", "in_progress", "completed"}, begunRow + endRow},
		{"failed", []string{"queued", "in_progress", "failed"}, begunRow + " 2: 0/0 upstream"},
		{"cancelled elsewhere", []string{"queued", "in_progress", "cancelled"}, begunRow + " 2:other 16/12 estimated"},
		{"complete at once", []string{"completed"}, "1:end 14/24"},
		{"never over", []string{"queued", "in_progress"}, begunRow + " 2:background 16/0 estimated timeout"},
	} {
		t.Run("RSP-04 background: fetched by nobody, "+c.name, func(t *testing.T) {
			inOffice(t, c.statuses, func(t *testing.T, o *office) {
				o.want("POST", answers, clientKey, askedLater, 200, made(c.statuses[0]))
				o.wait(90 * time.Minute)
				if got := o.ledger(); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(c.want), " ") {
					t.Errorf("ledger %s, want %s", got, c.want)
				}
			})
		})
	}
	t.Run("RSP-04 background: a restart in the middle", func(t *testing.T) {
		inOffice(t, []string{"queued", "in_progress"}, func(t *testing.T, o *office) {
			o.want("POST", answers, clientKey, askedLater, 200, made("queued"))
			o.wait(5 * time.Second)
			o.restart()
			o.want("GET", response, clientKey, "", 200, made("in_progress"))
			o.up.set(func(m *maker) { m.statuses = []string{"completed"} })
			o.wait(2 * time.Minute)
			o.restart()
			o.want("GET", response, clientKey, "", 200, made("completed"))
			o.wait(2 * time.Hour)
			if got := o.ledger(); got != begunRow+endRow {
				t.Errorf("ledger %s", got)
			}
		})
	})
	t.Run("RSP-04 background: two who fetch it at once", func(t *testing.T) {
		inOffice(t, []string{"queued", "completed"}, func(t *testing.T, o *office) {
			o.do("POST", answers, clientKey, askedLater)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() { o.want("GET", response, clientKey, "", 200, made("completed")) })
			}
			all.Wait()
			if got := o.ledger(); got != begunRow+endRow {
				t.Errorf("ledger %s", got)
			}
		})
	})
	t.Run("RSP-04 background: cancelled", func(t *testing.T) {
		inOffice(t, []string{"queued", "in_progress"}, func(t *testing.T, o *office) {
			o.do("POST", answers, clientKey, askedLater)
			for range 2 { // OpenAI: cancelling twice is idempotent
				o.want("POST", response+"/cancel", clientKey, "", 200, made("cancelled"))
			}
			if got := o.ledger(); got != begunRow+" 2:other 16/12 estimated" {
				t.Errorf("ledger %s", got)
			}
		})
	})
	t.Run("RSP-04 background: deleted", func(t *testing.T) {
		inOffice(t, []string{"queued", "in_progress", "completed"}, func(t *testing.T, o *office) {
			o.do("POST", answers, clientKey, askedLater)
			o.up.took()
			o.want("DELETE", response, clientKey, "", 200, `{"id":"resp_1","object":"response","deleted":true}`)
			if got, want := o.up.took(), "GET /v1/responses/resp_1, DELETE /v1/responses/resp_1"; got != want {
				t.Errorf("sent %s, want %s", got, want)
			}
			for _, method := range []string{"GET", "DELETE"} {
				if status, _ := o.do(method, response, clientKey, ""); status != 404 {
					t.Errorf("%s of what is deleted: %d", method, status)
				}
			}
			if status, body := o.do("POST", answers, clientKey, `{"model":"openai/gpt-5","input":"x","previous_response_id":"resp_1"}`); status != 400 || !strings.Contains(body, "previous_response_not_found") {
				t.Errorf("gone on from: %d %s", status, body)
			}
			o.wait(2 * time.Hour)
			if got := o.ledger() + o.up.took(); got != begunRow+" 2:background 16/0 estimated" {
				t.Errorf("ledger, and sent %s", got)
			}
		})
	})
}

func numbered(events ...string) string {
	var b strings.Builder
	for i, e := range events {
		kind := strings.Fields(e)[0]
		data, _ := strings.CutPrefix(e, kind+" ")
		fmt.Fprintf(&b, "event: %s\ndata: {\"type\":%q,\"sequence_number\":%d,%s}\n\n", kind, kind, i, data)
	}
	return b.String()
}

// TestBackgroundStreams: the bytes of a stream pass when it is begun, and when it is
// taken up again.
func TestBackgroundStreams(t *testing.T) {
	begin := []string{`response.created "response":` + made("queued"), `response.in_progress "response":` + made("in_progress"), `response.output_text.delta "delta":"fo"`}
	end := []string{`response.output_text.delta "delta":"ur"`, `response.completed "response":` + made("completed")}
	failed := []string{`response.failed "response":` + made("failed")}
	whole := numbered(append(begin, end...)...)
	t.Run("RSP-04 background: streamed to its end", func(t *testing.T) {
		inOffice(t, []string{"queued"}, func(t *testing.T, o *office) {
			o.up.stream = whole
			o.want("POST", answers, clientKey, streamed(askedLater), 200, whole)
			o.wait(2 * time.Hour)
			if got := o.ledger() + " " + o.up.took(); got != "1:end 14/24 POST /v1/responses" {
				t.Errorf("ledger, and sent: %s", got)
			}
		})
	})
	t.Run("RSP-04 background: what an upstream has begun is not begun again", func(t *testing.T) {
		inOffice(t, []string{"in_progress"}, func(t *testing.T, o *office) {
			o.up.set(func(m *maker) { m.stream, m.torn = numbered(begin[:2]...), true })
			if status, answer := o.do("POST", answers, clientKey, streamed(askedLater)); status != 502 {
				t.Errorf("answered %d %s", status, answer)
			}
			if got := o.up.took(); got != "POST /v1/responses" {
				t.Errorf("sent %s", got)
			}
		})
	})
	for _, c := range []struct {
		name, rest, want string
	}{
		{"completed", numbered(end...), begunRow + endRow},
		{"failed", numbered(failed...), begunRow + " 2: 0/0 upstream"},
	} {
		t.Run("RSP-04 background: a stream that is taken up again, "+c.name, func(t *testing.T) {
			inOffice(t, []string{"in_progress"}, func(t *testing.T, o *office) {
				o.up.set(func(m *maker) { m.stream, m.torn = numbered(begin...), true })
				o.want("POST", answers, clientKey, streamed(askedLater), 200, numbered(begin...))
				if !o.torn.Load() { // and no word of failure
					t.Error("the stream ended as if that were all")
				}
				o.up.took()
				o.up.set(func(m *maker) { m.stream, m.torn = c.rest, false })
				o.want("GET", response+"?stream=true&starting_after=2", clientKey, "", 200, c.rest)
				if got := o.up.took(); got != "GET /v1/responses/resp_1?starting_after=2&stream=true" {
					t.Errorf("sent %s", got)
				}
				if got := strings.ReplaceAll(o.ledger(), begunRow+" upstream", begunRow); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(c.want), " ") {
					t.Errorf("ledger %s, want %s", got, c.want)
				}
			})
		})
	}
}

// TestBackgroundConversations: who goes on from an answer that is still being made
// does so where it is made; later anywhere.
func TestBackgroundConversations(t *testing.T) {
	const more = `{"model":"%s/gpt-5","input":"And 3 + 3?","store":false,"previous_response_id":"resp_1"}`
	inOffice(t, []string{"queued", "in_progress"}, func(t *testing.T, o *office) {
		o.do("POST", answers, clientKey, askedLater)
		o.do("POST", answers, clientKey, fmt.Sprintf(more, openaiUp))
		if got := o.up.bodies[len(o.up.bodies)-1]; !strings.Contains(got, `"previous_response_id":"resp_1"`) {
			t.Errorf("its home got %s", got)
		}
		o.up.took()
		for key, to := range map[string]string{clientKey: compatUp, otherKey: openaiUp} {
			if status, body := o.do("POST", answers, key, fmt.Sprintf(more, to)); status != 400 || o.up.took() != "" {
				t.Errorf("at %s: %d %s", to, status, body)
			}
		}
		o.up.set(func(m *maker) { m.statuses = []string{"completed"} })
		o.wait(2 * time.Minute)
		o.do("POST", answers, clientKey, fmt.Sprintf(more, compatUp))
		got := o.up.bodies[len(o.up.bodies)-1]
		check(t, "another account got", []byte(got), says(is{"input.0.content": "What is 2 + 2?", "input.1.content.0.text": "four", "input.2.content": "And 3 + 3?"}))
	})
}

// TestBackgroundElsewhere: where nobody could make it, it is refused with a word of
// what to do.
func TestBackgroundElsewhere(t *testing.T) {
	inOffice(t, []string{"queued"}, func(t *testing.T, o *office) {
		status, body := o.do("POST", answers, clientKey, strings.Replace(askedLater, openaiUp, compatUp, 1))
		var e struct {
			Error struct{ Message, Param string }
		}
		if err := json.Unmarshal([]byte(body), &e); err != nil || status != 400 || e.Error.Param != "background" || !strings.Contains(e.Error.Message, "leave it out") || o.up.took() != "" {
			t.Errorf("%d %s, %v", status, body, err)
		}
	})
}

// TestForgottenAtHome: what an upstream has forgotten and the gateway still holds is
// sent along, once; what it has only just made it has its reasons to deny.
func TestForgottenAtHome(t *testing.T) {
	const gone = `{"error":{"message":"Previous response with id 'resp_1' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}`
	stored := strings.NewReplacer(`"store":false`, `"store":true`).Replace(defaultAnswers["responses"])
	for _, c := range []struct {
		name   string
		after  time.Duration
		header []string
		second string // the second answer; empty: there is no second try
		status int
	}{
		{"sent along", time.Hour, nil, stored, 200},
		{"once", time.Hour, nil, gone, 400},
		{"just made", time.Minute, nil, "", 400},
		{"strict", time.Hour, []string{"X-Turnpike-Strict", "true"}, "", 400},
	} {
		t.Run("RSP-04 forgotten at home, "+c.name, func(t *testing.T) {
			now := time.Now()
			w := agedWorld(t, func() time.Time { return now.Add(-c.after) })
			w.up.answers(playAnswer(stored))
			first := w.goOn(answersUp, `{"input":"first question"}`, false)
			tries := 0
			w.up.answers(func(rw http.ResponseWriter, s *sent) {
				if tries++; tries == 1 || c.second == gone {
					playJSON(400, gone)(rw, s)
					return
				}
				playAnswer(c.second)(rw, s)
			})
			r := w.ask(answersAPI, answersUp, "", `{"input":"second question","previous_response_id":"`+idOf(first)+`"}`, c.header...)
			if r.status != c.status || c.status == 400 && string(r.body) != gone {
				t.Errorf("%d %s", r.status, r.body)
			}
			all := w.up.all()
			if want := 1 + min(1, len(c.second)); len(all) != want {
				t.Fatalf("sent %d times, not %d", len(all), want)
			}
			if c.second != "" {
				check(t, "the second time it got", all[1].body, says(is{"input.0.content": "first question", "input.3.content": "second question"}))
			}
			rows := w.attempts()
			last := rows[len(rows)-1]
			if len(rows) != 1+len(all) || last.Number != len(all) || (last.ErrorClass == "") != (c.status == 200) || rows[1].Status != 400 {
				t.Errorf("recorded %+v", rows)
			}
		})
	}
}
