package price

import (
	"embed"
	"fmt"
	"sync"
)

//go:embed data/*.json
var data embed.FS

// Embedded are the prices that came with this version, with where each was read
// and when. What could not be sourced is left out and so unpriced.
var Embedded = sync.OnceValue(func() []Entry {
	files, err := data.ReadDir("data")
	if err != nil {
		panic(err) // it is part of the binary
	}
	var out []Entry
	for _, f := range files {
		b, err := data.ReadFile("data/" + f.Name())
		if err == nil {
			var list []Entry
			list, err = ReadFile(b, Snapshot)
			out = append(out, list...)
		}
		if err != nil {
			panic(fmt.Sprintf("data/%s: %v", f.Name(), err)) // a test reads them all
		}
	}
	return out
})
