// Package recording reads recorded exchanges with upstreams: one JSON file per
// exchange, with the request that was sent and the very bytes of the answer.
package recording

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Exchange is one recorded request and its answer.
type Exchange struct {
	ID        string // the hash at the end of the file's name
	Folder    string
	Model     string
	Features  []string
	Streaming bool
	Path      string          // of the request, with its query
	Header    [][2]string     // of the request
	Body      json.RawMessage // of the request; nil where it was not recorded
	Status    int
	Answer    []byte
	AnswerHdr [][2]string
}

// file is the form on disk.
type file struct {
	Model     string   `json:"model"`
	Features  []string `json:"features"`
	Streaming bool     `json:"streaming"`
	Request   struct {
		Path    string            `json:"path"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		Text    string            `json:"body_text"`
		Base64  string            `json:"body_base64"`
	} `json:"response"`
}

// idLength is that of the hash at the end of every file's name.
const idLength = 10

// Load reads a folder of exchanges, in the order of the files' names.
func Load(root, folder string) ([]*Exchange, error) {
	names, err := filepath.Glob(filepath.Join(root, folder, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no recordings in %s", folder)
	}
	out := make([]*Exchange, 0, len(names))
	for _, name := range names {
		x, err := read(name, folder)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		out = append(out, x)
	}
	return out, nil
}

func read(name, folder string) (*Exchange, error) {
	text, err := os.ReadFile(name) //nolint:gosec // the tests name the folder
	if err != nil {
		return nil, err
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(filepath.Base(name), ".json")
	if len(base) < idLength {
		return nil, fmt.Errorf("the name does not end in an id")
	}
	x := &Exchange{
		ID: base[len(base)-idLength:], Folder: folder, Model: f.Model, Features: f.Features, Streaming: f.Streaming,
		Path: f.Request.Path, Header: pairs(f.Request.Headers), Body: f.Request.Body,
		Status: f.Response.Status, AnswerHdr: pairs(f.Response.Headers), Answer: []byte(f.Response.Text),
	}
	if f.Response.Base64 != "" {
		if x.Answer, err = base64.StdEncoding.DecodeString(f.Response.Base64); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func pairs(m map[string]string) [][2]string {
	out := make([][2]string, 0, len(m))
	for k, v := range m {
		out = append(out, [2]string{k, v})
	}
	slices.SortFunc(out, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return out
}

// Has tells whether the exchange shows a feature.
func (x *Exchange) Has(feature string) bool { return slices.Contains(x.Features, feature) }

// Streams tells whether the answer is a stream; an error to the wish for one is not.
func (x *Exchange) Streams() bool { return x.Streaming && x.Status == 200 }

// RequestHeader is a header of the recorded request, in any case.
func (x *Exchange) RequestHeader(name string) string { return find(x.Header, name) }

// ContentType is that of the answer.
func (x *Exchange) ContentType() string { return find(x.AnswerHdr, "content-type") }

func find(list [][2]string, name string) string {
	for _, h := range list {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}
