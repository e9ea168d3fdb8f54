// Package config holds the settings of the gateway: one struct, filled from
// defaults, then turnpike.yaml, then TURNPIKE_* environment variables, then
// flags, and checked in one place. Every problem is reported at once, with the
// file and line it stands on.
package config

import (
	"path/filepath"
	"time"

	"turnpike/internal/peer"
	"turnpike/internal/policy"
	"turnpike/internal/rules"
)

// Config is everything the gateway can be told before it starts.
type Config struct {
	// Server is where and how the gateway listens.
	Server Server `yaml:"server"`
	// DataDir is the folder for the database (unless it is PostgreSQL), the ledger's
	// journal and the encryption key.
	DataDir string `yaml:"data_dir"`
	// Database is PostgreSQL instead of the file in data_dir.
	Database Database `yaml:"database"`
	// Ledger is how the account of attempts is kept until the database has it.
	Ledger Ledger `yaml:"ledger"`
	// Auth holds keys given from outside instead of made at the first start.
	Auth Auth `yaml:"auth"`
	// Vault is where the master key of all that is kept encrypted comes from.
	Vault Vault `yaml:"vault"`
	// Audit is the record of who did what.
	Audit Audit `yaml:"audit"`
	// Payloads is what is kept of what requests say; nothing, unless it says so.
	Payloads Payloads `yaml:"payloads"`
	// Firewall bounds requests where no other firewall is before the gateway.
	Firewall Firewall `yaml:"firewall"`
	// Docs serves pages that describe the admin API at /docs, to everybody: they name its
	// routes and hold no data.
	Docs bool `yaml:"docs"`
	// Keys is how API keys are kept.
	Keys Keys `yaml:"keys"`
	// Defaults are used when a request or a provider does not say.
	Defaults Defaults `yaml:"defaults"`
	// Catalog is a file with the operator's own rules about models, in the form of
	// internal/catalog/models.json; they come after the built-in ones and win.
	Catalog string `yaml:"catalog,omitempty"`
	// ModelRules are such rules too, behind those of the file.
	ModelRules []ModelRule `yaml:"model_rules,omitempty"`
	// Live is about what is set while gateways run, beside this file.
	Live LiveRules `yaml:"live"`
	// Policy is how requests are treated where neither their key nor their
	// provider says otherwise.
	Policy policy.Policy `yaml:"policy,omitempty"`
	// Rules change answers: strip_tags, replace, drop_unknown_tools. One is in
	// force only where a policy names it.
	Rules []rules.Rule `yaml:"rules,omitempty"`
	// Aliases are names for other models, for every key.
	Aliases policy.Aliases `yaml:"aliases,omitempty"`
	// Routing is how accounts are chosen and what is done when one fails.
	Routing Routing `yaml:"routing"`
	// Media is how pictures and files that requests name by URL are fetched for
	// upstreams that take only their content.
	Media Media `yaml:"media"`
	// Responses is what is kept for clients of the Responses API.
	Responses Responses `yaml:"responses"`
	// Prices is what attempts cost, and where that is known from.
	Prices Prices `yaml:"prices"`
	// Redis is where several gateways count limits together. Without it each counts
	// for itself, in memory.
	Redis Redis `yaml:"redis"`
	// Budgets is how budgets are kept.
	Budgets Budgets `yaml:"budgets"`
	// Telemetry is what is told of requests, and to whom.
	Telemetry Telemetry `yaml:"telemetry"`
	// Alerts is what people are told of.
	Alerts Alerts `yaml:"alerts"`
	// Unofficial allows providers that are reached by interfaces which are not
	// meant for it: for personal testing and research; they may stop at any time,
	// and their use may breach the service's terms.
	Unofficial bool `yaml:"unofficial"`
	// Providers are the accounts at upstreams. With none listed they are
	// detected from the environment.
	Providers []Provider `yaml:"providers"`

	// File is the configuration file that was read, empty when there was none.
	File string `yaml:"-"`
	// Detected says that the providers came from the environment.
	Detected bool `yaml:"-"`
	// Warnings are remarks that do not stop the gateway from starting.
	Warnings []string `yaml:"-"`

	// variables are the settings that name variables, as the file has them.
	variables map[string]string
}

