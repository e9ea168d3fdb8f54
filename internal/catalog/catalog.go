// Package catalog holds what is publicly known of models: families, limits,
// and which settings each takes. The knowledge is data (models.json), a list of
// rules over model ids of which later ones refine earlier ones, each with the
// name of the document it comes from.
//
// A model nobody knows has zero llm.Caps, which means that nothing is assumed.
package catalog

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"

	"turnpike/internal/llm"
)

//go:embed models.json
var modelsJSON []byte

// data is models.json as read.
type data struct {
	Bedrock betas  `json:"bedrock"`
	Rules   []rule `json:"rules"`
}

type betas struct {
	Source  string            `json:"source"`
	Betas   []string          `json:"betas"`
	Aliases map[string]string `json:"aliases"`
}

// rule refines what is known of the ids it matches. Absent members leave the
// knowledge as it is; an empty list forgets one.
type rule struct {
	Match  []string `json:"match"`
	Source string   `json:"source"`
	Caps   caps     `json:"caps"`

	must []string // what a name must hold for a match, by pattern
}

type caps struct {
	Family       *string           `json:"family"`
	API          *string           `json:"api"`
	MaxOutput    *int64            `json:"max_output"`
	Context      *int64            `json:"context"`
	Thinking     *llm.ThinkingKind `json:"thinking"`
	MaxThinking  *int64            `json:"max_thinking"`
	Efforts      *[]string         `json:"efforts"`
	Sampling     *llm.SamplingRule `json:"sampling"`
	NoPrefill    *bool             `json:"no_prefill"`
	MidSystem    *bool             `json:"mid_system"`
	Structured   *bool             `json:"structured"`
	Strict       *bool             `json:"strict"`
	NoCache      *bool             `json:"no_cache"`
	Cache1h      *bool             `json:"cache_1h"`
	CacheMin     *int64            `json:"cache_min"`
	CachePoints  *int              `json:"cache_points"`
	CacheSpots   *[]string         `json:"cache_spots"`
	NoToolChoice *bool             `json:"no_tool_choice"`
	NoImages     *bool             `json:"no_images"`
	NoDocuments  *bool             `json:"no_documents"`
	NoVideo      *bool             `json:"no_video"`
	NoSystem     *bool             `json:"no_system"`
	NoTools      *bool             `json:"no_tools"`
	NoParallel   *bool             `json:"no_parallel"`
	NoStop       *bool             `json:"no_stop"`
	BedrockBetas *bool             `json:"bedrock_betas"` // the flags of the section "bedrock" are accepted
	Betas        *[]string         `json:"betas"`         // these flags are, and no others
}

// parse reads and checks a models.json.
func parse(text []byte) (*data, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var d data
	if err := dec.Decode(&d); err != nil {
		return nil, fmt.Errorf("model catalog: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("model catalog: more text after the end")
	}
	for i := range d.Rules {
		r := &d.Rules[i]
		if len(r.Match) == 0 || r.Source == "" {
			return nil, fmt.Errorf("model catalog: rule %d needs match and source", i)
		}
		for _, m := range r.Match {
			if _, err := path.Match(m, ""); err != nil {
				return nil, fmt.Errorf("model catalog: rule %d: %q: %w", i, m, err)
			}
			r.must = append(r.must, literal(m))
		}
	}
	return &d, nil
}

// Catalog answers questions about models. It may be used from many goroutines.
type Catalog struct {
	data *data

	mu   sync.RWMutex
	seen map[string]llm.Caps
}

// Bounds of the memory of answers: ids come from clients.
const (
	maxSeen = 8192
	maxID   = 512
)

// New reads a catalog from JSON in the form of models.json.
func New(text []byte) (*Catalog, error) {
	d, err := parse(text)
	if err != nil {
		return nil, err
	}
	return &Catalog{data: d, seen: map[string]llm.Caps{}}, nil
}

// builtin is the catalog that comes with the program; a test holds that it can be read.
var builtin = sync.OnceValue(func() *Catalog {
	c, err := New(modelsJSON)
	if err != nil {
		return &Catalog{data: &data{}, seen: map[string]llm.Caps{}}
	}
	return c
})

// Builtin is the catalog that comes with the program.
func Builtin() *Catalog { return builtin() }

// Lookup is what the built-in catalog knows of a model.
func Lookup(id string) llm.Caps { return builtin().Lookup(id) }

// OnlyAPI is the only one of OpenAI's APIs that serves a model, empty if any may.
func OnlyAPI(id string) string { return Lookup(id).API }

// Lookup is what is known of a model under any of its names: with or without
// a region prefix, as an ARN, dotted or dashed, with a date or version behind.
// The lists in the answer are shared: they must not be changed.
func (c *Catalog) Lookup(id string) llm.Caps {
	if len(id) > maxID {
		return llm.Caps{}
	}
	c.mu.RLock()
	known, ok := c.seen[id]
	data := c.data
	c.mu.RUnlock()
	if ok {
		return known
	}
	known = data.lookup(Normal(id))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.data != data {
		return known // others are known by now
	}
	if len(c.seen) >= maxSeen {
		clear(c.seen)
	}
	c.seen[id] = known
	return known
}

// Become takes over what another catalog knows, for everybody who has this one.
func (c *Catalog) Become(other *Catalog) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.data = other.data
	clear(c.seen)
}

