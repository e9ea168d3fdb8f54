// Package prompt makes the requests of the benchmark: two conversations, each written in the two client APIs, and a checksum of what
// they say, by which the mock upstream can tell whether anything was lost on the way.
package prompt

import (
	"fmt"
	"hash/crc32"
	"strings"
)

// Checksum adds up the texts of a conversation: the system prompt, then of each message in turn its texts, the names of the tools it
// calls and their results, and last the names of the tools on offer. How the texts are grouped into messages and blocks makes no difference.
type Checksum uint32

// Add takes the next text.
func (c *Checksum) Add(s string) {
	*c = Checksum(crc32.Update(uint32(*c), crc32.IEEETable, []byte(s)))
}

// Conversation is what a request says, in no API's shape.
type Conversation struct {
	system string
	turns  []turn
	tools  []tool
}

// turn is what the user asks, and what the assistant did and said about it; in the last turn it has yet to answer.
type turn struct {
	ask    string
	remark string // before the call
	call   string // the tool that is called, "" when none
	id     string
	path   string // the call's argument
	result string
	reply  string
}

type tool struct{ name, about string }

// Small is a question in about 1 KB of request.
func Small() Conversation {
	return Conversation{
		system: "You are a careful assistant. Answer in plain words, and say so when you do not know.",
		turns:  []turn{{ask: prose(1, 560)}},
	}
}

// Large is a coding agent's conversation in about 100 KB of request: a long system prompt, ten tools, and files that were read.
func Large() Conversation {
	c := Conversation{system: prose(2, 4000)}
	for i, name := range []string{"read_file", "write_file", "edit_file", "list_files", "search", "run", "fetch", "plan", "ask", "finish"} {
		c.tools = append(c.tools, tool{name: name, about: prose(10+i, 400)})
	}
	for i := range 26 {
		c.turns = append(c.turns, turn{
			ask: prose(100+i, 300), remark: prose(200+i, 120),
			call: "read_file", id: fmt.Sprintf("call_bench%04d", i), path: fmt.Sprintf("internal/part%02d/file.go", i),
			result: code(300+i, 2000), reply: prose(400+i, 400),
		})
	}
	c.turns = append(c.turns, turn{ask: "Now \"put it together\": what is missing?\nName the files."})
	return c
}

// Checksum is what a faithful copy of the conversation adds up to.
func (c Conversation) Checksum() Checksum {
	var sum Checksum
	sum.Add(c.system)
	for _, t := range c.turns {
		for _, s := range []string{t.ask, t.remark, t.call, t.result, t.reply} {
			sum.Add(s)
		}
	}
	for _, t := range c.tools {
		sum.Add(t.name)
	}
	return sum
}

var words = strings.Fields(`the request of a stream goes through one road and each frame is read once before it is written again
	so that nothing waits for what it does not need while naïve copies cost more than they seem – measure first then change`)

// prose gives n bytes or a few more of text, always the same for a seed.
func prose(seed, n int) string {
	var b strings.Builder
	for next := uint32(seed); b.Len() < n; {
		next = next*1664525 + 1013904223
		b.WriteString(words[next>>16%uint32(len(words))])
		if next>>28 == 0 {
			b.WriteString(".\n")
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// code gives n bytes or a few more of text that looks like a source file: quotes, tabs and line ends, which JSON escapes.
func code(seed, n int) string {
	var b strings.Builder
	for line := 1; b.Len() < n; line++ {
		fmt.Fprintf(&b, "%d\tif err := run(%q, x[%d]); err != nil && i < %d {\n\t\treturn fmt.Errorf(\"run: %%w\", err)\n\t}\n",
			line, strings.TrimSpace(prose(seed+line, 20)), line, seed)
	}
	return b.String()
}
