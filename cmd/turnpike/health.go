package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"turnpike/internal/config"
)

// healthTime is how long a gateway may take to say how it is.
const healthTime = 3 * time.Second

// health asks the gateway that runs with this configuration whether it serves requests.
// It is for whatever watches a container: images have no curl.
func health(args []string) error {
	s := newSettings("health")
	server := s.flags.String("server", "", "`address` of the gateway (default: server.host and server.port)")
	limit := s.flags.Duration("timeout", healthTime, "the most it may take")
	cfg, err := s.load(args, 0)
	if err != nil {
		return err
	}
	if *limit <= 0 {
		return errors.New("--timeout must be more than nothing")
	}
	own := *server == ""
	if own {
		*server = ownAddress(cfg)
	}
	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	line, err := stateOf(ctx, *server, own)
	if err != nil {
		return err
	}
	fmt.Println(line)
	return nil
}

// ownAddress is where the gateway of this configuration is asked from its own machine.
func ownAddress(cfg *config.Config) string {
	host := cfg.Server.Host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if cfg.Server.TLS.On() {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(cfg.Server.Port))
}

// stateOf is what a gateway says of itself, and an error where it does not serve. The
// certificate of the own one is for the name that others know it by, so it is not compared.
func stateOf(ctx context.Context, server string, own bool) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/health/ready", http.NoBody)
	if err != nil {
		return "", err
	}
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: own}} //nolint:gosec // see above
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req) //nolint:gosec // the operator's own gateway
	if err != nil {
		return "", fmt.Errorf("is the gateway running? %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return "", err
	}
	var said struct{ Status, Reason, Version string }
	if err := json.Unmarshal(text, &said); err != nil || said.Status == "" {
		return "", fmt.Errorf("%s does not answer as a gateway does (%s)", server, res.Status)
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", said.Status, said.Reason)
	}
	return said.Status + ", version " + said.Version, nil
}