// Server is the listening side.
type Server struct {
	// Host is the address to listen on; 0.0.0.0 or :: means every interface.
	Host string `yaml:"host"`
	// Port is the TCP port to listen on; 0 lets the system choose.
	Port int `yaml:"port"`
	// TLS is the certificate that is shown; with none, plain HTTP is spoken.
	TLS TLS `yaml:"tls"`
	// MaxBody is the largest request body accepted.
	MaxBody Size `yaml:"max_body"`
	// DrainTimeout is how long running requests may finish after SIGTERM.
	DrainTimeout time.Duration `yaml:"drain_timeout"`
	// Heartbeat is the silence on a stream after which a heartbeat is sent; 0
	// turns heartbeats off.
	Heartbeat time.Duration `yaml:"heartbeat"`
	// ReadHeaderTimeout is how long a client may take to send its headers.
	ReadHeaderTimeout time.Duration `yaml:"read_header_timeout"`
	// TrustedProxies are the networks (CIDR, or single addresses) of the load
	// balancers and proxies in front of the gateway. Only what they write into
	// X-Forwarded-For is believed; the addresses that keys may be used from are
	// compared with what comes of it.
	TrustedProxies []string `yaml:"trusted_proxies,omitempty"`
	// TrustedDepth is how many proxies there are at most between a client and the
	// gateway; 0 is as many as trusted_proxies has in it.
	TrustedDepth int `yaml:"trusted_depth"`
	// PublicURL is the gateway's address as browsers and clients see it, such as
	// https://gateway.example.org. People who sign in by an identity provider are sent back
	// to it; with https cookies are for TLS only.
	PublicURL string `yaml:"public_url,omitempty"`
	// LogLevel is the least severe level that is logged: debug, info, warn or
	// error.
	LogLevel string `yaml:"log_level"`
	// LogFormat is the form of the log lines: text or json.
	LogFormat string `yaml:"log_format"`
}

// Ledger is how attempts are journalled on the local disk, before the answer's
// last byte, until the database has them.
type Ledger struct {
	// Dir is the folder of the journal; empty is the folder journal in data_dir.
	// One process writes to it: gateways that share a data_dir need one each.
	Dir string `yaml:"dir"`
	// Fsync is when an attempt outlives a power loss: always (before the answer's
	// end, at the price of a disk flush for each group of requests), interval
	// (within a tenth of a second) or never (when the system sees fit). An end of
	// the process alone, kill -9 included, loses nothing with any of them.
	Fsync string `yaml:"fsync"`
	// MaxBytes bounds the journal. An attempt takes 200 to 300 bytes there, and
	// only until the database has it.
	MaxBytes Size `yaml:"max_bytes"`
	// OnFull is what happens when the journal is full or cannot be written: refuse
	// takes no new requests, run takes them and counts and logs what is lost.
	OnFull string `yaml:"on_full"`
	// Keep is how long the database keeps attempts, such as 400d; 0 is for ever. None
	// goes before it is summed.
	Keep time.Duration `yaml:"keep"`
	// KeepSums is how long it keeps their sums by quarters of an hour, at least as
	// long as the attempts; 0 is for ever.
	KeepSums time.Duration `yaml:"keep_sums"`
}

// Auth holds keys that are set from outside.
type Auth struct {
	// AdminKey opens the admin API; when empty, one is made at the first start.
	AdminKey Secret `yaml:"admin_key"`
	// APIKey is the one key of a small set-up; when empty, keys live in the
	// database.
	APIKey Secret `yaml:"api_key"`
	// Local lets people sign in with a password. Where there is no account, the first start
	// prints a link that makes the first owner, once.
	Local bool `yaml:"local"`
	// Session is how long people stay signed in.
	Session Session `yaml:"session"`
	// Members is what people may do for themselves.
	Members Members `yaml:"members"`
	// Origins are the web pages of other hosts that may talk to the admin API and sign
	// people in (CORS), exactly: https://console.example.org. None is the gateway's own.
	Origins []string `yaml:"origins,omitempty"`
	// OIDC are the identity providers that people may sign in by.
	OIDC []OIDC `yaml:"oidc,omitempty"`
	// GroupMappings are what groups of those providers give. Who is in no group that gives
	// a role has no access.
	GroupMappings []GroupMapping `yaml:"group_mappings,omitempty"`
}

