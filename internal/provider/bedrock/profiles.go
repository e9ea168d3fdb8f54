package bedrock

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"turnpike/internal/provider"
)

// profiles remembers which model stands behind an application inference
// profile: its ARN does not tell, and how Claude is called depends on it.
type profiles struct {
	acc    *Account
	now    func() time.Time
	asking singleflight.Group

	mu    sync.Mutex
	known map[string]profile
}

type profile struct {
	model string // empty: could not be found out
	until time.Time
}

const (
	profileTTL  = time.Hour
	profileMiss = time.Minute // before asking again after a failure
	profileWait = 5 * time.Second
	maxProfiles = 1000
)

func newProfiles(a *Account) *profiles {
	return &profiles{acc: a, now: time.Now, known: map[string]profile{}}
}

// model is the model behind a profile, empty where it cannot be found out. It
// is asked for once an hour, by one request for all that wait for it, and for
// all of them: that the first one's client has left must not be taken for an answer.
func (p *profiles) model(ctx context.Context, arn string) string {
	e := p.look(arn)
	if p.now().Before(e.until) {
		return e.model
	}
	model, _, _ := p.asking.Do(arn, func() (any, error) {
		e := p.look(arn)
		if p.now().Before(e.until) {
			return e.model, nil
		}
		return p.ask(context.WithoutCancel(ctx), arn, e.model), nil
	})
	s, _ := model.(string)
	return s
}

func (p *profiles) look(arn string) profile {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[arn]
}

// ask asks Bedrock's control plane (GetInferenceProfile). While that fails, what
// was known before stays.
func (p *profiles) ask(ctx context.Context, arn, before string) string {
	ctx, cancel := context.WithTimeout(ctx, profileWait)
	defer cancel()
	var out struct {
		Models []struct {
			ModelARN string `json:"modelArn"`
		} `json:"models"`
	}
	err := p.acc.GetJSON(ctx, p.acc.controlURL("/inference-profiles/"+arn, "/inference-profiles/"+escape(arn)), p.acc.signGet, &out)
	e := profile{model: before, until: p.now().Add(profileMiss)}
	if err == nil && len(out.Models) > 0 {
		e = profile{model: bare(out.Models[0].ModelARN), until: p.now().Add(profileTTL)}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) >= maxProfiles {
		clear(p.known)
	}
	p.known[arn] = e
	return e.model
}

// controlURL is the control plane's address: beside the runtime's where AWS is
// called itself, else behind the same base_url.
func (a *Account) controlURL(path, raw string) *url.URL {
	u := a.URL(path)
	u.RawPath = a.URL("").EscapedPath() + raw
	if strings.Contains(u.Host, ".amazonaws.com") {
		u.Host = strings.Replace(u.Host, "bedrock-runtime", "bedrock", 1) // bedrock-runtime-fips too
	}
	return u
}

func (a *Account) signGet(r *http.Request) error {
	return a.signer.sign(r.Context(), r, nil, service)
}

// Models lists the text models and inference profiles of the region.
func (a *Account) Models(ctx context.Context) ([]provider.Model, error) {
	var fms struct {
		ModelSummaries []struct {
			ModelID          string   `json:"modelId"`
			ModelName        string   `json:"modelName"`
			ProviderName     string   `json:"providerName"`
			OutputModalities []string `json:"outputModalities"`
		} `json:"modelSummaries"`
	}
	if err := a.GetJSON(ctx, a.controlURL("/foundation-models", "/foundation-models"), a.signGet, &fms); err != nil {
		return nil, err
	}
	var out []provider.Model
	for _, m := range fms.ModelSummaries {
		if len(m.OutputModalities) > 0 && m.OutputModalities[0] == "TEXT" && strings.Count(m.ModelID, ":") < 2 {
			out = append(out, provider.Model{ID: m.ModelID, Name: m.ModelName, Owner: m.ProviderName})
		}
	}
	next := ""
	for range 20 {
		var page struct {
			Summaries []struct {
				ID   string `json:"inferenceProfileId"`
				Name string `json:"inferenceProfileName"`
			} `json:"inferenceProfileSummaries"`
			Next string `json:"nextToken"`
		}
		u := a.controlURL("/inference-profiles", "/inference-profiles")
		q := url.Values{"maxResults": {"1000"}}
		if next != "" {
			q.Set("nextToken", next)
		}
		u.RawQuery = q.Encode()
		if err := a.GetJSON(ctx, u, a.signGet, &page); err != nil {
			return out, err
		}
		for _, s := range page.Summaries {
			out = append(out, provider.Model{ID: s.ID, Name: s.Name, Owner: Kind})
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if !a.opt.Choice.Names(Chat, Responses) {
		return out, nil
	}
	more, err := a.mantleModels(ctx)
	return append(out, more...), err
}
