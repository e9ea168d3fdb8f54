package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/store"
)

// events is a log whose lines can be waited for.
type events struct {
	mu    sync.Mutex
	text  bytes.Buffer
	moved chan struct{} // closed and replaced with every line
}

func newEvents() *events { return &events{moved: make(chan struct{})} }

func (e *events) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.moved)
	e.moved = make(chan struct{})
	return e.text.Write(p)
}

func (e *events) now() (string, chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.text.String(), e.moved
}

// running is a gateway that serves.
type running struct {
	t      *testing.T
	app    *app
	log    *events
	stop   context.CancelFunc
	ended  chan struct{}
	err    error
	stops  int // how often signals were let go
	client *http.Client
}

// wait waits until the log has a text.
func (r *running) wait(text string) {
	r.t.Helper()
	for {
		log, moved := r.log.now()
		if strings.Contains(log, text) {
			return
		}
		select {
		case <-moved:
		case <-r.ended:
			if log, _ = r.log.now(); !strings.Contains(log, text) {
				r.t.Fatalf("ended without %q: %v\n%s", text, r.err, log)
			}
		}
	}
}

// end stops the gateway and waits for it.
func (r *running) end() error {
	r.stop()
	<-r.ended
	return r.err
}

func load(t *testing.T, data string, flags map[string]string, path string) *config.Config {
	t.Helper()
	all := map[string]string{"data_dir": data, "server.port": "0"}
	maps.Copy(all, flags)
	cfg, err := config.Load(config.Options{Path: path, Flags: all, Environ: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// start runs a gateway on a free port until the test ends.
func start(t *testing.T, cfg *config.Config) *running {
	t.Helper()
	return startLogging(t, cfg, slog.DiscardHandler)
}

// startLogging does so with another reader of the log.
func startLogging(t *testing.T, cfg *config.Config, also slog.Handler) *running {
	t.Helper()
	return startPrepared(t, cfg, also, func(*app) {})
}

// startPrepared does so after something was done to it.
func startPrepared(t *testing.T, cfg *config.Config, also slog.Handler, prepare func(*app)) *running {
	t.Helper()
	r := &running{t: t, log: newEvents(), ended: make(chan struct{}), client: &http.Client{Transport: &http.Transport{}}}
	r.app = newApp(cfg, slog.New(slog.NewMultiHandler(slog.NewTextHandler(r.log, nil), also)))
	prepare(r.app)
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() {
		defer close(r.ended)
		r.err = r.app.run(ctx, func() { r.stops++ })
	}()
	t.Cleanup(func() { _ = r.end() })
	t.Cleanup(r.client.CloseIdleConnections) // runs first: a connection kept open is waited for
	r.wait("turnpike is ready")
	return r
}

// firstRun starts a gateway with the terminal captured.
func firstRun(t *testing.T, cfg *config.Config) (*running, string) {
	t.Helper()
	var r *running
	got, _ := capture(t, func() error { r = start(t, cfg); return nil })
	return r, got.out
}

func (r *running) do(method, path, key, body string) (status int, answer string) {
	r.t.Helper()
	req, err := http.NewRequest(method, "http://"+r.app.address()+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func attempts(t *testing.T, data string) []store.Attempt {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(data, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	list, err := db.ListAttempts(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

const hello = `{"model":"sandbox","messages":[{"role":"user","content":"Hello!"}]}`

func TestFirstStart(t *testing.T) {
	data := alone(t)
	r, out := firstRun(t, load(t, data, nil, ""))
	port := r.app.cfg.Server.Port
	if port == 0 {
		t.Error("the port that was chosen is not known")
	}
	keys := secretForm.FindAllString(out, -1)
	if len(keys) != 2 || keys[0] != keys[1] || !strings.Contains(out, fmt.Sprintf("curl http://127.0.0.1:%d/v1/chat/completions", port)) {
		t.Fatalf("want the key, and the key again in a curl for port %d: %s", port, out)
	}
	_, admin, ok := strings.Cut(out, "Admin key (shown once):  ")
	if admin, _, _ = strings.Cut(admin, "\n"); !ok || !strings.HasPrefix(admin, adminPrefix) || len(admin) != len(adminPrefix)+43 {
		t.Fatalf("no admin key: %s", out)
	}
	for _, path := range []string{"/health", "/health/ready", "/health/live"} {
		if status, body := r.do("GET", path, "", ""); status != 200 || !strings.Contains(body, `"status"`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := r.do("POST", "/v1/chat/completions", keys[0], hello); status != 200 || !strings.Contains(body, "Hello!") {
		t.Errorf("the first curl: %d %s", status, body)
	}
	for _, wrong := range []string{"", "sk-ant-api03_x", admin} {
		if status, body := r.do("POST", "/v1/chat/completions", wrong, hello); status != 401 {
			t.Errorf("key %q: %d %s", wrong, status, body)
		}
	}
	if err := r.end(); err != nil || r.stops != 1 {
		t.Errorf("ended with %v, signals let go %d times", err, r.stops)
	}
	log, _ := r.log.now()
	for _, secret := range []string{keys[0], admin} {
		if strings.Contains(log, secret) {
			t.Error("a key is in the log")
		}
	}
	noSecret(t, data, keys[0], admin)
	if !hasHash(t, data, keys[0]) {
		t.Error("the database lacks the key's hash")
	}
	if got := attempts(t, data); len(got) != 1 || got[0].Provider != "sandbox" || got[0].Usage.Output == 0 {
		t.Errorf("attempts %+v", got)
	}

	again, out := firstRun(t, load(t, data, nil, ""))
	if out != "" {
		t.Errorf("the second start printed %s", out)
	}
	if status, _ := again.do("POST", "/v1/chat/completions", keys[0], hello); status != 200 {
		t.Errorf("the first start's key: %d", status)
	}
}

func TestKeysOfTheConfiguration(t *testing.T) {
	data := alone(t)
	r, out := firstRun(t, load(t, data, map[string]string{"auth.api_key": "sk-single-key-0001", "auth.admin_key": "admin-key-00000001"}, ""))
	if out != "" {
		t.Errorf("printed %s", out)
	}
	if status, _ := r.do("POST", "/v1/chat/completions", "sk-single-key-0001", hello); status != 200 {
		t.Errorf("the configured key: %d", status)
	}
	if status, _ := r.do("POST", "/v1/chat/completions", "admin-key-00000001", hello); status != 401 {
		t.Errorf("the admin key opens the API: %d", status)
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
	noSecret(t, data, "sk-single-key-0001-padding-to-thirty-characters", "admin-key-00000001-padding-to-thirty-characters")
	if keys := listedKeys(t, data); len(keys) != 0 {
		t.Errorf("keys were made: %+v", keys)
	}
}

func TestRevokedKeysMakeNoNewOne(t *testing.T) {
	data := alone(t)
	k := createdKey(t, data, "mine")
	commandOut(t, "keys", "revoke", k.ID, "--data-dir", data)
	r, out := firstRun(t, load(t, data, map[string]string{"auth.admin_key": "admin-key-00000001"}, ""))
	if out != "" {
		t.Errorf("printed %s", out)
	}
	if status, _ := r.do("POST", "/v1/chat/completions", k.Key, hello); status != 401 {
		t.Errorf("a revoked key: %d", status)
	}
	if status, body := r.do("GET", "/health/ready", "", ""); status != 503 || !strings.Contains(body, "turnpike keys create") {
		t.Errorf("without a key it is ready: %d %s", status, body)
	}
}

func TestBothHTTPs(t *testing.T) {
	data := alone(t)
	r, _ := firstRun(t, load(t, data, nil, ""))
	for _, c := range []struct {
		name  string
		set   func(*http.Protocols)
		major int
	}{
		{"HTTP/1.1", func(p *http.Protocols) { p.SetHTTP1(true) }, 1},
		{"HTTP/2 in the clear, with prior knowledge", func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }, 2},
	} {
		tr := &http.Transport{Protocols: new(http.Protocols)}
		c.set(tr.Protocols)
		res, err := (&http.Client{Transport: tr}).Get("http://" + r.app.address() + "/health/live")
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		_ = res.Body.Close()
		if res.StatusCode != 200 || res.ProtoMajor != c.major {
			t.Errorf("%s: %d by %s", c.name, res.StatusCode, res.Proto)
		}
		tr.CloseIdleConnections()
	}
}

// slow is an upstream that answers when it is told to.
type slow struct {
	*httptest.Server
	asked  chan struct{}
	answer chan struct{}
}

func newSlow(t *testing.T) (*slow, string) {
	t.Helper()
	s := &slow{asked: make(chan struct{}, 10), answer: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/chat/completions" {
			_, _ = io.WriteString(w, `{"data":[]}`)
			return
		}
		s.asked <- struct{}{}
		select {
		case <-s.answer:
		case <-r.Context().Done():
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"late"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`)
	}))
	t.Cleanup(s.Close)
	return s, write(t, "slow.yaml", "providers:\n  - { name: slow, type: openai-compat, base_url: \""+s.URL+"/v1\" }\nauth: { api_key: sk-single-key-0001 }\n")
}

func TestDrain(t *testing.T) {
	data := alone(t)
	up, path := newSlow(t)
	r, _ := firstRun(t, load(t, data, nil, path))
	type reply struct {
		status int
		body   string
	}
	got := make(chan reply, 1)
	go func() {
		req, _ := http.NewRequest("POST", "http://"+r.app.address()+"/v1/chat/completions", strings.NewReader(strings.Replace(hello, "sandbox", "slow/m", 1)))
		req.Header.Set("Authorization", "Bearer sk-single-key-0001")
		res, err := r.client.Do(req)
		if err != nil {
			got <- reply{0, err.Error()}
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		got <- reply{res.StatusCode, string(b)}
	}()
	<-up.asked
	r.stop()
	r.wait("shutting down")
	select {
	case <-r.ended:
		t.Fatalf("ended while a request was under way: %v", r.err)
	case g := <-got:
		t.Fatalf("answered before the upstream did: %+v", g)
	default:
	}
	if log, _ := r.log.now(); !strings.Contains(log, "in_flight=1") {
		t.Errorf("the log does not tell what is under way: %s", log)
	}
	close(up.answer)
	if g := <-got; g.status != 200 || !strings.Contains(g.body, "late") {
		t.Errorf("the request under way got %d %s", g.status, g.body)
	}
	<-r.ended
	if r.err != nil {
		t.Errorf("ended with %v", r.err)
	}
	if _, err := net.Dial("tcp", r.app.address()); err == nil {
		t.Error("connections are still taken")
	}
	list := attempts(t, data)
	if len(list) != 1 || list[0].Usage.Input != 3 || list[0].Usage.Output != 4 || list[0].ErrorClass != "" {
		t.Errorf("attempts %+v", list)
	}
}

func TestDrainHasALimit(t *testing.T) {
	data := alone(t)
	up, path := newSlow(t)
	cfg := load(t, data, map[string]string{"server.drain_timeout": "1ms"}, path)
	r, _ := firstRun(t, cfg)
	cut := make(chan error, 1)
	go func() {
		req, _ := http.NewRequest("POST", "http://"+r.app.address()+"/v1/chat/completions", strings.NewReader(strings.Replace(hello, "sandbox", "slow/m", 1)))
		req.Header.Set("Authorization", "Bearer sk-single-key-0001")
		res, err := r.client.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		cut <- err
	}()
	<-up.asked
	r.stop()
	r.wait("requests were cut off")
	if err := <-cut; err == nil {
		t.Error("the request was answered")
	}
	// What the upstream still says is waited for a moment longer, for the accounts.
	close(up.answer)
	<-r.ended
	if r.err != nil {
		t.Errorf("ended with %v", r.err)
	}
	if list := attempts(t, data); len(list) != 1 || list[0].Usage.Output != 4 {
		t.Errorf("attempts %+v", list)
	}
}

func TestKeyMadeMeanwhileIsTaken(t *testing.T) {
	data := alone(t)
	r, _ := firstRun(t, load(t, data, nil, ""))
	k := createdKey(t, data, "later")
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		status, _ := r.do("POST", "/v1/chat/completions", k.Key, hello)
		if status == 200 {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("a key made by another process still gives %d", status)
		default:
		}
	}
}

func TestCannotStart(t *testing.T) {
	data := alone(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	t.Run("the port is taken", func(t *testing.T) {
		got := refused(t, "cannot listen on 127.0.0.1:"+port, "serve", "--port", port, "--data-dir", data)
		if got.out != "" {
			t.Errorf("keys were shown for a gateway that did not start: %s", got.out)
		}
		if _, err := os.Stat(data); err == nil {
			t.Error("a data folder was made")
		}
	})
	t.Run("the data folder is a file", func(t *testing.T) {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := free.Addr().String()
		_ = free.Close()
		_, port, _ := net.SplitHostPort(addr)
		file := write(t, "file", "")
		refused(t, "data folder", "serve", "--port", port, "--data-dir", file)
		if l, err := net.Listen("tcp", addr); err != nil {
			t.Errorf("the port was not given back: %v", err)
		} else {
			_ = l.Close()
		}
	})
	t.Run("no region", func(t *testing.T) {
		write(t, "bad.yaml", "providers: [{ name: aws, type: bedrock }]\n")
		refused(t, "region is missing", "serve", "--port", "0", "--data-dir", data+"2", "--config", "bad.yaml")
	})
	t.Run("a wrong setting", func(t *testing.T) {
		refused(t, "server.port", "serve", "--port", "http", "--data-dir", data)
	})
}

func TestCurlFitsTheAddress(t *testing.T) {
	for host, want := range map[string]string{"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "127.0.0.1", "::1": "[::1]", "gw.example": "gw.example"} {
		cfg := config.Default()
		cfg.Server.Host, cfg.Server.Port = host, 81
		if got := newApp(cfg, nil).curl("KEY"); !strings.HasPrefix(got, "curl http://"+want+":81/v1/chat/completions ") || !strings.Contains(got, "Bearer KEY") {
			t.Errorf("host %q: %s", host, got)
		}
	}
}

func TestLog(t *testing.T) {
	for _, c := range []struct{ level, format, want, not string }{
		{"info", "text", "msg=shown", "hidden"},
		{"warn", "json", `"msg":"warned"`, "shown"},
		{"nonsense", "text", "msg=shown", "hidden"},
	} {
		cfg := config.Default()
		cfg.Server.LogLevel, cfg.Server.LogFormat = c.level, c.format
		got, _ := capture(t, func() error {
			log, flush := newLog(cfg)
			defer flush()
			log.Debug("hidden")
			log.Info("shown")
			log.Warn("warned")
			return nil
		})
		if !strings.Contains(got.err, c.want) || strings.Contains(got.err, c.not) || got.out != "" {
			t.Errorf("%s %s: %+v", c.level, c.format, got)
		}
		if c.format == "json" && !json.Valid([]byte(got.err)) {
			t.Errorf("not JSON: %s", got.err)
		}
	}
}

// TestEveryKindOfProviderIsMade holds the list of makers against the
// configuration's kinds: what is accepted there is served, or said not to be.
func TestEveryKindOfProviderIsMade(t *testing.T) {
	alone(t)
	for i, kind := range []string{config.TypeOpenAI, config.TypeOpenAICompat, config.TypeAnthropic, config.TypeBedrock, config.TypeGemini, config.TypeSandbox} {
		p := config.NewProvider("p"+strconv.Itoa(i), kind)
		p.BaseURL, p.Region, p.Weight, p.Models = "http://127.0.0.1:9", "us-east-1", 7, []string{"m*"}
		a, err := account(p)
		if err != nil || a.Provider.Name() != p.Name || a.Provider.Kind() != kind || a.Weight != 7 || !a.Serves("mm") {
			t.Errorf("%s: %+v, %v", kind, a, err)
		}
		if a.Off != "" {
			t.Errorf("%s: off %q", kind, a.Off)
		}
		if a.Provider.Timeouts().Total != p.Timeouts.Total {
			t.Errorf("%s: timeouts %+v", kind, a.Provider.Timeouts())
		}
		p.Disabled, p.Reason = true, "no key"
		if a, err := account(p); err != nil || a.Off == "" || a.Provider.Kind() != kind {
			t.Errorf("%s disabled: %+v, %v", kind, a, err)
		}
	}
	if _, err := accounts(&config.Config{Providers: []config.Provider{config.NewProvider("x", config.TypeOpenAICompat)}}); err == nil {
		t.Error("a compatible server without an address was taken")
	}
}
