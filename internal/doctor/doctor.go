// Package doctor asks an upstream what a model takes, one small call for each
// thing, and compares the answers with what is known of the model. The calls are
// made by the gateway's own codecs and accounts, so what is tried is what would
// be sent.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/provider"
)

// Patient is a model at an account.
type Patient struct {
	Provider provider.Provider
	Surface  provider.Surface
	Back     llm.Back
	Model    string   // as the account calls it
	Known    llm.Caps // what the table says
	Flags    []string // beta flags to try
}

// Verdict is what became of a question.
type Verdict string

// Verdicts.
const (
	Taken   Verdict = "yes"
	Refused Verdict = "no"
	Unclear Verdict = "?" // it could not be asked, or the answer says nothing of it
)

// Finding is one question and its answer.
type Finding struct {
	Asked    string  `json:"asked"`
	Table    Verdict `json:"table"`
	Upstream Verdict `json:"upstream"`
	Words    string  `json:"words,omitempty"` // the upstream's, or why it was not asked
}

// Differs tells whether the table is wrong about it.
func (f Finding) Differs() bool {
	return f.Upstream != Unclear && f.Table != Unclear && f.Table != f.Upstream
}

// Report is all that was found, and what it cost.
type Report struct {
	Provider string    `json:"provider"`
	Model    string    `json:"model"`
	Findings []Finding `json:"findings"`
	Lessons  []Lesson  `json:"lessons"`
	Calls    int       `json:"calls"`
	Input    int64     `json:"input_tokens"`
	Output   int64     `json:"output_tokens"`
}

// Bounds of an examination.
const (
	atOnce   = 4
	perCall  = time.Minute
	maxBody  = 1 << 20
	maxWords = 300
)

// Examine asks everything. The plain question comes first: of a model that does
// not answer that nothing can be learned, and it is an error.
func Examine(ctx context.Context, p *Patient) (*Report, error) {
	x := &examination{patient: p, report: Report{Provider: p.Provider.Name(), Model: p.Model}}
	list := questions(p)
	x.found = make([]Finding, len(list))
	x.ask(ctx, 0, &list[0])
	if x.found[0].Upstream != Taken {
		return nil, fmt.Errorf("%s does not answer a plain question at %s: %s", p.Model, p.Provider.Name(), x.found[0].Words)
	}
	next := make(chan int)
	var running sync.WaitGroup
	for range atOnce {
		running.Go(func() {
			for i := range next {
				x.ask(ctx, i, &list[i])
			}
		})
	}
	for i := range list[1:] {
		next <- i + 1
	}
	close(next)
	running.Wait()
	x.report.Findings = x.found
	x.report.Lessons = conclude(p, list, x.found)
	return &x.report, nil
}

type examination struct {
	patient *Patient
	found   []Finding // each written by the one who asked

	mu     sync.Mutex
	report Report
}

// ask asks one question and notes the answer.
func (x *examination) ask(ctx context.Context, i int, q *question) {
	f := Finding{Asked: q.name, Table: q.known(&x.patient.Known), Upstream: Unclear}
	defer func() { x.found[i] = f }()
	if ctx.Err() != nil {
		f.Words = "there was no time left"
		return
	}
	call, err := x.call(q)
	if err != nil {
		f.Words = err.Error()
		return
	}
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	f.Upstream, f.Words = x.send(ctx, call)
}

// call makes the upstream request of a question.
func (x *examination) call(q *question) (*provider.Call, error) {
	p := x.patient
	req := plain(p.Model)
	q.ask(req)
	t := &llm.Target{
		Provider: p.Provider.Name(), Model: p.Model, Compat: p.Surface.Compat, Bedrock: p.Surface.Bedrock, Vertex: p.Surface.Vertex, Kiro: p.Surface.Kiro, Narrow: p.Surface.Narrow,
		Caps: permissive(p),
	}
	body, losses, err := p.Back.EncodeRequest(req, t)
	if err != nil {
		return nil, err
	}
	_, always, err := p.Back.EncodeRequest(plain(p.Model), t) // some say not even how short an answer is to be
	if err != nil {
		return nil, err
	}
	for _, l := range losses {
		if !slices.Contains(always, l) {
			return nil, fmt.Errorf("%s cannot say it: %s", p.Surface.Dialect, l.Reason)
		}
	}
	call := &provider.Call{Surface: p.Surface, Model: p.Model, Body: provider.Plain(body), Header: http.Header{}}
	if p.Surface.Dialect == "messages" && !p.Surface.Bedrock && len(req.Betas) > 0 {
		call.Header["Anthropic-Beta"] = []string{strings.Join(req.Betas, ",")}
	}
	return call, nil
}

// permissive is a model of which nothing is known to be refused, so that codecs
// send what they are asked.
func permissive(p *Patient) llm.Caps {
	c := llm.Caps{Family: p.Known.Family, MidSystem: true, Structured: true, Strict: true, Cache1h: true, Efforts: efforts}
	if p.Surface.Dialect == "chat" || p.Surface.Dialect == "responses" {
		c.Thinking = llm.ThinkEffort
	}
	if p.Surface.Kiro != nil {
		c.Thinking = llm.ThinkBoth // by fields, not in words that any model takes
	}
	return c
}

// send sends a call and tells whether it was taken.
func (x *examination) send(ctx context.Context, call *provider.Call) (Verdict, string) {
	req, err := x.patient.Provider.NewRequest(ctx, call)
	if e, ours := errors.AsType[*llm.Error](err); ours {
		return Unclear, e.Message // nobody has signed in, say
	}
	if err != nil {
		return Unclear, "the request could not be made"
	}
	x.mu.Lock()
	x.report.Calls++
	x.mu.Unlock()
	res, err := x.patient.Provider.RoundTrip(req)
	if err != nil {
		return Unclear, "the upstream could not be reached"
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return Unclear, "the answer broke off"
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		e := x.patient.Back.DecodeError(res.StatusCode, res.Header, body)
		words := e.Message
		if len(words) > maxWords {
			words = strings.ToValidUTF8(words[:maxWords], "") + "..."
		}
		if res.StatusCode == http.StatusBadRequest || res.StatusCode == http.StatusUnprocessableEntity {
			return Refused, words
		}
		return Unclear, fmt.Sprintf("%d: %s", res.StatusCode, words)
	}
	if answer, err := x.patient.Back.DecodeResponse(body); err == nil {
		x.mu.Lock()
		x.report.Input += answer.Usage.Input + answer.Usage.CacheRead + answer.Usage.CacheWrite()
		x.report.Output += answer.Usage.Output
		x.mu.Unlock()
	}
	return Taken, ""
}
