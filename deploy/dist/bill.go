package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// bill is the bill of materials, in CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/):
// the modules that are in the binaries, by their own word, and the packages the console
// is made of, by its lock file.
type bill struct {
	version string
	when    time.Time
	parts   map[string]component // by purl
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref,omitempty"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	Scope      string     `json:"scope,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Licenses   []license  `json:"licenses,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type license struct {
	Expression string `json:"expression"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// add takes in the modules of a binary.
func (b *bill) add(binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	if b.parts == nil {
		b.parts = map[string]component{}
	}
	std := strings.TrimPrefix(info.GoVersion, "go")
	std, _, _ = strings.Cut(std, " ")
	b.put(component{Type: "library", Name: "std", Version: std, PURL: "pkg:golang/std@" + std})
	for _, m := range info.Deps {
		b.put(moduleOf(m))
	}
	return nil
}

func (b *bill) put(c component) {
	c.Ref = c.PURL
	b.parts[c.PURL] = c
}

func moduleOf(m *debug.Module) component {
	if m.Replace != nil {
		m = m.Replace
	}
	c := component{Type: "library", Name: m.Path, Version: m.Version, PURL: "pkg:golang/" + m.Path + "@" + m.Version}
	if m.Sum != "" {
		// A sum over the files of the module, in Go's own form: none of CycloneDX's.
		c.Properties = []property{{"go:sum", m.Sum}}
	}
	return c
}

// addConsole takes in the packages the console is built of. There may be no console.
func (b *bill) addConsole(lock string) error {
	text, err := os.ReadFile(lock) //nolint:gosec // our own
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var file struct {
		Packages map[string]struct {
			Version, Integrity, License string
			Dev, Optional               bool
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return fmt.Errorf("%s: %w", lock, err)
	}
	for path, p := range file.Packages {
		at := strings.LastIndex(path, "node_modules/")
		if at < 0 {
			continue // the console itself
		}
		name := path[at+len("node_modules/"):]
		c := component{Type: "library", Name: name, Version: p.Version, PURL: "pkg:npm/" + strings.Replace(name, "@", "%40", 1) + "@" + p.Version}
		if p.Dev { // it builds the console, and is not in it
			c.Scope = "excluded"
		}
		if p.License != "" {
			c.Licenses = []license{{p.License}}
		}
		if sum, ok := strings.CutPrefix(p.Integrity, "sha512-"); ok {
			raw, err := base64.StdEncoding.DecodeString(sum)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", lock, path, err)
			}
			c.Hashes = []hash{{"SHA-512", hex.EncodeToString(raw)}}
		}
		b.put(c)
	}
	return nil
}

func (b *bill) write(lock, to string) error {
	if err := b.addConsole(lock); err != nil {
		return err
	}
	var parts []component
	for _, c := range b.parts {
		parts = append(parts, c)
	}
	slices.SortFunc(parts, func(x, y component) int { return cmp.Compare(x.PURL, y.PURL) })
	self := component{Type: "application", Ref: "turnpike", Name: "turnpike", Version: b.version, Licenses: []license{{"MIT"}}}
	doc := map[string]any{
		"bomFormat":   "CycloneDX",
		"specVersion": "1.6",
		"version":     1,
		"metadata":    map[string]any{"timestamp": b.when.Format(time.RFC3339), "component": self},
		"components":  parts,
	}
	text, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		return err
	}
	// The serial number is made of what is in it, so that it is the same for the same bill.
	sum := sha256.Sum256(text)
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	doc["serialNumber"] = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	if text, err = json.MarshalIndent(doc, "", " "); err != nil {
		return err
	}
	fmt.Printf("%d components in the bill of materials\n", len(parts))
	return os.WriteFile(to, append(text, '\n'), 0o644) //nolint:gosec // for everybody
}
