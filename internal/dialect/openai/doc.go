// Package openai holds what OpenAI's two generation APIs, Chat Completions and
// Responses, have in common: their errors, the loose types of servers that copy
// them, media in data URLs, JSON Schemas of tools, the scale of efforts, and the
// words that stand in for what neither can carry.
//
// It knows no dialect. Where the two differ in kind, each has its own code.
package openai
