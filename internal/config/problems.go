package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with the configuration.
type Problem struct {
	// File and Line say where it stands; Line is 0 for flags, environment
	// variables and settings that are missing.
	File string
	Line int
	// Message says what is wrong and what to do.
	Message string

	path, detail string // the setting, and the message without it
}

func (p Problem) String() string {
	switch {
	case p.File != "" && p.Line > 0:
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
	case p.File != "":
		return p.File + ": " + p.Message
	}
	return p.Message
}

// Problems is the error of Load: everything that is wrong, in the order of the
// file.
type Problems []Problem

// Error lists the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sorted orders problems by line; those without a line come last.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		if (a.Line == 0) != (b.Line == 0) {
			return cmp.Compare(b.Line, a.Line)
		}
		return cmp.Compare(a.Line, b.Line)
	})
	return ps
}

// source says where a setting was given.
type source struct {
	line  int    // in the file
	from  string // "environment variable X" or "flag x"; empty for the file
	shown string // the value as written, before ${VAR} is expanded
	unset string // a variable of ${VAR} that was missing or empty
	why   string // "is not set" or "is empty"
}

// report collects problems and knows where each setting was given.
type report struct {
	file     string
	sources  map[string]source
	problems Problems
	// bad holds paths already complained about, so that one mistake gives one
	// message.
	bad map[string]bool
}

// variables are the settings of the file that name variables, as they are written.
func (r *report) variables() map[string]string {
	out := map[string]string{}
	for path, s := range r.sources {
		if s.from == "" && strings.Contains(s.shown, "${") {
			out[path] = s.shown
		}
	}
	return out
}

func newReport(file string) *report {
	return &report{file: file, sources: map[string]source{}, bad: map[string]bool{}}
}

// maxProblems bounds the list: a file that is not a configuration at all gives
// one problem per line.
const maxProblems = 100

// add reports a problem of the setting at path.
func (r *report) add(path, format string, args ...any) {
	if r.bad[path] {
		return
	}
	r.bad[path] = true
	detail := fmt.Sprintf(format, args...)
	message := path + ": " + detail
	s, ok := r.sources[path]
	if ok && s.unset != "" {
		message += fmt.Sprintf(" (%s %s)", s.unset, s.why)
	}
	before := len(r.problems)
	switch {
	case ok && s.from != "":
		r.problems = append(r.problems, Problem{Message: s.from + ": " + message})
	case ok:
		r.addLine(s.line, "%s", message)
	default:
		r.addLine(r.parentLine(path), "%s", message)
	}
	if len(r.problems) > before {
		r.problems[before].path, r.problems[before].detail = path, detail
	}
}

// addLine reports a problem at a line of the file.
func (r *report) addLine(line int, format string, args ...any) {
	if len(r.problems) >= maxProblems {
		return
	}
	message := fmt.Sprintf(format, args...)
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Message: message, detail: message})
}

// parentLine finds the line of the nearest enclosing setting that was written.
func (r *report) parentLine(path string) int {
	for {
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return 0
		}
		path = path[:i]
		if s, ok := r.sources[path]; ok && s.from == "" {
			return s.line
		}
	}
}

// shown returns the value at path as it was written, quoted and shortened.
func (r *report) shown(path string) string {
	return quote(r.sources[path].shown)
}

// quote quotes text for a message and keeps it short.
func quote(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}
