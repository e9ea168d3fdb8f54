package embeddings

import (
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// encoder makes the body of one call.
type encoder struct {
	req    *Request
	model  string
	span   Span
	w      wire.Writer
	losses []llm.Loss
}

func (e *encoder) texts() []string { return e.req.Inputs[e.span.From:e.span.To] }

func (e *encoder) lose(path, reason string) { e.losses = llm.AddLoss(e.losses, path, reason) }

// change notes something that is sent in another form, or with another value.
func (e *encoder) change(path, reason string) {
	e.losses = llm.NoteLoss(e.losses, llm.LossChanged, path, reason)
}

// foreign names what only OpenAI's API has.
func (e *encoder) foreign() {
	if e.req.User != "" {
		e.lose("user", "no such setting there")
	}
	for _, x := range e.req.Extra {
		e.lose(x.Name, "unknown to Turnpike's embeddings translation")
	}
}

// purposes says what vectors are for in the words of those APIs that ask. The
// words of all of them are taken, and so are the short ones of other servers.
var purposes = []struct {
	words                string
	cohere, google, nova string
}{
	{"search_document retrieval_document document passage", "search_document", "RETRIEVAL_DOCUMENT", "GENERIC_INDEX"},
	{"search_query retrieval_query query", "search_query", "RETRIEVAL_QUERY", "TEXT_RETRIEVAL"},
	{"classification", "classification", "CLASSIFICATION", "CLASSIFICATION"},
	{"clustering", "clustering", "CLUSTERING", "CLUSTERING"},
	{"semantic_similarity", "", "SEMANTIC_SIMILARITY", ""},
	{"question_answering", "search_query", "QUESTION_ANSWERING", "TEXT_RETRIEVAL"},
	{"fact_verification", "search_query", "FACT_VERIFICATION", "TEXT_RETRIEVAL"},
	{"code_retrieval_query", "search_query", "CODE_RETRIEVAL_QUERY", "TEXT_RETRIEVAL"},
}

// purpose finds the words of each API for the client's input_type; unknown ones
// are passed on as they are, for the upstream to judge.
func (e *encoder) purpose() (cohere, google, nova string) {
	asked := e.req.InputType
	if asked == "" {
		return "", "", ""
	}
	for _, p := range purposes {
		for word := range strings.SplitSeq(p.words, " ") {
			if strings.EqualFold(word, asked) {
				return p.cohere, p.google, p.nova
			}
		}
	}
	return asked, asked, asked
}

// needed is for APIs that will not go without a purpose: what is said if the
// client has said nothing is a document, and the client is told.
func (e *encoder) needed(word, fallback string) string {
	switch {
	case word != "":
		return word
	case e.req.InputType != "":
		e.change("input_type", "no such purpose there: "+fallback+" was sent")
	default:
		e.change("input_type", "not given, and the model wants one: "+fallback+" was sent")
	}
	return fallback
}

// truncate is the client's wish in Cohere's and Nova's words.
func (e *encoder) truncate() string {
	switch s := strings.ToUpper(e.req.Truncate); s {
	case "LEFT":
		return "START"
	case "RIGHT":
		return "END"
	default:
		return s
	}
}

func (e *encoder) noPurpose() {
	if e.req.InputType != "" {
		e.lose("input_type", "no such setting there")
	}
}

func (e *encoder) noTruncate() {
	if e.req.Truncate != "" {
		e.lose("truncate", "no such setting there")
	}
}
