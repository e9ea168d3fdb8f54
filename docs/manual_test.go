// Package docs holds the manual to what it says: links lead somewhere, every page can be
// found, and shell blocks that are marked runnable run.
package docs

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pages are all Markdown files that people read.
func pages(t *testing.T) []string {
	t.Helper()
	list := []string{"../README.md", "../ARCHITECTURE.md", "../CONTRIBUTING.md", "../bench/README.md"}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".md") {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fence   = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	oddRune = regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
)

// anchors are the names of a page's headings, as GitHub makes them.
func anchors(text string) (names []string) {
	for _, h := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		name := oddRune.ReplaceAllString(strings.ToLower(strings.TrimSpace(h[1])), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

func TestLinks(t *testing.T) {
	seen := 0
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(read(t, page), ""), -1) {
			seen++
			to, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				if !strings.HasPrefix(to, "https://") {
					t.Errorf("%s: %s is not https", page, to)
				}
				continue
			}
			target := filepath.Join(filepath.Dir(page), to)
			if to == "" {
				target = page
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: nothing is at %s", page, m[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s: %s has no heading %q", page, to, anchor)
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d links were found: the test does not see them", seen)
	}
}

// TestEveryPageCanBeFound: from the index of its language.
func TestEveryPageCanBeFound(t *testing.T) {
	for _, page := range pages(t) {
		dir, name := filepath.Split(page)
		if strings.HasPrefix(page, "..") || name == "README.md" {
			continue
		}
		if !strings.Contains(read(t, filepath.Join(dir, "README.md")), "("+name) {
			t.Errorf("%s is not in %sREADME.md", page, dir)
		}
	}
}

// TestTranslations: a page in Chinese has its original, and the same commands.
func TestTranslations(t *testing.T) {
	for _, page := range pages(t) {
		name, ok := strings.CutPrefix(page, "zh"+string(filepath.Separator))
		if !ok {
			continue
		}
		want, got := runnable(read(t, name)), runnable(read(t, page))
		if !slices.Equal(want, got) {
			t.Errorf("%s: its runnable blocks are not those of %s", page, name)
		}
	}
}

// runnable are the shell blocks of a page that are marked.
func runnable(text string) (blocks []string) {
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if m[1] == "sh runnable" {
			blocks = append(blocks, m[2])
		}
	}
	return blocks
}

// TestRunnable runs the marked blocks of each page, one after the other, beside a gateway
// of its own: TURNPIKE_BINARY, which `make docs` builds.
func TestRunnable(t *testing.T) {
	binary := os.Getenv("TURNPIKE_BINARY")
	if binary == "" {
		t.Skip("TURNPIKE_BINARY names no gateway: make docs")
	}
	ran := 0
	for _, page := range pages(t) {
		blocks := runnable(read(t, page))
		if len(blocks) == 0 || strings.HasPrefix(page, "zh") { // those are the same
			continue
		}
		t.Run(page, func(t *testing.T) {
			g := serve(t, binary)
			for _, block := range blocks {
				g.run(t, block)
				ran++
			}
		})
	}
	t.Logf("%d blocks ran", ran)
}

type gateway struct{ dir, address string }

// serve starts a gateway in an empty folder, and waits until it is ready.
func serve(t *testing.T, binary string) *gateway {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{dir: t.TempDir(), address: l.Addr().String()}
	_ = l.Close()
	if err := os.Symlink(binary, filepath.Join(g.dir, "turnpike")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.Command(binary, "serve")
	cmd.Dir, cmd.Env = g.dir, g.env()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the gateway ended badly: %v\n%s", err, said.Bytes())
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.address+"/health/ready", http.NoBody)
		if res, err := http.DefaultClient.Do(req); err == nil { //nolint:forbidigo // a test's
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return g
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the gateway does not get ready")
		}
	}
}

func (g *gateway) env() []string {
	_, port, _ := net.SplitHostPort(g.address)
	return append(os.Environ(),
		"PATH="+g.dir+":"+os.Getenv("PATH"), "TURNPIKE_KEY=sk-manual", "TURNPIKE_AUTH_API_KEY=sk-manual", "TURNPIKE_AUTH_ADMIN_KEY=adm-manual",
		"TURNPIKE_SERVER_PORT="+port, "TURNPIKE_DATA_DIR="+filepath.Join(g.dir, "data"), "ANTHROPIC_API_KEY=sk-ant-of-nobody")
}

// run runs a block as a reader would paste it. What is asked of a gateway has to be answered.
func (g *gateway) run(t *testing.T, block string) {
	t.Helper()
	script := strings.ReplaceAll(block, "127.0.0.1:8080", g.address)
	script = strings.ReplaceAll(script, "curl -sS ", "curl -sS --fail-with-body ")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euc", script)
	cmd.Dir, cmd.Env = g.dir, g.env()
	if said, err := cmd.CombinedOutput(); err != nil || len(said) == 0 {
		t.Errorf("%v\n%s\n%s", err, block, said)
	} else {
		fmt.Fprintf(t.Output(), "%s", said)
	}
}