// Keys is how API keys are kept.
type Keys struct {
	// Revealable keeps the secrets of keys made from now on, encrypted with the key
	// file in data_dir, so that turnpike keys reveal can show them again. Without it
	// only a hash is kept; when it is switched off, the gateway deletes the secrets
	// it has at its next start.
	Revealable bool `yaml:"revealable"`
}

// Defaults are used when a request or a provider does not say.
type Defaults struct {
	// Provider is the name of the provider that serves models no other rule
	// places.
	Provider string `yaml:"provider"`
	// Model is the model of requests that name none.
	Model string `yaml:"model"`
	// LBStrategy is how requests are spread over providers: smart, weighted,
	// round-robin, least-used or priority.
	LBStrategy string `yaml:"lb_strategy"`
}

// Media is the fetching of pictures and files by URL. Only public addresses are
// fetched from, and without a proxy, which would look the names up itself.
type Media struct {
	// Fetch set to false fetches nothing: such parts are reported as lost.
	Fetch *bool `yaml:"fetch"`
	// AllowPrivate also fetches from private networks and the gateway's own
	// machine, never from where clouds keep credentials.
	AllowPrivate *bool `yaml:"allow_private"`
	// MaxBytes is the largest file fetched; some upstreams take less.
	MaxBytes Size `yaml:"max_bytes"`
	// Timeout is how long fetching one file may take.
	Timeout time.Duration `yaml:"timeout"`
	// AllowHosts is the list of the only hosts fetched from, if it is not empty:
	// host, *.domain, or host:port where the port is not 80 or 443.
	AllowHosts []string `yaml:"allow_hosts,omitempty"`
	// DenyHosts is the list of hosts never fetched from, in the same forms.
	DenyHosts []string `yaml:"deny_hosts,omitempty"`
}

// Responses is what is kept of the Responses API: with store, which is its
// default, clients go on from an answer by its id. It is kept sealed, for the key
// that made it, whatever upstream gave the answer.
type Responses struct {
	// Store says whether answers are kept at all.
	Store bool `yaml:"store"`
	// Keep is how long a conversation is kept after its last use.
	Keep time.Duration `yaml:"keep"`
	// Max is how many answers are kept in all; the least recently used go first.
	Max int `yaml:"max"`
	// MaxBytes is how much is kept in all, as it lies in the database.
	MaxBytes Size `yaml:"max_bytes"`
}

