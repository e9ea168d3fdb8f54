package provider

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestTokenWait: who waits for another's fetching waits no longer than it wants to.
func TestTokenWait(t *testing.T) {
	tokens := NewTokens(func(context.Context) (string, time.Duration, error) { return "t", time.Hour, nil }, nil)
	tokens.turn <- struct{}{} // somebody is asking, and does not come back
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tokens.Get(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-tokens.turn
	if got, err := tokens.Get(t.Context()); got != "t" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}

// TestTokenForAll: the one who fetches does so for the others too, whatever becomes
// of its own client.
func TestTokenForAll(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tokens := NewTokens(func(inner context.Context) (string, time.Duration, error) {
		cancel()
		_, bounded := inner.Deadline()
		if inner.Err() != nil || !bounded {
			return "", 0, errors.New("the fetch ends with its first caller, or never")
		}
		return "t", time.Hour, nil
	}, nil)
	if got, err := tokens.Get(ctx); got != "t" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}

func TestChoice(t *testing.T) {
	c := Choice{
		Rules:  []APIRule{{"gpt-5*", "responses"}, {"org/*", "chat"}, {"gpt-*", "chat"}},
		Pinned: "converse",
		Only:   func(string) string { return "never asked" },
	}
	for model, want := range map[string]string{"gpt-5-mini": "responses", "gpt-4o": "chat", "org/a/b": "chat", "other": "converse"} {
		if got := c.For(model); got != want {
			t.Errorf("%s goes by %q", model, got)
		}
	}
	if !c.Names("invoke", "responses") || !c.Names("converse") || c.Names("invoke") {
		t.Error("the APIs that are named")
	}
	c = Choice{Only: func(model string) string { return map[string]string{"gpt-5-pro": "responses"}[model] }}
	if c.For("gpt-5-pro") != "responses" || c.For("gpt-5") != "" {
		t.Error("what the catalogue says")
	}
}
