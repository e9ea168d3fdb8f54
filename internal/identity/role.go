// Package identity says who may sign in and what they may do: accounts, passwords and
// second factors, invitations, sessions and their tokens, groups and services. It knows no
// HTTP; internal/signon is the door to it.
package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The roles there are.
const (
	Owner   = "owner"   // everything
	Admin   = "admin"   // what its scopes say
	Member  = "member"  // its own keys and usage
	Auditor = "auditor" // reads everything but prompts and secrets
)

// Roles are the names of all roles.
var Roles = []string{Owner, Admin, Member, Auditor}

// All in a scope is everything of that kind.
const All = "*"

// Scopes are what an admin may do, by area: "*" is all of it, else the ids of single
// things. An area that is left out is none.
type Scopes struct {
	Keys      []string `json:"keys,omitempty" say:"* for all, else ids of keys, or of teams for all their keys"`
	Teams     []string `json:"teams,omitempty" say:"* for all (users and tags too), else ids of teams"`
	Models    []string `json:"models,omitempty" say:"* for all, else models as prices name them; patterns such as claude-*"`
	Providers []string `json:"providers,omitempty" say:"* for all, else names of providers"`
	Usage     []string `json:"usage,omitempty" say:"* for all, else ids of keys or teams"`
	Monitor   []string `json:"monitor,omitempty" say:"* for all: alerts, health, affinity"`
}

// areas are the names of scopes and where each is.
var areas = []struct {
	name string
	of   func(*Scopes) *[]string
}{
	{"keys", func(s *Scopes) *[]string { return &s.Keys }},
	{"teams", func(s *Scopes) *[]string { return &s.Teams }},
	{"models", func(s *Scopes) *[]string { return &s.Models }},
	{"providers", func(s *Scopes) *[]string { return &s.Providers }},
	{"usage", func(s *Scopes) *[]string { return &s.Usage }},
	{"monitor", func(s *Scopes) *[]string { return &s.Monitor }},
}

// Areas are the names of all areas.
func Areas() (names []string) {
	for _, a := range areas {
		names = append(names, a.name)
	}
	return names
}

// Of is what may be done in an area.
func (s *Scopes) Of(area string) []string {
	for _, a := range areas {
		if a.name == area {
			return *a.of(s)
		}
	}
	return nil
}

const maxScope = 200

var errScope = errors.New("must be * alone, or ids without blanks")

// Check tells what is wrong, and in which area.
func (s *Scopes) Check() (area string, err error) {
	for _, a := range areas {
		list := *a.of(s)
		switch {
		case len(list) > maxScope:
			return a.name, fmt.Errorf("has more than %d entries: use *, or a team", maxScope)
		case len(list) > 1 && slices.Contains(list, All):
			return a.name, errScope
		case a.name == "monitor" && len(list) > 0 && list[0] != All:
			return a.name, errors.New("must be * or left out: there is one gateway to watch")
		}
		for _, id := range list {
			if id == "" || len(id) > maxScope || strings.ContainsAny(id, " \t\r\n\x00") {
				return a.name, errScope
			}
		}
	}
	return "", nil
}

// CheckRole tells what is wrong with a role and its scopes.
func CheckRole(role string, s *Scopes) error {
	if !slices.Contains(Roles, role) {
		return fmt.Errorf("role must be one of %s", strings.Join(Roles, ", "))
	}
	if area, err := s.Check(); err != nil {
		return fmt.Errorf("scopes.%s %w", area, err)
	}
	empty := !slices.ContainsFunc(areas, func(a struct {
		name string
		of   func(*Scopes) *[]string
	},
	) bool {
		return len(*a.of(s)) > 0
	})
	switch {
	case role == Admin && empty:
		return errors.New("an admin needs scopes: left out, an area is none of it")
	case role != Admin && !empty:
		return fmt.Errorf("scopes are for admins; what the role %s may do is fixed", role)
	}
	return nil
}

// WriteScopes is how the store keeps scopes.
func WriteScopes(s Scopes) string {
	text, err := json.Marshal(s)
	if err != nil { // lists of texts: it cannot fail
		return "{}"
	}
	return string(text)
}

// ReadScopes reads what WriteScopes wrote. What cannot be read gives nothing.
func ReadScopes(text string) (s Scopes) {
	if json.Unmarshal([]byte(text), &s) != nil {
		return Scopes{}
	}
	return s
}

// WriteList is how the store keeps a list of ids.
func WriteList(list []string) string {
	text, err := json.Marshal(append([]string{}, list...))
	if err != nil { // a list of texts: it cannot fail
		return "[]"
	}
	return string(text)
}

// ReadList reads a list of ids; what cannot be read gives nothing.
func ReadList(text string) (list []string) {
	if json.Unmarshal([]byte(text), &list) != nil {
		return nil
	}
	return list
}
