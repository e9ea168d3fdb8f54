package conformance

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/dialect/chat"
	"turnpike/internal/dialect/converse"
	"turnpike/internal/dialect/gemini"
	"turnpike/internal/dialect/messages"
	"turnpike/internal/llm"
)

const (
	beginErrors = "<!-- errors: written by go test ./internal/conformance -run TestErrorsPage -update -->\n"
	endErrors   = "<!-- end of errors -->\n"
)

// errorKinds are all kinds of error, with what they mean.
var errorKinds = []struct {
	kind llm.ErrorKind
	what string
}{
	{llm.ErrInvalid, "the request is wrong; the message says where"},
	{llm.ErrContext, "more than the model's context window"},
	{llm.ErrAuth, "no key, or a wrong one"},
	{llm.ErrBilling, "a budget, or the account's money, is spent"},
	{llm.ErrForbidden, "the key may not do this"},
	{llm.ErrNotFound, "no such model or path"},
	{llm.ErrConflict, "it is in use, or was changed meanwhile"},
	{llm.ErrTooLarge, "the body is larger than `server.max_body`, or than the upstream takes"},
	{llm.ErrRate, "too fast: a limit of the key's chain, or of every account"},
	{llm.ErrInternal, "a fault of the gateway's; its log tells more"},
	{llm.ErrUpstream, "the upstream answered nonsense, or not at all"},
	{llm.ErrUnavail, "nobody serves it now: the accounts are unwell, or the gateway shuts down"},
	{llm.ErrTimeout, "a bound of `timeouts` or `routing.deadline` was reached"},
	{llm.ErrOverloaded, "every account says that it is overloaded"},
}

// TestErrorsPage writes into docs/troubleshooting.md what each kind of error is called in
// each API, as the encoders of the dialects have it.
func TestErrorsPage(t *testing.T) {
	source, err := os.ReadFile("../llm/error.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`ErrorKind = "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		if !slices.ContainsFunc(errorKinds, func(k struct {
			kind llm.ErrorKind
			what string
		},
		) bool {
			return string(k.kind) == m[1]
		}) {
			t.Errorf("%s is not in the table", m[1])
		}
	}
	var table strings.Builder
	table.WriteString("| what | OpenAI | Anthropic | Gemini | Bedrock |\n|---|---|---|---|---|\n")
	for _, k := range errorKinds {
		fmt.Fprintf(&table, "| %s", k.what)
		for _, front := range []interface {
			EncodeError(e *llm.Error, requestID string) (int, []byte)
		}{chat.Dialect{}, messages.Dialect{}, gemini.Dialect{}, converse.Dialect{}} {
			e := &llm.Error{Kind: k.kind, Message: "m"}
			status, body := front.EncodeError(e, "r")
			words := errorWords(t, body)
			if titled, ok := front.(llm.Titled); ok { // in a header
				_, word := titled.ErrorHeader(e)
				words = "`" + word + "`"
			}
			fmt.Fprintf(&table, " | %d %s", status, words)
		}
		table.WriteString(" |\n")
	}
	for _, page := range []string{"../../docs/troubleshooting.md", "../../docs/zh/troubleshooting.md"} {
		holdPage(t, page, beginErrors, endErrors, table.String())
	}
}

// errorWords are those by which programs know an error.
func errorWords(t *testing.T, body []byte) string {
	t.Helper()
	var said struct {
		Error struct {
			Type, Status string
			Code         any
		}
	}
	if err := json.Unmarshal(body, &said); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	var words []string
	for _, w := range []any{said.Error.Type, said.Error.Status, said.Error.Code} {
		if s, ok := w.(string); ok && s != "" && !slices.Contains(words, "`"+s+"`") {
			words = append(words, "`"+s+"`")
		}
	}
	return strings.Join(words, " ")
}

// holdPage compares a part of a page, or writes it.
func holdPage(t *testing.T, path, begin, end, want string) {
	t.Helper()
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(doc), begin)
	now, after, ok2 := strings.Cut(rest, end)
	switch {
	case !ok1 || !ok2:
		t.Fatalf("%s has no place between %q and %q", path, begin, end)
	case now == want:
	case *update:
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not what the dialects do: go test ./internal/conformance -run TestErrorsPage -update", path)
	}
}

// ownCodes are the forms in which the gateway's sources name the codes of errors that are
// its own: in what clients of models are told, and in what people who sign in are told.
var ownCodes = []*regexp.Regexp{
	regexp.MustCompile(`llm\.Error\{[^}]*?Code: "([a-z_]+)"`),
	regexp.MustCompile(`const code[A-Z]\w* = "([a-z_]+)"`),
	regexp.MustCompile(`refuse\(http\.Status\w+, "([a-z_]+)"`),
	regexp.MustCompile(`\{\w+\.Err\w+, http\.Status\w+, "([a-z_]+)"`),
	regexp.MustCompile(`Code: "([a-z_]+)", NoRetry`),
}

// TestErrorCodes: whoever looks for the code of an error finds it in the manual.
func TestErrorCodes(t *testing.T) {
	seen := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.HasPrefix(path, "../dialect/") || strings.HasPrefix(path, "../provider/") { // those have upstreams' words
			return err
		}
		text, err := os.ReadFile(path)
		for _, form := range ownCodes {
			for _, m := range form.FindAllStringSubmatch(string(text), -1) {
				seen[m[1]] = path
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, must := range []string{"invalid_api_key", "model_not_found", "gateway_rate_limit_exceeded", "group_overage"} {
		if seen[must] == "" {
			t.Errorf("%s is not seen: the test looks past it", must)
		}
	}
	for _, page := range []string{"../../docs/troubleshooting.md", "../../docs/zh/troubleshooting.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for code, where := range seen {
			if !strings.Contains(string(text), "`"+code+"`") {
				t.Errorf("%s: nothing of %s (%s)", page, code, where)
			}
		}
	}
}
