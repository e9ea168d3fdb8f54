package main

import (
	"turnpike/internal/declare"
	"turnpike/internal/store"
)

// declaredMappings are the group mappings of the configuration in force. What is wrong with
// one was told before it came so far.
func (a *app) declaredMappings() []store.GroupMapping {
	list, err := declare.GroupMappings(a.config().Auth.GroupMappings)
	if err != nil {
		return nil
	}
	return list
}
