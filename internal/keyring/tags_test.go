package keyring

import (
	"strings"
	"testing"
)

func TestTagList(t *testing.T) {
	long := strings.Repeat("x", maxTagList/2)
	for _, c := range []struct {
		tags []string
		want string
	}{
		{nil, ""},
		{[]string{"b", "a", "b"}, `["a","b"]`},
		{[]string{"with,comma", `"quoted"`}, `["\"quoted\"","with,comma"]`},
		{[]string{"a", long, "y" + long}, `["a","` + long + `"]`},
		{[]string{long + long}, ""},
	} {
		if got := tagList(c.tags); got != c.want {
			t.Errorf("%.40q: %.60s", c.tags, got)
		}
	}
}
