package recording

import "testing"

const object = "{ \"a\" : [1, 2.50],\n \"model\":\"old\", \"z\":{\"model\":\"inner\"} }"

func TestWith(t *testing.T) {
	for _, c := range []struct{ name, body, member, want string }{
		{"replaced in place", object, "model", "{ \"a\" : [1, 2.50],\n \"model\":\"new\", \"z\":{\"model\":\"inner\"} }"},
		{"put first", `{"a":1}`, "model", `{"model":"new","a":1}`},
		{"put into an empty object", ` { }`, "model", ` {"model":"new" }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := With([]byte(c.body), c.member, "new")
			if err != nil || string(got) != c.want {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func TestMembers(t *testing.T) {
	list, err := Members([]byte(object))
	if err != nil || len(list) != 3 || list[0].Name != "a" || string(list[0].Value) != "[1, 2.50]" || string(list[2].Value) != `{"model":"inner"}` {
		t.Errorf("got %v, %v", list, err)
	}
	got, err := Without([]byte(object), "a", "z")
	if err != nil || string(got) != `{"model":"old"}` {
		t.Errorf("without: %s, %v", got, err)
	}
	if v := Get([]byte(object), "z"); string(v) != `{"model":"inner"}` {
		t.Errorf("get: %s", v)
	}
	for _, bad := range []string{``, `[]`, `{"a":}`, `{"a":1`, `{"a":1} {}`} {
		if _, err := Members([]byte(bad)); err == nil {
			t.Errorf("%s was taken for an object", bad)
		}
	}
}
