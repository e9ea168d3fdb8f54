package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/keyring"
	"turnpike/internal/learned"
	"turnpike/internal/ledger"
	"turnpike/internal/ledger/journal"
	"turnpike/internal/roster"
	"turnpike/internal/store"
)

// explained are the APIs a request can be written in, by the path it would be
// posted to. Where the path names the model it stands for %s.
var explained = map[string]string{
	"chat":      "/v1/chat/completions",
	"messages":  "/v1/messages",
	"responses": "/v1/responses",
	"converse":  "/model/%s/converse",
	"invoke":    "/model/%s/invoke",
	"gemini":    "/v1beta/models/%s:generateContent",
}

// explain makes the gateway's own decision about a request and sends nothing.
func explain(args []string) error {
	s := newSettings("explain")
	api := s.flags.String("api", "chat", "the `API` the request is written in: "+strings.Join(slices.Sorted(maps.Keys(explained)), ", "))
	model := s.flags.String("model", "", "the `model`, where the API has it in the path (converse, invoke, gemini)")
	asJSON := s.flags.Bool("json", false, "print JSON")
	cfg, err := s.load(args, 0)
	if err != nil {
		return err
	}
	path, ok := explained[*api]
	if !ok {
		return fmt.Errorf("there is no API %q; use one of %s", *api, strings.Join(slices.Sorted(maps.Keys(explained)), ", "))
	}
	if strings.Contains(path, "%s") {
		if *model == "" {
			return fmt.Errorf("--api %s needs --model: the body does not name it", *api)
		}
		path = fmt.Sprintf(path, url.PathEscape(*model))
	}
	body, err := io.ReadAll(io.LimitReader(os.Stdin, int64(cfg.Server.MaxBody)+1))
	if err != nil {
		return fmt.Errorf("the request on standard input: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	if cfg, err = withLive(ctx, cfg); err != nil {
		return err
	}
	answer, err := decide(ctx, cfg, path, body)
	if err != nil {
		return err
	}
	if *asJSON {
		_, err = os.Stdout.Write(answer)
		return err
	}
	return printDecision(answer)
}

// decide puts a request on the road of a gateway that serves nobody else.
func decide(ctx context.Context, cfg *config.Config, path string, body []byte) ([]byte, error) {
	a := newApp(cfg, slog.New(slog.DiscardHandler))
	list, err := accounts(cfg)
	if err != nil {
		return nil, err
	}
	if a.models, err = loadCatalog(cfg); err != nil {
		return nil, err
	}
	db, err := openStore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	a.known = learned.New(time.Now)
	if err := a.known.Load(ctx, db); err != nil {
		return nil, err
	}
	done, err := a.sideLedger(db)
	if err != nil {
		return nil, err
	}
	defer done()
	a.table = newTable(a, cfg, list)
	key := roster.NewSecret(roster.SecretPrefix)
	a.ring = keyring.New(time.Now, keyring.Entry{Hash: keyring.Hash(key), Principal: keyring.Principal{KeyID: "explain"}})
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("X-Turnpike-Explain", "true")
	w := httptest.NewRecorder()
	newGateway(a).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return nil, errors.New("the request would be refused: " + strings.TrimSpace(w.Body.String()))
	}
	return w.Body.Bytes(), nil
}

// sideLedger opens a ledger in a folder of its own, since a running gateway holds
// the real one: the road wants one, although what is explained is no attempt.
func (a *app) sideLedger(db *store.Store) (done func(), err error) {
	dir, err := os.MkdirTemp("", "turnpike-explain-")
	if err != nil {
		return nil, err
	}
	a.ledger, err = ledger.Open(ledger.Options{
		Dir: dir, Fsync: journal.Fsync(a.cfg.Ledger.Fsync), MaxBytes: int64(a.cfg.Ledger.MaxBytes), OnFull: ledger.OnFull(a.cfg.Ledger.OnFull), Log: a.log,
	}, db)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
		defer cancel()
		_ = a.ledger.Close(ctx)
		_ = os.RemoveAll(dir)
	}, nil
}

// decision is what the gateway answers to x-turnpike-explain.
type decision struct {
	Model   string `json:"model"`
	Lane    string `json:"lane"`
	Dialect string `json:"dialect"`
	Targets []struct {
		Provider string `json:"provider"`
		Type     string `json:"type"`
		Model    string `json:"model"`
		Why      string `json:"why"`
	} `json:"targets"`
	Upstream struct {
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body"`
	} `json:"upstream"`
	Expected *struct {
		Input  int64 `json:"input_tokens"`
		Output int64 `json:"max_output_tokens"`
	} `json:"expected"`
	Learned []string `json:"learned"`
	Losses  []struct {
		Path   string `json:"path"`
		Reason string `json:"reason"`
		Count  int    `json:"count"`
	} `json:"losses"`
}

func printDecision(answer []byte) error {
	var d decision
	if err := json.Unmarshal(answer, &d); err != nil {
		return err
	}
	fmt.Printf("%s goes by the lane %q, spoken in %s:\n", d.Model, d.Lane, d.Dialect)
	for i, t := range d.Targets {
		fmt.Printf("  %d. %s (%s), model %s: %s\n", i+1, t.Provider, t.Type, t.Model, t.Why)
	}
	fmt.Printf("\n%s %s\n", d.Upstream.Method, d.Upstream.URL)
	for _, name := range slices.Sorted(maps.Keys(d.Upstream.Headers)) {
		fmt.Printf("%s: %s\n", name, d.Upstream.Headers[name])
	}
	fmt.Printf("\n%s\n\n", d.Upstream.Body)
	if d.Expected != nil {
		fmt.Printf("Expected: about %d tokens in", d.Expected.Input)
		if d.Expected.Output > 0 {
			fmt.Printf(", at most %d out", d.Expected.Output)
		}
		fmt.Println(".")
	}
	for _, fix := range d.Learned {
		fmt.Printf("Learned of the model: %s\n", fix)
	}
	if len(d.Losses) == 0 {
		fmt.Println("Nothing is lost.")
		return nil
	}
	fmt.Println("Lost or changed:")
	for _, l := range d.Losses {
		fmt.Printf("  %s: %s\n", l.Path, l.Reason)
	}
	return nil
}