// Provider is one account at an upstream.
type Provider struct {
	// Name is the name of the account in the gateway, unique.
	Name string `yaml:"name"`
	// Type is the kind of upstream: openai, openai-compat, azure, anthropic,
	// bedrock, gemini, vertex, sandbox, or kiro or copilot, which are unofficial.
	Type string `yaml:"type"`
	// API pins the provider to one API: chat or responses (openai,
	// openai-compat, azure), invoke, converse, chat or responses (bedrock, where
	// the latter two are those of its OpenAI-style endpoint, "mantle"). Empty
	// chooses per request.
	API string `yaml:"api,omitempty"`
	// APIs is the same per model: patterns (with *) and the API of each, in
	// order; the first that matches decides, api stands behind them.
	APIs APIRules `yaml:"apis,omitempty"`
	// BaseURL overrides the address of the upstream.
	BaseURL string `yaml:"base_url,omitempty"`
	// APIKey is the key for openai, openai-compat, azure, anthropic and gemini; kiro
	// has one instead of a login.
	APIKey Secret `yaml:"api_key,omitempty"`
	// Weight is the share of requests among providers of the same model.
	Weight int `yaml:"weight"`
	// Models are patterns (with *) of the models offered; empty offers all.
	Models []string `yaml:"models,omitempty"`
	// Enabled set to false keeps the entry and takes it out of service.
	Enabled *bool `yaml:"enabled,omitempty"`
	// Region is the AWS region of a bedrock provider; when empty AWS_REGION and
	// AWS_DEFAULT_REGION are used, then the AWS profile.
	Region string `yaml:"region,omitempty"`
	// Profile is the AWS profile to take credentials from.
	Profile string `yaml:"profile,omitempty"`
	// RoleARN is the AWS role to assume.
	RoleARN string `yaml:"role_arn,omitempty"`
	// AccessKeyID is the first half of static AWS credentials.
	AccessKeyID Secret `yaml:"access_key_id,omitempty"`
	// SecretAccessKey is the second half of static AWS credentials.
	SecretAccessKey Secret `yaml:"secret_access_key,omitempty"`
	// SessionToken belongs to temporary AWS credentials.
	SessionToken Secret `yaml:"session_token,omitempty"`
	// BearerToken is a Bedrock API key, used instead of AWS credentials.
	BearerToken Secret `yaml:"bearer_token,omitempty"`
	// MantleURL is the address of Bedrock's OpenAI-style endpoint; empty is the
	// region's own. OpenAI's models are under /openai/v1 there, others under /v1.
	MantleURL string `yaml:"mantle_url,omitempty"`
	// MantleService is the service its signatures are made for; empty is
	// bedrock-mantle.
	MantleService string `yaml:"mantle_service,omitempty"`
	// APIVersion is the dated API of an azure provider, such as 2024-10-21; empty
	// is the v1 API, which needs none.
	APIVersion string `yaml:"api_version,omitempty"`
	// Deployments are the names of azure's deployments by model, where they
	// differ. With some, and no models listed, only their models are offered.
	Deployments Names `yaml:"deployments,omitempty"`
	// TenantID is the Entra ID tenant of an azure provider that signs in as an
	// application instead of by api_key.
	TenantID string `yaml:"tenant_id,omitempty"`
	// ClientID is the application's id.
	ClientID string `yaml:"client_id,omitempty"`
	// ClientSecret is the application's secret.
	ClientSecret Secret `yaml:"client_secret,omitempty"`
	// TokenURL is where its tokens come from; empty is Entra ID's public address.
	TokenURL string `yaml:"token_url,omitempty"`
	// Project is the Google Cloud project of a vertex provider; empty is the one
	// the credentials name.
	Project string `yaml:"project,omitempty"`
	// Location is the location of a vertex provider; empty is global.
	Location string `yaml:"location,omitempty"`
	// Credentials is the JSON key of a Google service account.
	Credentials Secret `yaml:"credentials,omitempty"`
	// CredentialsFile is a file that holds Google credentials. With neither,
	// Google's default ones are found: GOOGLE_APPLICATION_CREDENTIALS, what
	// gcloud left, the machine's own.
	CredentialsFile string `yaml:"credentials_file,omitempty"`
	// Enterprise is the host of a copilot provider's company, such as
	// company.ghe.com; empty is github.com.
	Enterprise string `yaml:"enterprise,omitempty"`
	// ProfileARN is the profile of a kiro provider, which names its region; empty is
	// the login's own.
	ProfileARN string `yaml:"profile_arn,omitempty"`
	// SettingsFile is a JSON file of hosts, versions, ids and headers of a kiro or
	// copilot provider, in the form of the settings.json in internal/provider/kiro or
	// copilot: each member stands in the place of the built-in one.
	SettingsFile string `yaml:"settings_file,omitempty"`
	// Headers are sent with every request to the upstream.
	Headers Headers `yaml:"headers,omitempty"`
	// Policy is how requests that go there are treated.
	Policy policy.Policy `yaml:"policy,omitempty"`
	// Timeouts bound every wait for the upstream.
	Timeouts Timeouts `yaml:"timeouts"`
	// Limits are the account's own limits, kept before the upstream has to; the
	// first that matches a model holds.
	Limits []Limit `yaml:"limits,omitempty"`
	// Health asks the account for its models now and then; without it only real
	// requests tell how it is.
	Health Health `yaml:"health,omitempty"`

	// Live says that it was set while gateways run, and not in the file.
	Live bool `yaml:"-"`
	// Guarded keeps it from private addresses.
	Guarded bool `yaml:"-"`
	// Disabled says that the provider takes no requests; Reason says why.
	Disabled bool `yaml:"-"`
	// Reason is why the provider is disabled, in words for people.
	Reason string `yaml:"-"`
}

// Timeouts bound the waits for one upstream.
type Timeouts struct {
	// Connect is how long the TCP connection may take.
	Connect time.Duration `yaml:"connect"`
	// TLS is how long the handshake on it may take.
	TLS time.Duration `yaml:"tls"`
	// FirstByte is how long the answer's headers may take.
	FirstByte time.Duration `yaml:"first_byte"`
	// FirstContent is how long the first content of a stream may take, counted
	// from sending; models that think in silence need minutes.
	FirstContent time.Duration `yaml:"first_content"`
	// Idle is the longest silence between two chunks of an answer.
	Idle time.Duration `yaml:"idle"`
	// Total is how long one attempt may take in all.
	Total time.Duration `yaml:"total"`
}

