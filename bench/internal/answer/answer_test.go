package answer

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestReaderTakesPiecesOfAnySize(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n := rng.IntN(60)
		text := Text(n)
		var r Reader
		for len(text) > 0 {
			k := 1 + rng.IntN(min(len(text), 70))
			if _, err := r.Add(text[:k]); err != nil {
				t.Fatal(err)
			}
			text = text[k:]
		}
		if err := r.End(n); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReaderGivesTheStamp(t *testing.T) {
	var r Reader
	stamp, err := r.Add(AppendCell(nil, 0, 1_764_000_000_123_456_789))
	if err != nil || stamp != 1_764_000_000_123_456_789 {
		t.Fatalf("stamp %d, %v", stamp, err)
	}
}

func TestReaderSeesDamage(t *testing.T) {
	whole := Text(5)
	cell := func(i int) []byte { return whole[i*CellLen : (i+1)*CellLen] }
	join := func(cells ...[]byte) (b []byte) {
		for _, c := range cells {
			b = append(b, c...)
		}
		return b
	}
	altered := Text(5)
	altered[2*CellLen+10] = 'x'
	for name, text := range map[string][]byte{
		"lost":      join(cell(0), cell(1), cell(3), cell(4)),
		"repeated":  join(cell(0), cell(1), cell(1), cell(2), cell(3), cell(4)),
		"reordered": join(cell(0), cell(2), cell(1), cell(3), cell(4)),
		"short":     whole[:len(whole)-1],
		"altered":   altered,
		"longer":    append(Text(5), "!"...),
		"empty":     nil,
	} {
		var r Reader
		_, err := r.Add(text)
		if err == nil {
			err = r.End(5)
		}
		if err == nil {
			t.Errorf("%s: not seen", name)
		}
	}
}

func TestOrders(t *testing.T) {
	for model, want := range map[string]Orders{
		"mock":                               {Chunks: DefaultChunks},
		"gpt-5":                              {Chunks: DefaultChunks},
		"mock-n200-d50":                      {Chunks: 200, Delay: 50 * time.Millisecond},
		"anthropic.claude-mock-n3-cdeadbeef": {Chunks: 3, Checked: true, Checksum: 0xdeadbeef},
		"anthropic.claude-mock-n3:0":         {Chunks: 3},
		"mock-n0-d-1-cxyz":                   {Chunks: DefaultChunks},
		"mock-n999999-d999999":               {Chunks: DefaultChunks},
	} {
		if got := ParseOrders(model); got != want {
			t.Errorf("%s: got %+v, want %+v", model, got, want)
		}
	}
	o := Orders{Chunks: 7, Delay: time.Second, Checked: true, Checksum: 0xab}
	if got := ParseOrders(o.Model()); got != o {
		t.Errorf("%s reads back as %+v", o.Model(), got)
	}
}
