package rules

// markdown follows a text byte by byte and knows where code stands in it: fenced
// blocks and inline code, after CommonMark. In doubt it is code, which is never
// touched: a backtick without its partner makes code of the rest of its paragraph,
// and a fence may stand behind the marks of lists and quotes.
type markdown struct {
	mode mode
	mark byte // of the run that opened the code: ` or ~
	size int  // its length

	run     int  // length of the run of marks that is going on
	runMark byte // what it is made of

	lead  bool // the line holds only blanks and marks of lists and quotes so far
	bare  bool // only blanks and marks of quotes
	empty bool // only blanks
}

type mode uint8

const (
	plain   mode = iota
	inline       // between two runs of backticks
	info         // the line that opens a fence
	fence        // the lines of a fenced block
	closing      // behind a run that closes the fence if nothing follows it
)

// minFence is the shortest run that opens a fence.
const minFence = 3

func newMarkdown() markdown { return markdown{lead: true, bare: true, empty: true} }

// settle ends a run of marks that does not go on with c.
func (m *markdown) settle(c byte) {
	if m.run == 0 || c == m.runMark {
		return
	}
	n, mark, lead, bare := m.run, m.runMark, m.lead, m.bare
	m.run, m.lead, m.bare = 0, false, false
	opens := lead && n >= minFence
	switch m.mode {
	case plain:
		if opens {
			m.mode, m.mark, m.size = info, mark, n
		} else if mark == '`' {
			m.mode, m.mark, m.size = inline, mark, n
		}
	case inline:
		if mark == '`' && n == m.size {
			m.mode = plain
		} else if opens {
			m.mode, m.mark, m.size = info, mark, n
		}
	case info: // the line of a backtick fence holds no backtick: it was inline code
		switch {
		case mark != '`' || m.mark != '`':
		case n == m.size:
			m.mode = plain
		default:
			m.mode = inline
		}
	case fence:
		if bare && mark == m.mark && n >= m.size {
			m.mode = closing
		}
	case closing:
		m.mode = fence
	}
}

// next takes a byte; settle came before.
func (m *markdown) next(c byte) {
	switch c {
	case '`', '~':
		m.run++
		m.runMark, m.empty = c, false
	case '\n':
		m.line()
	case ' ', '\t', '\r':
	default:
		m.empty = false
		m.bare = m.bare && c == '>'
		m.lead = m.lead && (c == '>' || c == '-' || c == '*' || c == '+' || c == '.' || c == ')' || c >= '0' && c <= '9')
		if m.mode == closing {
			m.mode = fence
		}
	}
}

// line ends a line.
func (m *markdown) line() {
	switch m.mode {
	case info:
		m.mode = fence
	case closing:
		m.mode = plain
	case inline:
		if m.empty { // a paragraph ends, and inline code with it
			m.mode = plain
		}
	case plain, fence:
	}
	m.lead, m.bare, m.empty = true, true, true
}

// over takes bytes one after the other.
func (m *markdown) over(b []byte) {
	for _, c := range b {
		m.settle(c)
		m.next(c)
	}
}
