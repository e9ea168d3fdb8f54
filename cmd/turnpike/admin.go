package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"turnpike/internal/admin"
	"turnpike/internal/config"
	"turnpike/internal/keyring"
)

// adminKey is the hash of the key that opens the admin API: the configuration's, else
// that of the first start.
func (a *app) adminKey(ctx context.Context) (hash [32]byte, err error) {
	if key := a.cfg.Auth.AdminKey.Reveal(); key != "" {
		return keyring.Hash(key), nil
	}
	text, _, err := a.store.Setting(ctx, adminKeyHash)
	if err != nil {
		return hash, err
	}
	if n, err := hex.Decode(hash[:], []byte(text)); err != nil || n != len(hash) {
		return hash, errors.New("the hash of the admin key in the database is damaged; set auth.admin_key")
	}
	return hash, nil
}

// newGuards makes what lets operators in, and who may read /metrics: nil for everybody.
func newGuards(ctx context.Context, a *app) (operators, scrapes *admin.Guard, err error) {
	key, err := a.adminKey(ctx)
	if err != nil {
		return nil, nil, err
	}
	if token := a.cfg.Telemetry.Metrics.Token.Reveal(); token != "" {
		scrapes = admin.NewGuard(keyring.Hash(token), key)
	}
	return admin.NewGuard(key), scrapes, nil
}

// operator tells whether a request is the operator's own: by the key, or because it
// was made on this machine.
func (a *app) operator(r *http.Request) bool { return admin.Local(r) || a.operators.Opens(r) }

// mayScrape is who may read /metrics, nil for everybody.
func (a *app) mayScrape() func(*http.Request) bool {
	if a.scrapes == nil {
		return nil
	}
	return a.scrapes.Opens
}

// unpin asks the running gateway to let the conversations of a provider go.
func unpin(args []string) error {
	s := newSettings("providers unpin")
	server := s.flags.String("server", "", "`address` of the gateway (default: server.host and server.port)")
	cfg, err := s.load(args, 1)
	if err != nil {
		return err
	}
	if s.word() == "" {
		return errors.New("usage: turnpike providers unpin NAME [flags]")
	}
	body, err := json.Marshal(map[string]string{"provider": s.word()})
	if err != nil {
		return err
	}
	answer, err := askGateway(cfg, *server, "/admin/affinity/unpin", body)
	if err != nil {
		return err
	}
	var n struct {
		Unpinned int `json:"unpinned"`
	}
	if err := json.Unmarshal(answer, &n); err != nil {
		return fmt.Errorf("the gateway's answer: %w", err)
	}
	fmt.Printf("%s: %d conversations let go\n", s.word(), n.Unpinned)
	return nil
}

// askGateway posts to the admin API of a running gateway.
func askGateway(cfg *config.Config, server, path string, body []byte) ([]byte, error) {
	key := cfg.Auth.AdminKey.Reveal()
	if key == "" {
		return nil, errors.New("set TURNPIKE_AUTH_ADMIN_KEY to the admin key: the one in the configuration, or printed at the first start")
	}
	if server == "" {
		server = ownAddress(cfg)
	}
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(server, "/")+path, bytes.NewReader(body)) //nolint:gosec // the operator's own gateway
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req) //nolint:gosec // the operator's own gateway
	if err != nil {
		return nil, fmt.Errorf("is the gateway running? %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		var problem struct {
			Detail string `json:"detail"`
		}
		_ = json.Unmarshal(answer, &problem)
		return nil, fmt.Errorf("the gateway answered %s: %s", res.Status, problem.Detail)
	}
	return answer, nil
}
