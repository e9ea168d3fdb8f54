package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"turnpike/internal/doctor"
	"turnpike/internal/provider/copilot"
	"turnpike/internal/provider/copilot/copilottest"
	"turnpike/internal/provider/kiro"
	"turnpike/internal/provider/kiro/kirotest"
	"turnpike/internal/signin"
)

// refusing is an account at a server that copies OpenAI's API and takes no tools.
func refusing(t *testing.T) (config string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(string(body), `"tools"`) {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"error":{"message":"tools are not supported by this model","type":"invalid_request_error"}}`)
			return
		}
		_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`)
	}))
	t.Cleanup(s.Close)
	return write(t, "turnpike.yaml", "providers: [{name: local, type: openai-compat, base_url: "+s.URL+"/v1}]\n")
}

func TestDoctor(t *testing.T) {
	data := alone(t)
	config := refusing(t)
	out := commandOut(t, "doctor", "--provider", "local", "--model", "m", "--config", config, "--data-dir", data)
	if !strings.Contains(out, "The table should say no_tools = true.") || !strings.Contains(out, "tools are not supported") || !strings.Contains(out, "Nothing was kept") {
		t.Errorf("%s", out)
	}
	if out := commandOut(t, "catalog", "list", "--learned", "--config", config, "--data-dir", data); strings.Contains(out, "no_tools") {
		t.Errorf("kept unasked: %s", out)
	}
	var r doctor.Report
	if err := json.Unmarshal([]byte(commandOut(t, "doctor", "--provider", "local", "--model", "m", "--json", "--store", "--config", config, "--data-dir", data)), &r); err != nil {
		t.Fatal(err)
	}
	if r.Calls == 0 || r.Input == 0 || len(r.Findings) < 30 {
		t.Errorf("%+v", r)
	}
	if out := commandOut(t, "catalog", "show", "m", "--provider", "local", "--config", config, "--data-dir", data); !strings.Contains(out, "no_tools") || !strings.Contains(out, "doctor: tools are not supported") {
		t.Errorf("not kept: %s", out)
	}
	refused(t, "usage", "doctor", "--provider", "local", "--config", config, "--data-dir", data)
	refused(t, "no provider", "doctor", "--provider", "x", "--model", "m", "--config", config, "--data-dir", data)
}

// asInput makes a text the standard input.
func asInput(t *testing.T, text string) {
	t.Helper()
	f, err := os.Open(write(t, "stdin.json", text))
	if err != nil {
		t.Fatal(err)
	}
	was := os.Stdin
	os.Stdin = f
	t.Cleanup(func() {
		os.Stdin = was
		_ = f.Close()
	})
}

func TestExplain(t *testing.T) {
	data := alone(t)
	config := write(t, "turnpike.yaml", "providers: [{name: claude, type: anthropic, api_key: sk-very-secret, base_url: http://127.0.0.1:9}]\n")
	flags := []string{"--config", config, "--data-dir", data}
	asInput(t, `{"model":"claude-opus-4-7","messages":[{"role":"user","content":"hi"}],"max_tokens":9,"temperature":0.3}`)
	out := commandOut(t, append([]string{"explain", "--api", "messages"}, flags...)...)
	for _, want := range []string{`lane "bytes"`, "claude (anthropic), model claude-opus-4-7", "POST http://127.0.0.1:9/v1/messages", "X-Api-Key: (secret)", "Expected: about", "at most 9 out", "temperature: the model takes none"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
	if strings.Contains(out, "sk-very-secret") || strings.Contains(out, `"temperature"`) {
		t.Errorf("%s", out)
	}
	asInput(t, `{"messages":[{"role":"user","content":[{"text":"hi"}]}]}`)
	var d decision
	if err := json.Unmarshal([]byte(commandOut(t, append([]string{"explain", "--api", "converse", "--model", "claude-opus-4-7", "--json"}, flags...)...)), &d); err != nil {
		t.Fatal(err)
	}
	if d.Lane != "translate" || len(d.Targets) != 1 || d.Expected == nil || d.Expected.Input == 0 {
		t.Errorf("%+v", d)
	}
	refused(t, "needs --model", append([]string{"explain", "--api", "gemini"}, flags...)...)
	refused(t, "no API", append([]string{"explain", "--api", "telex"}, flags...)...)
	asInput(t, `not JSON`)
	refused(t, "would be refused", append([]string{"explain"}, flags...)...)
}

// TestDoctorOfLogins: accounts that live by a login are asked as any other. The services
// refuse what the real ones are known to refuse.
func TestDoctorOfLogins(t *testing.T) {
	data := alone(t)
	k, c := kirotest.New(t), copilottest.New(t, time.Now)
	path := unofficialFleet(t, data, k, c, "")
	refused(t, "turnpike login kiro k", "doctor", "--provider", "k", "--model", "claude-sonnet-4-5", "--config", path)
	cfg := load(t, data, nil, path)
	logins, done, err := openLogins(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	access, refresh, _, _ := k.Login("social")
	err = errors.Join(
		signin.Keep(t.Context(), *logins, "k", signin.Credential{Kind: kiro.Social, Access: access, Refresh: refresh, Expires: time.Now().Add(time.Hour)}),
		signin.Keep(t.Context(), *logins, "c", signin.Credential{Kind: copilot.Kind, Refresh: c.Person()}),
	)
	done()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ provider, model, notice string }{
		{"k", "claude-sonnet-4-5", kiro.Notice},
		{"k", "claude-opus-4-6", kiro.Notice},
		{"c", copilottest.Claude, copilot.Notice},
		{"c", copilottest.OldClaude, copilot.Notice},
		{"c", copilottest.GPT, copilot.Notice},
	} {
		args := []string{"doctor", "--provider", tt.provider, "--model", tt.model, "--config", path}
		out := commandOut(t, args...)
		if !strings.Contains(out, tt.notice) || !strings.Contains(out, "ASKED") {
			t.Errorf("%s %s: %s", tt.provider, tt.model, out)
		}
		var r doctor.Report
		if err := json.Unmarshal([]byte(commandOut(t, append(args, "--json")...)), &r); err != nil {
			t.Fatal(err)
		}
		taken := 0
		for _, f := range r.Findings {
			if f.Upstream == doctor.Taken {
				taken++
			}
			if f.Upstream == doctor.Refused && strings.Contains(f.Words, "mproperly formed") {
				t.Errorf("%s %s: %+v", tt.provider, tt.model, f)
			}
		}
		if r.Calls < 8 || r.Input == 0 || r.Output == 0 || taken < 6 {
			t.Errorf("%s %s: %+v", tt.provider, tt.model, r)
		}
	}
}
