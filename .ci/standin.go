//go:build ignore

// Standin is a Kiro or a GitHub Copilot between a gateway and a model that is played for
// the vendors' own APIs: it refuses what the real services are known to refuse, lets
// everybody in, and has the model answer. It lives as long as its standard input.
//
//	standin kiro|copilot http://127.0.0.1:9000 SETTINGS
//
// UPSTREAM_KEY is the model's key, MODEL its name. SETTINGS is written when the service is
// there: the settings_file of a provider before it.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"turnpike/internal/provider/copilot/copilottest"
	"turnpike/internal/provider/kiro/kirotest"
)

// whole is what a service needs of a test.
type whole struct{}

func (whole) Logf(format string, args ...any)   { log.Printf(format, args...) }
func (whole) Error(args ...any)                 { log.Print(args...) }
func (whole) Errorf(format string, args ...any) { log.Printf(format, args...) }
func (whole) Fatal(args ...any)                 { log.Fatal(args...) }
func (whole) Cleanup(func())                    {}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: standin kiro|copilot UPSTREAM SETTINGS")
	}
	upstream, file := os.Args[2], os.Args[3]
	var settings []byte
	switch os.Args[1] {
	case "kiro":
		s := kirotest.New(whole{})
		s.Generous()
		s.Think(func(body []byte) (*http.Response, error) { return ask(upstream+"/v1/messages", http.Header{}, body) })
		settings = s.Settings()
	case "copilot":
		s := copilottest.New(whole{}, time.Now)
		s.Generous()
		s.Think(func(path string, h http.Header, body []byte) (*http.Response, error) {
			return ask(upstream+"/v1/"+strings.TrimPrefix(strings.TrimPrefix(path, "/"), "v1/"), h, body)
		})
		settings = s.Settings()
	default:
		log.Fatalf("there is no service %q", os.Args[1])
	}
	// Whole or not at all: somebody waits for it.
	if err := os.WriteFile(file+".part", settings, 0o600); err != nil {
		log.Fatal(err)
	}
	if err := os.Rename(file+".part", file); err != nil {
		log.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// ask sends a body to the model under its own name.
func ask(address string, h http.Header, body []byte) (*http.Response, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, err
	}
	members["model"] = json.RawMessage(fmt.Sprintf("%q", os.Getenv("MODEL")))
	text, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+os.Getenv("UPSTREAM_KEY"))
	if strings.HasSuffix(address, "/messages") {
		r.Header.Del("Authorization")
		r.Header.Set("X-Api-Key", os.Getenv("UPSTREAM_KEY"))
		r.Header.Set("Anthropic-Version", "2023-06-01")
		if b := h.Values("Anthropic-Beta"); len(b) > 0 {
			r.Header["Anthropic-Beta"] = b
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}
