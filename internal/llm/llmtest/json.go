package llmtest

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

// At follows a path such as messages.0.content.1.text; nil for nothing.
func At(v any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// Want compares what stands at a path with a JSON text; empty means nothing.
func Want(t testing.TB, v any, path, text string) {
	t.Helper()
	got := At(v, path)
	var w any
	if text != "" {
		if err := json.Unmarshal([]byte(text), &w); err != nil {
			t.Fatalf("bad expectation %s: %v", text, err)
		}
	}
	if !reflect.DeepEqual(got, w) {
		g, _ := json.Marshal(got)
		t.Errorf("%s is %s, want %s", path, g, text)
	}
}

// WantLoss wants a loss whose path holds the words.
func WantLoss(t testing.TB, losses []llm.Loss, words string) {
	t.Helper()
	for _, l := range losses {
		if strings.Contains(l.Path, words) {
			return
		}
	}
	t.Errorf("no loss of %q in %v", words, losses)
}

// NoLoss wants that nothing was lost.
func NoLoss(t testing.TB, losses []llm.Loss) {
	t.Helper()
	if len(losses) > 0 {
		t.Errorf("losses %v", losses)
	}
}