// The kinds of provider.
const (
	TypeOpenAI       = "openai"
	TypeOpenAICompat = "openai-compat"
	TypeAzure        = "azure"
	TypeAnthropic    = "anthropic"
	TypeBedrock      = "bedrock"
	TypeGemini       = "gemini"
	TypeVertex       = "vertex"
	TypeSandbox      = "sandbox"
	TypeKiro         = "kiro"    // unofficial
	TypeCopilot      = "copilot" // unofficial
)

// The APIs a provider can be pinned to.
const (
	APIChat      = "chat"
	APIMessages  = "messages"
	APIResponses = "responses"
	APIInvoke    = "invoke"
	APIConverse  = "converse"
)

// The moments at which the journal reaches the disk.
const (
	FsyncAlways   = "always"
	FsyncInterval = "interval"
	FsyncNever    = "never"
)

// What happens when the journal is full.
const (
	FullRefuse = "refuse"
	FullRun    = "run"
)

// The ways to spread requests over providers.
const (
	StrategySmart      = policy.StrategySmart
	StrategyWeighted   = policy.StrategyWeighted
	StrategyRoundRobin = policy.StrategyRoundRobin
	StrategyLeastUsed  = policy.StrategyLeastUsed
	StrategyPriority   = policy.StrategyPriority
)

// Default returns the settings that hold when nothing is said. It lists no
// providers.
func Default() *Config {
	return &Config{
		Server: Server{
			Host:              "127.0.0.1",
			Port:              8080,
			MaxBody:           32 * MiB,
			DrainTimeout:      30 * time.Second,
			Heartbeat:         15 * time.Second,
			ReadHeaderTimeout: 10 * time.Second,
			LogLevel:          "info",
			LogFormat:         "text",
		},
		Auth:      Auth{Session: defaultSession(), Members: Members{MaxKeys: 10}},
		DataDir:   "./data",
		Live:      LiveRules{Watch: true},
		Vault:     Vault{Key: VaultFile},
		Payloads:  defaultPayloads(),
		Firewall:  defaultFirewall(),
		Database:  defaultDatabase(),
		Media:     Media{Fetch: new(true), AllowPrivate: new(false), MaxBytes: 20 * MiB, Timeout: 10 * time.Second},
		Prices:    defaultPrices(),
		Budgets:   defaultBudgets(),
		Ledger:    Ledger{Fsync: FsyncInterval, MaxBytes: GiB, OnFull: FullRefuse, Keep: 400 * 24 * time.Hour},
		Defaults:  Defaults{LBStrategy: StrategySmart},
		Routing:   defaultRouting(),
		Redis:     Redis{Timeout: 50 * time.Millisecond},
		Responses: Responses{Store: true, Keep: 720 * time.Hour, Max: 100_000, MaxBytes: GiB},
		Telemetry: Telemetry{OTLP: OTLP{Sample: 100, Service: "turnpike"}},
	}
}

// NewProvider returns a provider with the defaults of every entry.
func NewProvider(name, kind string) Provider {
	p := Provider{Name: name, Type: kind}
	p.setDefaults()
	return p
}

func (p *Provider) setDefaults() {
	p.Weight = 100
	p.Timeouts = Timeouts{
		Connect:      10 * time.Second,
		TLS:          10 * time.Second,
		FirstByte:    10 * time.Minute,
		FirstContent: 10 * time.Minute,
		Idle:         5 * time.Minute,
		Total:        60 * time.Minute,
	}
}

// Proxies are those whose word on a client's address is believed. The networks
// were checked when the configuration was.
func (s *Server) Proxies() peer.Proxies {
	trusted, _ := peer.Networks(s.TrustedProxies)
	return peer.Proxies{Trusted: trusted, Depth: s.TrustedDepth}
}

// JournalDir is the folder of the ledger's journal.
func (c *Config) JournalDir() string {
	if c.Ledger.Dir != "" {
		return c.Ledger.Dir
	}
	return filepath.Join(c.DataDir, "journal")
}

// Active returns the providers that may take requests.
func (c *Config) Active() []Provider {
	var active []Provider
	for _, p := range c.Providers {
		if !p.Disabled {
			active = append(active, p)
		}
	}
	return active
}
