package counting

import "unicode/utf8"

// shape is what of a text decides how many tokens it makes. Tokenizers differ,
// but all of them know common words whole, cut long ones, take digits in small
// groups and spend more on scripts they saw less of.
type shape struct {
	words  int64 // runs of ASCII letters, cut at a small letter before a capital
	long   int64 // letters of a word beyond the sixth
	digits int64 // groups of up to three digits
	marks  int64 // ASCII punctuation
	blanks int64 // runs of white space other than one blank between words
	latin  int64 // other letters of two bytes: Latin, Greek, Cyrillic, Hebrew, Arabic
	wide   int64 // characters of three bytes: Chinese, Japanese, Korean, Indic
	rare   int64 // characters of four bytes, and bytes that are none
}

// weights are hundredths of a token for each count of a shape.
type weights struct{ words, long, digits, marks, blanks, latin, wide, rare int64 }

// of weighs a shape.
func (w *weights) of(s *shape) int64 {
	return s.words*w.words + s.long*w.long + s.digits*w.digits + s.marks*w.marks +
		s.blanks*w.blanks + s.latin*w.latin + s.wide*w.wide + s.rare*w.rare
}

// class of a byte.
type class uint8

const (
	other class = iota
	small
	capital
	digit
	mark
	blank
)

func classOf(c byte) class {
	switch {
	case c >= 'a' && c <= 'z':
		return small
	case c >= 'A' && c <= 'Z':
		return capital
	case c >= '0' && c <= '9':
		return digit
	case c <= ' ':
		return blank
	case c < utf8.RuneSelf:
		return mark
	}
	return other
}

// knownWord is how many letters of a word its first token covers.
const knownWord = 6

// add adds what is seen in a text.
func (s *shape) add(text string) {
	for i := 0; i < len(text); {
		switch classOf(text[i]) {
		case small, capital:
			i = s.word(text, i)
		case digit:
			n := run(text, i, digit)
			s.digits += int64(n+2) / 3
			i += n
		case blank:
			n := run(text, i, blank)
			if n > 1 || text[i] != ' ' {
				s.blanks += 1 + int64(n)/16
			}
			i += n
		case mark:
			s.marks++
			i++
		default:
			r, n := utf8.DecodeRuneInString(text[i:])
			switch {
			case r == utf8.RuneError || n == 4:
				s.rare++
			case n == 3:
				s.wide++
			default:
				s.latin++
			}
			i += n
		}
	}
}

// run is how many bytes of one class begin at i.
func run(text string, i int, c class) int {
	from := i
	for i < len(text) && classOf(text[i]) == c {
		i++
	}
	return i - from
}

// word takes the word that begins at i and returns where it ends.
func (s *shape) word(text string, i int) int {
	from, last := i, classOf(text[i])
	for i++; i < len(text); i++ {
		c := classOf(text[i])
		if c != small && c != capital || c == capital && last == small {
			break
		}
		last = c
	}
	s.words++
	s.long += int64(max(0, i-from-knownWord))
	return i
}
