//go:build ignore

// Score reads the judge's results and holds them against two bars: one for pairs where client and upstream
// speak the same dialect, one for the pairs that are translated.
//
//	score -upstreams a,b -dialects chat,messages -own 100 -cross 99 results.json
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
)

// result is one judged exchange, as far as scoring needs it.
type result struct {
	Upstream string `json:"upstream"`
	Dialect  string `json:"dialect"`
	Same     bool   `json:"same"`
	Pass     bool   `json:"pass"`
	NA       string `json:"na"` // why the exchange cannot be said in this dialect; such ones do not count
}

type tally struct{ passed, total int }

func (t *tally) add(pass bool) {
	t.total++
	if pass {
		t.passed++
	}
}

func (t tally) percent() float64 { return 100 * float64(t.passed) / float64(max(t.total, 1)) }

func (t tally) String() string {
	return fmt.Sprintf("%d of %d (%.2f %%)", t.passed, t.total, t.percent())
}

func main() {
	upstreams := flag.String("upstreams", "", "upstreams that must have been judged, comma separated")
	dialects := flag.String("dialects", "", "client dialects that must have been judged")
	ownBar := flag.Float64("own", 100, "least per cent of own-dialect exchanges")
	crossBar := flag.Float64("cross", 99, "least per cent of translated exchanges")
	flag.Parse()

	results, err := read(flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "score:", err)
		os.Exit(2)
	}

	var own, cross tally
	pairs := map[[2]string]*tally{}
	for _, r := range results {
		if r.NA != "" {
			continue
		}
		pair := [2]string{r.Upstream, r.Dialect}
		if pairs[pair] == nil {
			pairs[pair] = &tally{}
		}
		pairs[pair].add(r.Pass)
		if r.Same {
			own.add(r.Pass)
		} else {
			cross.add(r.Pass)
		}
	}

	ok := true
	for _, d := range strings.Split(*dialects, ",") {
		for _, u := range strings.Split(*upstreams, ",") {
			t := pairs[[2]string{u, d}]
			if t == nil {
				fmt.Printf("  %-8s -> %-16s nothing was judged\n", d, u)
				ok = false
				continue
			}
			fmt.Printf("  %-8s -> %-16s %s\n", d, u, t)
		}
	}
	ok = bar("own dialect", own, *ownBar) && ok
	ok = bar("translated", cross, *crossBar) && ok
	if !ok {
		os.Exit(1)
	}
}

func read(path string) ([]result, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Results []result `json:"results"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file.Results, nil
}

// bar prints a tally against what it must reach. Nothing judged does not reach anything.
func bar(name string, t tally, least float64) bool {
	ok := t.total > 0 && t.percent() >= least
	verdict := "ok"
	if !ok {
		verdict = "TOO LOW"
	}
	fmt.Printf("  %-12s %s, must be %g %%: %s\n", name, t, least, verdict)
	return ok
}
