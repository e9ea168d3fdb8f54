package store

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// All SQL is written once, as SQLite reads it, and here put into PostgreSQL's
// words. What is the same on both is left alone, so statements keep to it:
//
//   - parameters are ?, or ?1, ?2 … where one is used twice;
//   - upserts are ON CONFLICT (…) DO NOTHING or DO UPDATE SET x = excluded.x,
//     never INSERT OR REPLACE;
//   - no rowid, no LIMIT -1, no GLOB, no json or date functions; a subquery in
//     FROM has a name; a flag is an INTEGER compared with 0 or 1;
//   - max(a, b) and min(a, b) of two values neither of which is null;
//   - sum() of an INTEGER is a numeric in PostgreSQL: it can be read into an
//     int64, but is not divided in SQL;
//   - a parameter that stands where no column tells its type has CAST(? AS TEXT);
//   - tables are INTEGER (64 bits), TEXT and BLOB, STRICT and, where it helps,
//     WITHOUT ROWID.

// rewrites remembers statements in PostgreSQL's words.
type rewrites struct {
	mu    sync.RWMutex
	known map[string]string
}

// maxRewrites bounds what is remembered: statements with lists of parameters come
// in many lengths.
const maxRewrites = 1024

func (r *rewrites) of(query string) string {
	r.mu.RLock()
	text, ok := r.known[query]
	r.mu.RUnlock()
	if ok {
		return text
	}
	text = toPostgres(query)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]string{}
	}
	if len(r.known) < maxRewrites {
		r.known[query] = text
	}
	return text
}

// tableOptions are what SQLite's tables have behind their columns.
var tableOptions = regexp.MustCompile(`(?i)\)\s*(STRICT|WITHOUT\s+ROWID)(\s*,\s*(STRICT|WITHOUT\s+ROWID))*\s*;?\s*$`)

// schemaToPostgres is toPostgres for a statement that makes or changes a table.
// Texts sort by their bytes, as in SQLite, whatever the database's own order is.
func schemaToPostgres(query string) string {
	return tableOptions.ReplaceAllString(rewrite(query, true), ")")
}

// toPostgres puts a statement into PostgreSQL's words.
func toPostgres(query string) string { return rewrite(query, false) }

// sameWord are words that mean the same under another name.
var sameWord = map[string]string{"INTEGER": "BIGINT", "BLOB": "BYTEA", "IFNULL": "COALESCE"}

// ofTwo are functions that have one name for rows and for values in SQLite.
var ofTwo = map[string]string{"MAX": "GREATEST", "MIN": "LEAST"}

const byBytes = ` COLLATE "C"`

func rewrite(query string, schema bool) string {
	var out strings.Builder
	out.Grow(len(query) + 16)
	number := 0
	for i := 0; i < len(query); {
		n := tokenLength(query[i:])
		token, rest := query[i:i+n], query[i+n:]
		i += n
		switch upper := strings.ToUpper(token); {
		case token == "?":
			number++
			out.WriteString("$" + strconv.Itoa(number))
		case token[0] == '?':
			out.WriteString("$" + token[1:])
		case sameWord[upper] != "":
			out.WriteString(sameWord[upper])
		case ofTwo[upper] != "" && callOfTwo(rest):
			out.WriteString(ofTwo[upper])
		case upper == "TEXT" && schema:
			out.WriteString(token + byBytes)
		case upper == "TEXT" && strings.HasPrefix(rest, ")"): // the end of a cast
			out.WriteString(token + ")" + byBytes)
			i++
		default:
			out.WriteString(token)
		}
	}
	return out.String()
}

// tokenLength is the length of what a statement begins with: a text, a quoted
// name, a comment, a parameter, a word, or else one byte.
func tokenLength(s string) int {
	switch c := s[0]; {
	case c == '\'' || c == '"':
		return through(s, 1, s[:1])
	case strings.HasPrefix(s, "--"):
		return through(s, 2, "\n")
	case strings.HasPrefix(s, "/*"):
		return through(s, 2, "*/")
	case c == '?':
		return 1 + runOf(s[1:], func(c byte) bool { return '0' <= c && c <= '9' })
	case wordByte(c):
		return runOf(s, wordByte)
	}
	return 1
}

// through is the length of s up to and with the first end behind from. A quote
// within a text is written twice; its halves are two texts side by side then.
func through(s string, from int, end string) int {
	if n := strings.Index(s[from:], end); n >= 0 {
		return from + n + len(end)
	}
	return len(s)
}

func runOf(s string, in func(byte) bool) int {
	n := 0
	for n < len(s) && in(s[n]) {
		n++
	}
	return n
}

func wordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}

// callOfTwo tells whether a call's brackets come next and hold a comma of its own.
func callOfTwo(s string) bool {
	if !strings.HasPrefix(s, "(") {
		return false
	}
	depth := 0
	for i := 0; i < len(s); {
		n := tokenLength(s[i:])
		switch s[i : i+n] {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return false
			}
		case ",":
			if depth == 1 {
				return true
			}
		}
		i += n
	}
	return false
}
