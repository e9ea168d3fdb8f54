// Package bedrock reaches AWS Bedrock: Claude through InvokeModel, whose body is
// Anthropic's own, models of OpenAI's that are served by Responses only through the
// OpenAI-style endpoint ("mantle"), everything else through Converse. Credentials and signatures
// are the AWS SDK's; requests and streams are ours, byte for byte.
package bedrock

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// Kind of account in the configuration.
const Kind = "bedrock"

// APIs a model may be reached by. The latter two are mantle's.
const (
	Invoke    = "invoke"
	Converse  = "converse"
	Chat      = "chat"
	Responses = "responses"
)

// Options are an account's own settings.
type Options struct {
	provider.Options
	Choice          provider.Choice
	MantleURL       string // empty: the region's own
	MantleService   string // the service mantle's signatures are made for; empty: bedrock-mantle
	Region          string
	Profile         string
	RoleARN         string
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	BearerToken     string // a Bedrock API key instead of a signature
}

// Account is Bedrock in one region of one AWS account.
type Account struct {
	*provider.Account
	opt      Options
	signer   *signer
	profiles *profiles
	mantle   *mantle
}

// New makes an account. Credentials are looked up at the first call, so that a
// missing one is that call's error.
func New(opt Options) (*Account, error) {
	if opt.Region == "" {
		opt.Region = profileRegion(opt.Profile)
	}
	if opt.Region == "" {
		return nil, fmt.Errorf("provider %s: region is missing (such as us-east-1), and the AWS profile names none", opt.Name)
	}
	a, err := provider.NewAccount(Kind, "https://bedrock-runtime."+opt.Region+"."+domain(opt.Region), opt.Options)
	if err != nil {
		return nil, err
	}
	if err := opt.Choice.Check(opt.Name, Invoke, Converse, Chat, Responses); err != nil {
		return nil, err
	}
	m, err := newMantle(opt)
	if err != nil {
		return nil, err
	}
	acc := &Account{Account: a, opt: opt, signer: newSigner(opt), mantle: m}
	acc.profiles = newProfiles(acc)
	return acc, nil
}

// domain is where a region's endpoints live.
func domain(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// Region is where the account is: prices depend on it.
func (a *Account) Region() string { return a.opt.Region }

// Surface is Messages by InvokeModel for Claude, Converse for all else, unless the
// operator or the catalogue says otherwise.
func (a *Account) Surface(ctx context.Context, model string) (provider.Surface, error) {
	known := model
	if isApplicationProfile(model) {
		if under := a.profiles.model(ctx, model); under != "" {
			known = under
		}
	}
	api := a.opt.Choice.For(known)
	if api == "" {
		api = Converse
		if isClaude(known) {
			api = Invoke
		}
	}
	switch api {
	case Invoke:
		return provider.Surface{Dialect: "messages", Bedrock: true, Reframed: true, Model: known}, nil
	case Chat, Responses:
		return provider.Surface{Dialect: api, Model: known}, nil
	}
	return provider.Surface{Dialect: "converse", Reframed: true, Model: known}, nil
}

// SurfaceFor is Surface for a client that speaks a dialect: what is written for
// Converse already passes, Claude or not, unless the operator says otherwise.
func (a *Account) SurfaceFor(ctx context.Context, model, dialect string) (provider.Surface, error) {
	s, err := a.Surface(ctx, model)
	if err == nil && s.Bedrock && dialect == "converse" && a.opt.Choice.For(s.Model) == "" {
		s = provider.Surface{Dialect: "converse", Reframed: true, Model: s.Model}
	}
	return s, err
}

var geoPrefixes = []string{"us.", "eu.", "apac.", "au.", "ca.", "jp.", "global.", "us-gov."}

// bare takes an ARN's resource and a geo prefix off a model id.
func bare(id string) string {
	if strings.HasPrefix(id, "arn:") {
		id = id[strings.LastIndexByte(id, '/')+1:]
	}
	for _, p := range geoPrefixes {
		if rest, ok := strings.CutPrefix(id, p); ok {
			return rest
		}
	}
	return id
}

func isClaude(id string) bool { return strings.HasPrefix(bare(id), "anthropic.") }

// maxARN is the length AWS allows for an ARN.
const maxARN = 2048

func isApplicationProfile(id string) bool {
	return len(id) <= maxARN && strings.HasPrefix(id, "arn:") && strings.Contains(id, ":application-inference-profile/")
}

// NewRequest makes the signed request of a call.
func (a *Account) NewRequest(ctx context.Context, c *provider.Call) (*http.Request, error) {
	if onMantle(c.Surface) {
		return a.mantleRequest(ctx, c)
	}
	op := "converse"
	if c.Surface.Bedrock {
		op = "invoke"
	}
	if c.Stream {
		op = map[string]string{"converse": "converse-stream", "invoke": "invoke-with-response-stream"}[op]
	}
	r := a.Post(ctx, a.modelURL(c.Model, op), c)
	if c.Stream {
		setDefault(r.Header, "Accept", "application/vnd.amazon.eventstream")
		if c.Surface.Bedrock {
			setDefault(r.Header, "X-Amzn-Bedrock-Accept", "application/json")
		}
	} else {
		setDefault(r.Header, "Accept", "application/json")
	}
	return a.signed(ctx, r, c.Body.Bytes(), service)
}

// signed signs a request that is complete.
func (a *Account) signed(ctx context.Context, r *http.Request, body []byte, service string) (*http.Request, error) {
	if err := a.signer.sign(ctx, r, body, service); err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	return r, nil
}

// setDefault sets what the operator's headers have not.
func setDefault(h http.Header, name, value string) {
	if h.Get(name) == "" {
		h[name] = []string{value}
	}
}

// modelURL puts the id into the path as one segment, escaped once the way the
// AWS SDKs do it; the signature covers exactly this path.
func (a *Account) modelURL(model, op string) *url.URL {
	u := a.URL("/model/" + model + "/" + op)
	u.RawPath = a.URL("").EscapedPath() + "/model/" + escape(model) + "/" + op
	return u
}

func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '~':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// Frames reads the AWS event stream; for InvokeModel the chunks are unwrapped
// to the Messages events inside them. Mantle's are server-sent events.
func (a *Account) Frames(c *provider.Call, body io.Reader) wire.FrameReader {
	if onMantle(c.Surface) {
		return wire.NewSSE(body, 0)
	}
	es := wire.NewEventStream(body, 0)
	if c.Surface.Bedrock {
		return &chunks{in: es}
	}
	return es
}
