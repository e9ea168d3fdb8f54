package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"turnpike/internal/catalog"
	"turnpike/internal/dialect/chat"
	"turnpike/internal/dialect/converse"
	"turnpike/internal/dialect/gemini"
	"turnpike/internal/dialect/messages"
	"turnpike/internal/dialect/responses"
	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/promptcache"
	"turnpike/internal/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// upstreamForm is one way in which a prompt leaves the gateway.
type upstreamForm struct {
	name   string
	back   llm.Back
	target llm.Target
}

func upstreamForms() []upstreamForm {
	forms := []upstreamForm{
		{"chat", chat.Dialect{}, llm.Target{Model: "gpt-5.4"}},
		{"chat-compat", chat.Dialect{}, llm.Target{Model: "house-model", Compat: true}},
		{"chat-claude", chat.Dialect{}, llm.Target{Model: "acme/claude-sonnet-4.5", Compat: true}},
		{"responses", responses.Dialect{}, llm.Target{Model: "gpt-5.4"}},
		{"messages", messages.Dialect{}, llm.Target{Model: claude45}},
		{"invoke", messages.Dialect{}, llm.Target{Model: "us.anthropic.claude-sonnet-4-5-v1:0", Bedrock: true}},
		{"converse-claude", converse.Dialect{}, llm.Target{Model: "us.anthropic.claude-sonnet-4-5-v1:0"}},
		{"converse-nova", converse.Dialect{}, llm.Target{Model: nova}},
		{"gemini", gemini.Dialect{}, llm.Target{Model: "gemini-3-pro"}},
	}
	for i := range forms {
		t := &forms[i].target
		t.Provider, t.Stream, t.Caps = "p", true, catalog.Lookup(t.Model)
		t.Caps.CacheMin = 0 // small prompts are planned too
	}
	return forms
}

// leaves makes the body that goes upstream, as the road does: by the express lane
// where the dialects agree, with points planned where wanted.
func (u upstreamForm) leaves(front llm.Front, h http.Header, body []byte, cache string) ([]byte, error) {
	var out []byte
	if p, ok := u.back.(llm.Passer); ok && front.Name() == u.back.Name() && !llm.HasSeal(body) {
		o, err := wire.ParseObject(body)
		if err != nil {
			return nil, err
		}
		if edits, _, ok := p.Pass(o, h, &u.target); ok {
			out = o.Apply(edits...)
		}
	}
	if out == nil {
		req, err := front.DecodeRequest(h, body)
		if err != nil {
			return nil, err
		}
		req.Stream = true
		if out, _, err = u.back.EncodeRequest(req, &u.target); err != nil {
			return nil, err
		}
	}
	if p := u.plan(out, cache); p != nil {
		out = p.AppendTo(nil)
	}
	return out, nil
}

func (u upstreamForm) plan(body []byte, cache string) *promptcache.Plan {
	p := promptcache.Read(body, u.back.Name())
	if p == nil {
		return nil
	}
	if u.name == "chat" || u.name == "chat-compat" {
		cache = "off"
	}
	return p.Place(cache, &u.target.Caps)
}

var goldenFronts = map[string]llm.Front{
	"chat": chat.Dialect{}, "responses": responses.Dialect{}, "messages": messages.Dialect{}, "converse": converse.Dialect{}, "gemini": gemini.Dialect{},
}

// TestGoldenBytes holds the exact bytes of fixed requests on their way to every
// upstream. Another release, or another replica, must send the same: a prompt
// cache compares bytes. A change here breaks the caches of everyone who upgrades,
// so it is made knowingly: go test ./internal/conformance -run GoldenBytes -update.
func TestGoldenBytes(t *testing.T) {
	for name, front := range goldenFronts {
		files, err := filepath.Glob(filepath.Join("testdata", "prefix", name+"-*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no requests of %s: %v", name, err)
		}
		for _, f := range files {
			body, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			t.Run("CACHE-11 "+strings.TrimSuffix(filepath.Base(f), ".json"), func(t *testing.T) { golden(t, front, f, bytes.TrimSpace(body)) })
		}
	}
}

func golden(t *testing.T, front llm.Front, file string, body []byte) {
	t.Helper()
	var got bytes.Buffer
	for _, u := range upstreamForms() {
		for _, cache := range []string{"off", "1h"} {
			out, err := u.leaves(front, nil, body, cache)
			if err != nil {
				t.Fatalf("%s: %v", u.name, err)
			}
			fmt.Fprintf(&got, "== %s, cache %s\n%s\n", u.name, cache, out)
		}
	}
	file = strings.TrimSuffix(file, ".json") + ".golden"
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil { //nolint:gosec // a file of the repository
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g, w := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Errorf("%s: line %d: got\n%s\nwant\n%s", file, i+1, g[i], w[i])
		}
	}
	if len(g) != len(w) {
		t.Errorf("%s: %d lines, want %d", file, len(g), len(w))
	}
}

// recordedTurn is a recorded request of a client.
type recordedTurn struct {
	Headers map[string]string
	Path    string
	Body    json.RawMessage
}

func (r *recordedTurn) front() llm.Front {
	for _, c := range []struct {
		in    string
		front string
	}{
		{"/chat/completions", "chat"},
		{"/responses", "responses"},
		{"/messages", "messages"},
		{"/invoke", "messages"},
		{"/converse", "converse"},
		{"enerateContent", "gemini"},
	} {
		if strings.Contains(r.Path, c.in) {
			return goldenFronts[c.front]
		}
	}
	return nil
}

