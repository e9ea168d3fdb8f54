package copilot

import (
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/signin"
)

// Notice is said wherever Copilot is shown.
const Notice = "GitHub Copilot is an unofficial upstream: for personal testing and research. It may stop at any time, and its use may breach the service's terms."

//go:embed settings.json
var settingsJSON []byte

// Settings are all hosts, versions, ids and headers. The defaults are those of today,
// in settings.json; an operator's file of the same form stands above it, member by member.
type Settings struct {
	Host      string            `json:"host"`        // github.com, or the enterprise's own: company.ghe.com
	SignInURL string            `json:"sign_in_url"` // {host} is the host
	GitHubURL string            `json:"github_url"`
	APIURLs   map[string]string `json:"api_urls"`   // by host, * for others: where no token says so
	APIHosts  []string          `json:"api_hosts"`  // the only ones a token may name
	PolicyURL string            `json:"policy_url"` // where people agree to the terms of models
	ClientID  string            `json:"client_id"`
	Scope     string            `json:"scope"`

	// Exchange: GitHub's token is good for a token of the service. Without it GitHub's
	// own is sent, which some client ids want.
	Exchange      bool            `json:"exchange"`
	ExchangePath  string          `json:"exchange_path"`
	UserPath      string          `json:"user_path"`
	UsagePath     string          `json:"usage_path"`
	RefreshBefore signin.Duration `json:"refresh_before"` // the time the service names for it
	TokenLife     signin.Duration `json:"token_life"`     // where it names none
	ModelsEvery   signin.Duration `json:"models_every"`

	Headers          map[string]string `json:"headers"`        // of every call; {uuid} is one of the request
	GitHubHeaders    map[string]string `json:"github_headers"` // over them, of calls to GitHub itself
	Intents          map[string]string `json:"intents"`        // the header Openai-Intent: user, agent, models
	AnthropicVersion string            `json:"anthropic_version"`

	WholeAnswers        []string `json:"whole_answers"`         // models whose chat answers are no pieces
	MaxCompletionTokens []string `json:"max_completion_tokens"` // models that want the limit by that name
	MessagesMembers     []string `json:"messages_members"`      // of /v1/messages
	Betas               []string `json:"betas"`                 // Anthropic's flags that are taken there
}

// ReadSettings are the defaults with an operator's file over them; nil is none. A host
// stands above both.
func ReadSettings(over []byte, host string) (*Settings, error) {
	var s Settings
	if err := signin.ReadSettings(&s, settingsJSON, over); err != nil {
		return nil, fmt.Errorf("copilot settings: %w", err)
	}
	if host != "" {
		s.Host = host
	}
	return &s, s.check()
}

func (s *Settings) check() error {
	switch {
	case s.Host == "" || strings.Trim(s.Host, "abcdefghijklmnopqrstuvwxyz0123456789.-:") != "":
		return fmt.Errorf("copilot settings: %q is no host such as github.com or company.ghe.com", s.Host)
	case s.ClientID == "":
		return errors.New("copilot settings: client_id is needed")
	case s.ModelsEvery <= 0 || s.TokenLife <= s.RefreshBefore:
		return errors.New("copilot settings: models_every is above 0, and token_life above refresh_before")
	}
	for _, a := range []string{s.atHost(s.SignInURL), s.atHost(s.GitHubURL), s.apiURL()} {
		if u, err := url.Parse(a); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return fmt.Errorf("copilot settings: %q is no http(s) address", a)
		}
	}
	return nil
}

func (s *Settings) atHost(address string) string {
	return strings.ReplaceAll(address, "{host}", s.Host)
}

// apiURL is where the API is where no token says so.
func (s *Settings) apiURL() string {
	if a := s.APIURLs[s.Host]; a != "" {
		return a
	}
	return s.atHost(s.APIURLs["*"])
}

// apiBase is where a token says that the API is. That comes from outside and becomes
// an address that tokens are sent to, so only known hosts are taken.
func (s *Settings) apiBase(told, token string) string {
	if told == "" {
		if proxy := field(token, "proxy-ep"); strings.HasPrefix(proxy, "proxy.") {
			told = "https://api." + strings.TrimPrefix(proxy, "proxy.")
		}
	}
	u, err := url.Parse(strings.TrimRight(told, "/"))
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !slices.ContainsFunc(s.APIHosts, func(h string) bool {
		ok, _ := path.Match(s.atHost(h), u.Host)
		return ok && (u.Scheme == "https" || strings.HasPrefix(s.apiURL(), "http://"))
	}) {
		return s.apiURL()
	}
	return u.String()
}

// field is a value of a token's text, tid=…;exp=…;proxy-ep=….
func field(token, name string) string {
	for part := range strings.SplitSeq(token, ";") {
		if k, v, _ := strings.Cut(part, "="); k == name {
			return v
		}
	}
	return ""
}

// narrow is what the service takes of the APIs it copies.
func (s *Settings) narrow() llm.Narrow {
	return llm.Narrow{Name: "Copilot", Version: s.AnthropicVersion, Members: s.MessagesMembers, Betas: s.Betas, Forward: []string{initiator}, Forgets: true}
}

func anyGlob(patterns []string, model string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, model)
		return ok
	})
}
