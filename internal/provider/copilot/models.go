package copilot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/provider"
)

// model is one entry of the account's list.
type model struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Vendor    string   `json:"vendor"`
	Endpoints []string `json:"supported_endpoints"`
	Policy    struct {
		State string `json:"state"`
	} `json:"policy"`
	Capabilities struct {
		Type   string `json:"type"`
		Limits struct {
			Context int64 `json:"max_context_window_tokens"`
			Prompt  int64 `json:"max_prompt_tokens"`
			Output  int64 `json:"max_output_tokens"`
		} `json:"limits"`
		Supports struct {
			Vision  *bool    `json:"vision"`
			Efforts []string `json:"reasoning_effort"`
			Budget  int64    `json:"max_thinking_budget"`
		} `json:"supports"`
	} `json:"capabilities"`

	narrow *llm.Narrow
}

// list is the account's models while they are known. Whoever finds them old asks for
// all that wait.
type list struct {
	old    atomic.Bool   // it is of another login
	turn   chan struct{} // held by who reads or changes the rest
	models []model
	asked  time.Time
}

// models returns the list, no older than it may be. Where it cannot be had the last
// one stays.
func (a *Account) models(ctx context.Context, fresh bool) ([]model, error) {
	l := &a.list
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-l.turn }()
	now := a.opt.Now()
	fresh = l.old.Swap(false) || fresh
	if !fresh && !l.asked.IsZero() && now.Sub(l.asked) < time.Duration(a.set.ModelsEvery) {
		return l.models, nil
	}
	got, err := a.fetch(context.WithoutCancel(ctx))
	if _, ours := errors.AsType[*llm.Error](err); ours {
		return l.models, err // nobody has signed in: that may change at once
	}
	if err != nil {
		l.asked = now.Add(listAgain - time.Duration(a.set.ModelsEvery)) // not at every request
		return l.models, err
	}
	l.models, l.asked = got, now
	return got, nil
}

// How long a list may take, and when it is asked for again after it could not be had.
const (
	listFor   = 15 * time.Second
	listAgain = time.Minute
)

// fetch asks for the list.
func (a *Account) fetch(ctx context.Context) ([]model, error) {
	ctx, cancel := context.WithTimeout(ctx, listFor)
	defer cancel()
	c, err := a.keeper.Token(ctx)
	if err != nil {
		return nil, err
	}
	var got struct {
		Data []model `json:"data"`
	}
	for again := false; ; again = true {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.set.apiURL(), http.NoBody)
		if err != nil {
			return nil, err
		}
		a.wear(r)
		r.Header.Set(intent, a.set.Intents["models"])
		if err := a.aim(r, "/models", &c); err != nil {
			return nil, err
		}
		err = a.ReadJSON(r, maxAnswer, quote, &got)
		if refused, ok := errors.AsType[*provider.StatusError](err); ok && !again && refused.Status == http.StatusUnauthorized {
			if c, err = a.keeper.Renew(ctx, c.Access); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		break
	}
	for i := range got.Data {
		got.Data[i].narrow = a.narrow(&got.Data[i])
	}
	return got.Data, nil
}

// narrow is what the service takes for a model.
func (a *Account) narrow(m *model) *llm.Narrow {
	n, c := a.set.narrow(), &m.Capabilities
	n.MaxOutput, n.Context, n.Efforts = c.Limits.Output, c.Limits.Context, c.Supports.Efforts
	n.Thinking = c.Supports.Budget
	n.NoImages = c.Supports.Vision != nil && !*c.Supports.Vision
	return &n
}

// usable tells whether the account may use a model: whoever has to agree to its terms
// has done so.
func (m *model) usable() bool { return m.Policy.State == "" || m.Policy.State == "enabled" }

// Models lists what the account may use for answers and embeddings.
func (a *Account) Models(ctx context.Context) ([]provider.Model, error) {
	got, err := a.models(ctx, true)
	if err != nil {
		return nil, err
	}
	out := []provider.Model{}
	for i := range got {
		m := &got[i]
		if m.ID == "" || !m.usable() || m.Capabilities.Type == "completion" {
			continue
		}
		out = append(out, provider.Model{ID: m.ID, Name: m.Name, Owner: m.Vendor, Context: m.Capabilities.Limits.Context, Output: m.Capabilities.Limits.Output})
	}
	return out, nil
}

// find looks a model up under the names clients know it by; nil where the list has it
// not, or cannot be had.
func (a *Account) find(ctx context.Context, name string) (*model, error) {
	got, err := a.models(ctx, false)
	for _, id := range []string{name, Dotted(name)} {
		if i := slices.IndexFunc(got, func(m model) bool { return m.ID == id }); i >= 0 {
			return &got[i], nil
		}
	}
	return nil, err
}

var (
	modelDate = regexp.MustCompile(`[-@](20\d{6}|latest)$`)
	// dashed is a name as Anthropic writes it: claude-sonnet-4-5.
	dashed = regexp.MustCompile(`^(claude-[a-z]+-\d+)-(\d{1,2})$`)
)

// Dotted is a model's id as the service writes it: claude-sonnet-4.5 for
// claude-sonnet-4-5-20250929. Names it knows nothing of stay as they are.
func Dotted(name string) string {
	id := strings.ToLower(strings.TrimSpace(name))
	if !strings.HasPrefix(id, "claude-") {
		return name
	}
	id = modelDate.ReplaceAllString(id, "")
	if m := dashed.FindStringSubmatch(id); m != nil {
		return m[1] + "." + m[2]
	}
	return id
}

// Surface is the best API for a model, whoever asks.
func (a *Account) Surface(ctx context.Context, name string) (provider.Surface, error) {
	return a.SurfaceFor(ctx, name, "")
}

// richest are the APIs in the order of what they can say: thinking with its proof,
// then reasoning that is encrypted, then chat.
var richest = []struct{ dialect, endpoint string }{{messages, "/v1/messages"}, {responses, "/responses"}, {chat, "/chat/completions"}}

// SurfaceFor is the client's own API where the model has it, else the richest one.
func (a *Account) SurfaceFor(ctx context.Context, name, dialect string) (provider.Surface, error) {
	m, err := a.find(ctx, name)
	if m == nil {
		if e, ok := errors.AsType[*llm.Error](err); ok {
			return provider.Surface{}, e // nobody has signed in
		}
		m = &model{ID: Dotted(name)} // too new for the list, or there is none now
		m.narrow = a.narrow(m)
	}
	if !m.usable() {
		return provider.Surface{}, fmt.Errorf("the model %s is not enabled for the account: agree to its terms at %s", m.ID, a.set.atHost(a.set.PolicyURL))
	}
	api := a.opt.Choice.For(m.ID)
	if api == "" {
		api = a.best(m, dialect)
	}
	s := provider.Surface{Dialect: api, Called: m.ID, Narrow: m.narrow}
	if api == chat {
		s.Compat = !anyGlob(a.set.MaxCompletionTokens, m.ID)
		if !anyGlob(a.set.WholeAnswers, m.ID) {
			s.Dialect = pieces
		}
	}
	return s, nil
}

// best chooses an API. Chat in pieces has to be translated for its own clients too, so
// that it is theirs is no reason to take it.
func (a *Account) best(m *model, dialect string) string {
	if dialect == chat && !anyGlob(a.set.WholeAnswers, m.ID) {
		dialect = ""
	}
	best := chat // models whose list does not say
	for _, r := range slices.Backward(richest) {
		if slices.Contains(m.Endpoints, r.endpoint) {
			if best = r.dialect; r.dialect == dialect {
				return dialect
			}
		}
	}
	return best
}