// TestPrefixesStay sends recorded conversations round by round to every upstream:
// as long as the client leaves alone what it sent before, so does the gateway.
func TestPrefixesStay(t *testing.T) {
	talks := map[string][]*recordedTurn{}
	for _, f := range llmtest.Files(t, "TURNPIKE_CLIENT_REQUESTS", "client-requests", "*/*-main-r*.json") {
		r := &recordedTurn{}
		if err := json.Unmarshal(f.Data, r); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if r.front() != nil {
			talks[path.Dir(f.Name)] = append(talks[path.Dir(f.Name)], r)
		}
	}
	compared := 0
	for name, rounds := range talks {
		for _, u := range upstreamForms() {
			t.Run("CACHE-11 "+name+" to "+u.name, func(t *testing.T) {
				for i := 1; i < len(rounds); i++ {
					if prefixStays(t, u, rounds[i-1], rounds[i]) {
						compared++
					}
				}
			})
		}
	}
	if compared < 500 {
		t.Errorf("only %d pairs of rounds were compared", compared)
	}
}

func prefixStays(t *testing.T, u upstreamForm, one, two *recordedTurn) bool {
	t.Helper()
	start := time.Unix(0, 0)
	var last [2]*promptcache.Sent // at the upstream, at the client
	for _, r := range []*recordedTurn{one, two} {
		h := http.Header{}
		for k, v := range r.Headers {
			h.Set(k, v)
		}
		body, err := u.leaves(r.front(), h, r.Body, "off")
		if e, ok := errors.AsType[*llm.Error](err); ok && strings.Contains(e.Message, "previous_response_id") {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		// Thinking has to go from a conversation with calls that lacks Claude's own
		// thinking, as those recorded at other models do: that is a setting, not the prefix.
		if o, err := wire.ParseObject(body); err == nil {
			body = o.Apply(wire.Edit{Name: "thinking"}, wire.Edit{Name: "additionalModelRequestFields"})
		}
		up := u.plan(body, "5m").Sent(start, "p", "m", nil)
		own := promptcache.Read(r.Body, r.front().Name()).Place("5m", &llm.Caps{Family: "claude"}).Sent(start, "p", "m", nil)
		if last[0] != nil {
			return agrees(t, last, up, own)
		}
		last = [2]*promptcache.Sent{up, own}
	}
	return false
}

// agrees compares two rounds: at the upstream nothing may have changed that the
// client did not change.
func agrees(t *testing.T, last [2]*promptcache.Sent, up, own *promptcache.Sent) bool {
	t.Helper()
	m := promptcache.NewMemory()
	m.Keep(1, last[0], llm.Usage{})
	m.Keep(2, last[1], llm.Usage{})
	if tale := m.Look(2, own); !tale.Hit() {
		t.Logf("the client: %s", tale.Head())
		return false
	}
	if tale := m.Look(1, up); !tale.Hit() {
		t.Errorf("the gateway: %s", tale.Head())
	}
	return true
}

// TestPlannedRecorded plans every recorded request for everyone who takes cache
// points, and counts what is in the body afterwards in another way.
func TestPlannedRecorded(t *testing.T) {
	planned := 0
	for _, f := range llmtest.Files(t, "TURNPIKE_CLIENT_REQUESTS", "client-requests", "*/*-main-r*.json") {
		r := &recordedTurn{}
		if err := json.Unmarshal(f.Data, r); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		for _, u := range upstreamForms() {
			if r.front() == nil || u.back.Name() != "messages" && u.back.Name() != "converse" && u.name != "chat-claude" {
				continue
			}
			for _, cache := range []string{"5m", "1h", "auto"} {
				body, err := u.leaves(r.front(), nil, r.Body, cache)
				if err != nil {
					continue
				}
				planned++
				if why := faultOfPoints(body); why != "" {
					t.Errorf("CACHE-06 CACHE-07 %s to %s, %s: %s: %.3000s", f.Name, u.name, cache, why, body)
				}
			}
		}
	}
	if planned < 1000 {
		t.Errorf("only %d bodies were planned", planned)
	}
}

// faultOfPoints tells what an upstream would say against the cache points of a body.
func faultOfPoints(body []byte) string {
	var doc object
	if err := json.Unmarshal(body, &doc); err != nil {
		return err.Error()
	}
	var ttls []string
	var walk func(v any) string
	walk = func(v any) string {
		switch v := v.(type) {
		case list:
			for _, x := range v {
				if why := walk(x); why != "" {
					return why
				}
			}
		case object:
			if kind := text(v, "type"); v["cache_control"] != nil && (kind == "thinking" || kind == "redacted_thinking" || kind == "text" && strings.TrimSpace(text(v, "text")) == "" || v["defer_loading"] == true) {
				return "a point on " + encoded(v)
			}
			for _, name := range []string{"cache_control", "cachePoint"} {
				if c, ok := v[name].(object); ok {
					ttls = append(ttls, text(c, "ttl"))
				}
			}
			for name, x := range v {
				if name != "cache_control" && name != "cachePoint" {
					if why := walk(x); why != "" {
						return why
					}
				}
			}
		}
		return ""
	}
	for _, part := range []string{"tools", "toolConfig", "system", "messages"} {
		if why := walk(doc[part]); why != "" {
			return why
		}
	}
	if len(ttls) > 4 {
		return fmt.Sprintf("%d points", len(ttls))
	}
	for i := 1; i < len(ttls); i++ {
		if ttls[i] == "1h" && ttls[i-1] != "1h" {
			return fmt.Sprintf("lifetimes rise: %q", ttls)
		}
	}
	return ""
}
