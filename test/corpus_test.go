package e2e

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"turnpike/test/internal/answer"
	"turnpike/test/internal/recording"
)

// source is a kind of upstream: where its recordings are and how they are read.
type source struct {
	name    string   // in pairs
	folders []string // of the corpus
	account string   // the provider of the configuration
	own     string   // the client that speaks the same dialect, "" for none
}

var sources = []source{
	{"openai-chat", []string{"openai-chat"}, "openai", "chat"},
	{"openai-compatible-chat", []string{"openai-compatible-chat"}, "compat", "chat"},
	{"anthropic", []string{"anthropic", "vertex-anthropic"}, "anthropic", "messages"},
	{"bedrock-invoke", []string{"bedrock-invoke", "bedrock-invoke-stream"}, "invoke", "messages"},
	{"bedrock-converse", []string{"bedrock-converse", "bedrock-converse-stream"}, "converse", ""},
}

var clients = []string{"chat", "messages"}

// TestCorpus plays recorded answers behind the gateway, cut into random pieces,
// and compares what clients of both APIs get with what was recorded.
func TestCorpus(t *testing.T) {
	root := corpusRoot(t)
	exceptions, err := recording.LoadExceptions("corpus/exceptions.json")
	if err != nil {
		t.Fatal(err)
	}
	gw, up := together(t)
	sheet := &sheet{exceptions: exceptions, seen: map[string]bool{}}
	// The group waits for its parallel tests, so that the sums come last.
	t.Run("play", func(t *testing.T) {
		for _, src := range sources {
			for _, folder := range src.folders {
				list, err := recording.Load(root, folder)
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range list {
					for _, client := range clients {
						e := &exhibit{gw: gw, up: up, src: src, x: x, client: client}
						sheet.add(t, e)
					}
				}
			}
		}
	})
	sheet.print(t)
}

// corpusRoot is where the recordings are. They are no part of the repository.
func corpusRoot(t *testing.T) string {
	t.Helper()
	root := os.Getenv("TURNPIKE_CORPUS")
	if root == "" {
		root = "../../shared/fixtures"
	}
	if _, err := os.Stat(root); err == nil {
		return root
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there are no recordings: TURNPIKE_CORPUS names no folder")
	}
	t.Skip("there are no recordings here: set TURNPIKE_CORPUS to their folder")
	return ""
}

// exhibit is one exchange shown to one client.
type exhibit struct {
	gw     *gateway
	up     *upstream
	src    source
	x      *recording.Exchange
	client string
}

// fault is what is wrong with an exhibit, "" for nothing.
type fault []string

func (f *fault) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

func (f *fault) check(ok bool, format string, args ...any) {
	if !ok {
		f.add(format, args...)
	}
}

// own tells whether the client speaks the upstream's dialect.
func (e *exhibit) own() bool { return e.client == e.src.own }

// bare is the model's name without what would end a mark.
func (e *exhibit) bare() string {
	if e.x.Model == "" {
		return "deployment" // Azure names it in the path
	}
	return e.x.Model
}

// model is the name the upstream must see; the client puts the account before it.
func (e *exhibit) model(variant string) string { return e.bare() + caseMark + e.id(variant) }

func (e *exhibit) id(variant string) string {
	return strings.TrimSuffix(e.x.ID+"-"+e.client+"-"+variant, "-")
}

// seed makes the pieces of an exhibit random and always the same.
func (e *exhibit) seed(variant string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(e.id(variant)))
	return h.Sum64()
}

// replay answers with the recording.
func (e *exhibit) replay(variant string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range e.x.AnswerHdr {
			w.Header().Set(h[0], h[1])
		}
		seed := e.seed(variant)
		if !e.x.Streams() && seed%2 == 0 { // whole bodies come with and without a length
			w.Header().Set("Content-Length", fmt.Sprint(len(e.x.Answer)))
		}
		w.WriteHeader(e.x.Status)
		pieces(w, e.x.Answer, seed)
	}
}

