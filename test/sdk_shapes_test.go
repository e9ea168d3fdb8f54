package e2e

import (
	"errors"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

func openaiBase(url string) option.RequestOption      { return option.WithBaseURL(url) }
func openaiKeyOption(key string) option.RequestOption { return option.WithAPIKey(key) }

// openaiHeader sets a header, or takes it away.
func openaiHeader(name, value string) option.RequestOption {
	if value == "" {
		return option.WithHeaderDel(name)
	}
	return option.WithHeader(name, value)
}

func checkOpenAIAuth(t *testing.T, err error) {
	t.Helper()
	if e, ok := errors.AsType[*openai.Error](err); !ok || e.StatusCode != 401 || e.Code != "invalid_api_key" || e.Message == "" {
		t.Errorf("a wrong key: %v", err)
	}
}

func openaiModels(t *testing.T, gw *gateway) {
	c := gw.openai()
	page, err := c.Models.List(within(t))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, m := range page.Data {
		found = found || m.ID == "sandbox"
		if m.Object != "model" || m.Created == 0 || m.OwnedBy == "" {
			t.Errorf("model %s", m.RawJSON())
		}
	}
	if !found {
		t.Errorf("sandbox is not among %d models", len(page.Data))
	}
	one, err := c.Models.Get(within(t), "sandbox/sandbox-tools")
	if err != nil || one.ID != "sandbox/sandbox-tools" {
		t.Errorf("one model: %+v, %v", one, err)
	}
	_, err = c.Models.Get(within(t), "no-such-model")
	if e, ok := errors.AsType[*openai.Error](err); !ok || e.StatusCode != 404 {
		t.Errorf("a model that is not there: %v", err)
	}
}
