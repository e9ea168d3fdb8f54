package gateway

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"turnpike/internal/fetch"
	"turnpike/internal/llm"
)

// linked is a medium given by URL that the target takes as content only.
type linked struct {
	media *llm.Media
	path  string
	want  fetch.Want
}

// inline fetches the media that are given by URL where the target takes their
// content only. The request stays as it is: another target may take the URLs.
func (x *exchange) inline(req *llm.Request, t *llm.Target) (*llm.Request, error) {
	back, ok := x.back.(llm.Inliner)
	if !ok || x.gw.opt.Fetch == nil {
		return req, nil
	}
	links := findLinks(req, func(m *llm.Media) (bool, int64) { return back.Inline(m, t) })
	if len(links) == 0 {
		return req, nil
	}
	if x.explains() {
		for _, l := range links {
			x.losses = llm.AddLoss(x.losses, l.path, "its URL is fetched when the request is sent: an explanation calls nobody")
		}
		return req, nil
	}
	if x.fetched == nil {
		x.fetched = x.gw.opt.Fetch.NewBatch()
	}
	wants := make([]fetch.Want, len(links))
	for i := range links {
		wants[i] = links[i].want
	}
	files, fail := x.fetched.Get(x.r.Context(), wants)
	if fail != nil {
		l := links[fail.Index]
		return nil, &llm.Error{
			Kind: llm.ErrInvalid, Param: l.path, NoRetry: true,
			Message: fmt.Sprintf("%s: the %s at this URL is needed, since provider %s takes no URLs, and %s: send its content instead", l.path, l.media.Kind, t.Provider, fail.Reason),
		}
	}
	content := make(map[*llm.Media]*llm.Media, len(links))
	for i, l := range links {
		m := *l.media
		m.URL, m.MIME, m.Data = "", files[i].MIME, base64.StdEncoding.EncodeToString(files[i].Data)
		content[l.media] = &m
	}
	return withContent(req, content), nil
}

// findLinks lists the media that are to be fetched.
func findLinks(req *llm.Request, must func(*llm.Media) (bool, int64)) (links []linked) {
	var look func(parts []llm.Part, path string)
	look = func(parts []llm.Part, path string) {
		for i, p := range parts {
			at := fmt.Sprintf("%s.content[%d]", path, i)
			switch p := p.(type) {
			case *llm.Media:
				if !strings.HasPrefix(p.URL, "https://") && !strings.HasPrefix(p.URL, "http://") {
					continue
				}
				if ok, most := must(p); ok {
					links = append(links, linked{p, at, fetch.Want{URL: p.URL, Kind: fetch.Kind(p.Kind), Max: most}})
				}
			case *llm.ToolResult:
				look(p.Parts, at)
			}
		}
	}
	for i := range req.Turns {
		look(req.Turns[i].Parts, fmt.Sprintf("messages[%d]", i))
	}
	return links
}

// withContent copies a request with other media in place of some of its own.
func withContent(req *llm.Request, content map[*llm.Media]*llm.Media) *llm.Request {
	var swap func([]llm.Part) []llm.Part
	swap = func(parts []llm.Part) []llm.Part {
		out := slices.Clone(parts)
		for i, p := range out {
			switch p := p.(type) {
			case *llm.Media:
				if m := content[p]; m != nil {
					out[i] = m
				}
			case *llm.ToolResult:
				r := *p
				r.Parts = swap(p.Parts)
				out[i] = &r
			}
		}
		return out
	}
	c := *req
	c.Turns = slices.Clone(req.Turns)
	for i := range c.Turns {
		c.Turns[i].Parts = swap(c.Turns[i].Parts)
	}
	return &c
}