// rules are those there are now.
func (c *Catalog) rules() *data {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.data
}

// Setter is the effect of one member of a rule's caps, such as sampling and "one":
// what is learned of a model is kept in these words.
func Setter(member, value string) (func(*llm.Caps), error) {
	name, err := json.Marshal(member)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(strings.NewReader("{" + string(name) + ":" + value + "}"))
	dec.DisallowUnknownFields()
	var c caps
	if err := dec.Decode(&c); err != nil {
		return nil, fmt.Errorf("model catalog: %s: %w", member, err)
	}
	return func(out *llm.Caps) { c.refine(out, builtin().data.Bedrock.Betas) }, nil
}

func (d *data) lookup(name string) llm.Caps {
	var out llm.Caps
	for i := range d.Rules {
		if d.Rules[i].matches(name) {
			d.Rules[i].Caps.refine(&out, d.Bedrock.Betas)
		}
	}
	return out
}

// literal is the longest part of a pattern that stands for itself: looking for it
// first spares most patterns' work. A pattern with classes or escapes has none.
func literal(pattern string) (longest string) {
	if strings.ContainsAny(pattern, `[\`) {
		return ""
	}
	for part := range strings.FieldsFuncSeq(pattern, func(c rune) bool { return c == '*' || c == '?' }) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return longest
}

func (r *rule) matches(name string) bool {
	for i, m := range r.Match {
		if !strings.Contains(name, r.must[i]) {
			continue
		}
		if ok, err := path.Match(m, name); ok && err == nil {
			return true
		}
	}
	return false
}

func (c *caps) refine(out *llm.Caps, flags []string) {
	set(&out.Family, c.Family)
	set(&out.API, c.API)
	set(&out.MaxOutput, c.MaxOutput)
	set(&out.Context, c.Context)
	set(&out.Thinking, c.Thinking)
	set(&out.MaxThinking, c.MaxThinking)
	set(&out.Sampling, c.Sampling)
	set(&out.NoPrefill, c.NoPrefill)
	set(&out.MidSystem, c.MidSystem)
	set(&out.Structured, c.Structured)
	set(&out.Strict, c.Strict)
	set(&out.NoCache, c.NoCache)
	set(&out.Cache1h, c.Cache1h)
	set(&out.CacheMin, c.CacheMin)
	set(&out.CachePoints, c.CachePoints)
	if c.CacheSpots != nil {
		out.CacheSpots = *c.CacheSpots
	}
	set(&out.NoToolChoice, c.NoToolChoice)
	set(&out.NoImages, c.NoImages)
	set(&out.NoDocuments, c.NoDocuments)
	set(&out.NoVideo, c.NoVideo)
	set(&out.NoSystem, c.NoSystem)
	set(&out.NoTools, c.NoTools)
	set(&out.NoParallel, c.NoParallel)
	set(&out.NoStop, c.NoStop)
	if c.Efforts != nil {
		out.Efforts = *c.Efforts
		if len(out.Efforts) == 0 {
			out.Efforts = nil
		}
	}
	if c.BedrockBetas != nil {
		out.Betas = nil
		if *c.BedrockBetas {
			out.Betas = flags
		}
	}
	if c.Betas != nil {
		out.Betas = *c.Betas
	}
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
