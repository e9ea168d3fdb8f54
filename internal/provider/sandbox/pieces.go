package sandbox

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// short is the beginning of a text, cut between two characters.
func short(s string, chars int) string {
	count := 0
	for i := range s {
		if count == chars {
			return s[:i] + "…"
		}
		count++
	}
	return s
}

// words goes through the words of a text, each with the space behind it (the
// first also with the space in front), so that together they are the text.
func words(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for s != "" {
			n := wordLength(s)
			if !yield(s[:n]) {
				return
			}
			s = s[n:]
		}
	}
}

func wordLength(s string) int {
	i := 0
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	for i < len(s) && !isSpace(s[i]) {
		i++
	}
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i
}

func countWords(s string) int {
	n := 0
	for range words(s) {
		n++
	}
	return n
}

// maxRepeated bounds a word that is repeated, and with it an answer: 100,000
// chunks of it are 3 MiB.
const maxRepeated = 32

// stretch repeats the words of a text until there are n of them.
func stretch(s string, n int) string {
	if countWords(s) >= n {
		return s
	}
	list := strings.Fields(s)
	if len(list) == 0 {
		list = []string{"word"}
	}
	for i, w := range list {
		list[i] = runePrefix(w, maxRepeated)
	}
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(list[i%len(list)])
	}
	return b.String()
}

// runePrefix is at most n bytes of s, cut between two characters; n is at least
// utf8.UTFMax.
func runePrefix(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := n; i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:n] // no UTF-8 at all
}

// cutWords cuts a text between words into n pieces of about as many words each,
// or into its words where n is 0 or there are not enough of them.
func cutWords(s string, n int) iter.Seq[string] {
	total := countWords(s)
	if n <= 0 || n > total {
		return words(s)
	}
	return func(yield func(string) bool) {
		seen, start, at := 0, 0, 0
		for w := range words(s) {
			at += len(w)
			if (seen+1)*n/total > seen*n/total {
				if !yield(s[start:at]) {
					return
				}
				start = at
			}
			seen++
		}
	}
}

// argumentPiece is about how much of a tool's arguments comes in one chunk.
const argumentPiece = 24

// cutBytes cuts a text between characters into pieces of at most n bytes, n at
// least utf8.UTFMax.
func cutBytes(s string, n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for s != "" {
			p := runePrefix(s, n)
			if !yield(p) {
				return
			}
			s = s[len(p):]
		}
	}
}
