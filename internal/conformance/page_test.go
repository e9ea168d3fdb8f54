package conformance

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

const translationPage = "../../docs/translation.md"

const translationHead = `# What becomes of a request in translation

Client and upstream of the same API: the body passes, and nothing is translated. For the others the tables below tell of each member of a client's request
what becomes of it. They are made by the test that holds it to that (` + "`go test ./internal/conformance -run TestTranslationPage -update`" + `): it sends everything a member
can hold, and looks for each value in what the upstream gets.

- **yes**: every value arrives.
- **in part**: some do; the rest is named as a loss, in the words of the last column of the list below each table.
- **named**: none does, and a loss says so.
- **–**: nothing to carry: bookkeeping that no model sees, and that the target has no place for.

A loss is never silent: it is in ` + "`x-turnpike-loss`" + `, in the log and in the metrics; ` + "`x-turnpike-strict: true`" + ` refuses a request that would have one, ` + "`turnpike explain`" + `
tells of it before anything is sent. What a model does not take, though its API does, is another matter: the catalogue (` + "`turnpike catalog show MODEL`" + `).
`

// TestTranslationPage: docs/translation.md says what the codecs do.
func TestTranslationPage(t *testing.T) {
	want := translations(t)
	if *update {
		if err := os.WriteFile(translationPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(translationPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/translation.md is not what the codecs do: go test ./internal/conformance -run TestTranslationPage -update")
	}
}

func translations(t *testing.T) string {
	var b strings.Builder
	b.WriteString(translationHead)
	for _, front := range clients {
		var targets []llm.Back
		for _, back := range spoken {
			if back.Name() != front.Name() {
				targets = append(targets, back)
			}
		}
		fmt.Fprintf(&b, "\n## Clients of %s\n\n| member |", front.Name())
		for _, back := range targets {
			fmt.Fprintf(&b, " to %s |", back.Name())
		}
		b.WriteString("\n|---|" + strings.Repeat("---|", len(targets)) + "\n")
		body := parsed(t, fill(fullRequests[front.Name()], &marks{}))
		raw := printed(t, body)
		became := map[string]map[string]string{} // member, target
		reasons := map[string][]string{}         // loss, targets
		for _, back := range targets {
			verdicts, losses := fate(t, front, back, body, raw)
			for member, v := range verdicts {
				if became[member] == nil {
					became[member] = map[string]string{}
				}
				became[member][back.Name()] = v
			}
			for _, l := range losses {
				line := l.Path + ": " + l.Reason
				if !slices.Contains(reasons[line], back.Name()) {
					reasons[line] = append(reasons[line], back.Name())
				}
			}
		}
		for _, member := range slices.Sorted(maps.Keys(became)) {
			fmt.Fprintf(&b, "| `%s` |", member)
			for _, back := range targets {
				fmt.Fprintf(&b, " %s |", became[member][back.Name()])
			}
			b.WriteString("\n")
		}
		b.WriteString("\nLosses of this request, and at which targets:\n\n")
		for _, line := range slices.Sorted(maps.Keys(reasons)) {
			fmt.Fprintf(&b, "- `%s` (%s)\n", markWord.ReplaceAllString(line, "…"), strings.Join(reasons[line], ", "))
		}
	}
	return b.String()
}

// fate tells what becomes of each top-level member on the way to an upstream.
func fate(t *testing.T, front llm.Front, back llm.Back, body map[string]any, raw []byte) (map[string]string, []llm.Loss) {
	req, err := front.DecodeRequest(http.Header{}, raw)
	if err != nil {
		t.Fatal(err)
	}
	out, losses, err := back.EncodeRequest(req, &llm.Target{Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	losses = llm.AddLosses(req.Lost(back.Name()), losses)
	got := heardIn(out)
	verdicts := map[string]string{}
	for member, value := range body {
		list := leaves(value, []string{member}, nil, nil)
		if len(list) == 0 {
			continue // it holds nothing that could be followed: a number, a word of the API
		}
		arrived := 0
		for _, l := range list {
			if got[l.mark] {
				arrived++
			}
		}
		switch {
		case arrived == len(list):
			verdicts[member] = "yes"
		case arrived > 0:
			verdicts[member] = "in part"
		case named(losses, member) || named(losses, means[member]...):
			verdicts[member] = "named"
		case slices.Contains(agreed, member):
			verdicts[member] = "–"
		default:
			verdicts[member] = "named"
		}
	}
	slices.SortFunc(losses, func(a, b llm.Loss) int { return cmp.Compare(a.Path, b.Path) })
	return verdicts, losses
}