// reference reads the recording, independently of the gateway.
func (e *exhibit) reference(body []byte) (answer.Answer, error) {
	x := e.x
	switch {
	case e.src.name == "bedrock-converse" && x.Streams():
		list, err := answer.Stream(body)
		if err != nil {
			return answer.Answer{}, err
		}
		return answer.ConverseStream(list)
	case e.src.name == "bedrock-converse":
		return answer.Converse(body)
	case e.src.name == "bedrock-invoke" && x.Streams():
		events, err := invoked(body)
		if err != nil {
			return answer.Answer{}, err
		}
		return answer.MessagesStream(events)
	case e.src.own == "messages" && x.Streams():
		events, _ := answer.Events(body)
		return answer.MessagesStream(events)
	case e.src.own == "messages":
		return answer.Messages(body)
	case x.Streams():
		events, _ := answer.Events(body)
		return answer.ChatStream(events)
	}
	return answer.Chat(body)
}

func invoked(body []byte) ([]answer.Event, error) {
	list, err := answer.Stream(body)
	if err != nil {
		return nil, err
	}
	return answer.InvokeEvents(list)
}

// sheet counts what passed.
type sheet struct {
	exceptions recording.Exceptions
	mu         sync.Mutex
	rows       []*row
	seen       map[string]bool // ids of the exchanges that were played
}

type row struct {
	pair                    string
	passed, excepted, total int
	cutPassed, cutTotal     int
}

// add runs an exhibit as a test, and its cut forms.
func (s *sheet) add(t *testing.T, e *exhibit) {
	r := s.row(e.client + "<-" + e.src.name)
	reason := s.exceptions.Reason(e.client, e.src.name, e.x.ID)
	t.Run(r.pair+" "+e.x.ID, func(t *testing.T) {
		t.Parallel()
		faults, got := e.show(t)
		s.count(func() {
			r.total++
			s.seen[e.x.ID] = true
			switch {
			case len(faults) == 0:
				r.passed++
			case reason != "":
				r.excepted++
			}
		})
		if reason != "" {
			if len(faults) == 0 {
				t.Errorf("passes now: take it off the list of exceptions (%s)", reason)
			}
			if got.err == nil || got.status < 400 {
				t.Errorf("what cannot be told ends with status %d instead of an error", got.status)
			}
			return
		}
		for _, f := range faults {
			t.Error(f)
		}
		if !e.x.Streams() || len(faults) > 0 {
			return
		}
		for _, torn := range []bool{false, true} {
			faults := e.showCut(t, torn)
			s.count(func() {
				r.cutTotal++
				if len(faults) == 0 {
					r.cutPassed++
				}
			})
			for _, f := range faults {
				t.Errorf("cut (torn %t): %s", torn, f)
			}
		}
	})
}

// row is where a pair is counted.
func (s *sheet) row(pair string) *row {
	i := slices.IndexFunc(s.rows, func(r *row) bool { return r.pair == pair })
	if i < 0 {
		s.rows, i = append(s.rows, &row{pair: pair}), len(s.rows)
	}
	return s.rows[i]
}

func (s *sheet) count(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// print gives the sums, a line for each pair and one for all.
func (s *sheet) print(t *testing.T) {
	t.Helper()
	var line []string
	for _, r := range s.rows {
		line = append(line, fmt.Sprintf("%s %d/%d", r.pair, r.passed, r.total))
		t.Logf("%-36s passed %d of %d, excepted %d; cut streams %d of %d", r.pair, r.passed, r.total, r.excepted, r.cutPassed, r.cutTotal)
	}
	for _, e := range s.exceptions {
		for _, id := range e.Cases {
			if !s.seen[id] {
				t.Errorf("exceptions.json names %s, which is no exchange of the recordings", id)
			}
		}
	}
	fmt.Println("corpus: " + strings.Join(line, ", "))
}
