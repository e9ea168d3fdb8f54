package provider

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// APIRule says which API the models that match a glob are reached by.
type APIRule struct{ Match, API string }

// Choice decides which of an account's APIs a model is reached by.
type Choice struct {
	Rules  []APIRule                 // the operator's: the first that matches decides
	Pinned string                    // the operator's for all other models
	Only   func(model string) string // what is known of models that are served by one API only; nil: nothing
}

// For is the API the operator or the catalogue wants for a model, empty where
// neither says so.
func (c *Choice) For(model string) string {
	for _, r := range c.Rules {
		if glob(r.Match, model) {
			return r.API
		}
	}
	if c.Pinned == "" && c.Only != nil {
		return c.Only(model)
	}
	return c.Pinned
}

// Check refuses an API that an account has not.
func (c *Choice) Check(name string, apis ...string) error {
	for _, api := range append([]string{c.Pinned}, c.ruled()...) {
		if api != "" && !slices.Contains(apis, api) {
			return fmt.Errorf("provider %s: api %q is none of %s", name, api, strings.Join(apis, ", "))
		}
	}
	return nil
}

func (c *Choice) ruled() (apis []string) {
	for _, r := range c.Rules {
		apis = append(apis, r.API)
	}
	return apis
}

// Names tells whether an API is spoken of at all.
func (c *Choice) Names(apis ...string) bool {
	return slices.Contains(apis, c.Pinned) || slices.ContainsFunc(c.ruled(), func(api string) bool { return slices.Contains(apis, api) })
}

// glob matches a model: a star stands for slashes too.
func glob(pattern, model string) bool {
	noSlash := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	ok, err := path.Match(noSlash(pattern), noSlash(model))
	return err == nil && ok || pattern == model
}
