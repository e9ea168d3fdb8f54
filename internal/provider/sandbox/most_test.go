package sandbox

import "testing"

func TestMost(t *testing.T) {
	const cutShort = `[[sandbox text="one two three four five" most=2]]`
	for _, c := range []struct {
		name       string
		turns      []spoken
		want, stop string
	}{
		{"cut", []spoken{{"user", cutShort}}, "one two ", stopLength},
		{"gone on with as it was begun", []spoken{{"user", cutShort}, {"assistant", "one two"}}, " three four ", stopLength},
		{"gone on with when asked to", []spoken{{"user", cutShort}, {"assistant", "one two "}, {"user", "go on"}}, "three four ", stopLength},
		{"to its end", []spoken{{"user", cutShort}, {"assistant", "one two three four "}, {"user", "go on"}}, "five", stopEnd},
		{"another directive", []spoken{{"user", cutShort}, {"assistant", "one two "}, {"user", `[[sandbox text="new"]]`}}, "new", stopEnd},
		{"the same again", []spoken{{"user", cutShort}, {"assistant", "one two "}, {"user", cutShort}}, "one two ", stopLength},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := &question{model: "sandbox"}
			for _, s := range c.turns {
				turn := q.user
				if s.role == "assistant" {
					turn = q.assistant
				}
				turn(saidOf(s.text))
			}
			a, f := plan(q, "id")
			if f != nil {
				t.Fatal(f)
			}
			if len(a.parts) != 1 || a.parts[0].text != c.want || a.stop != c.stop {
				t.Errorf("got %+v, %s", a.parts, a.stop)
			}
		})
	}
}

type spoken struct{ role, text string }

func saidOf(text string) (s said) {
	s.text(text)
	return s
}
