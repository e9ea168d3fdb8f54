package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Member is one member of the top level of a JSON object, as it stands there.
type Member struct {
	Name  string
	Value json.RawMessage
	start int // of the value
}

// Members lists the top level of a JSON object in its order.
func Members(body []byte) ([]Member, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if t != json.Delim('{') {
		return nil, fmt.Errorf("not a JSON object")
	}
	var out []Member
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok {
			return nil, fmt.Errorf("%v is not a name", t)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, err
		}
		out = append(out, Member{name, raw, int(dec.InputOffset()) - len(raw)})
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, fmt.Errorf("something follows the object")
	}
	return out, nil
}

// With gives the object with one member's value replaced, or the member put
// first where there is none. Every other byte stays.
func With(body []byte, name string, value any) ([]byte, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	list, err := Members(body)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if m.Name == name {
			return bytes.Join([][]byte{body[:m.start], text, body[m.start+len(m.Value):]}, nil), nil
		}
	}
	at := bytes.IndexByte(body, '{') + 1
	first := fmt.Appendf(nil, "%q:%s", name, text)
	if len(list) > 0 {
		first = append(first, ',')
	}
	return bytes.Join([][]byte{body[:at], first, body[at:]}, nil), nil
}

// Without gives a compact object of the same members but those named.
func Without(body []byte, names ...string) ([]byte, error) {
	list, err := Members(body)
	if err != nil {
		return nil, err
	}
	out := []byte{'{'}
next:
	for _, m := range list {
		for _, n := range names {
			if m.Name == n {
				continue next
			}
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, "%q:%s", m.Name, m.Value)
	}
	return append(out, '}'), nil
}

// Get is the value of a top-level member, nil if there is none.
func Get(body []byte, name string) json.RawMessage {
	list, err := Members(body)
	if err != nil {
		return nil
	}
	for _, m := range list {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}
