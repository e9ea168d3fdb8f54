package config

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

const referencePage = "../../docs/configuration.md"

const referenceHead = `# Configuration

Everything that can stand in ` + "`turnpike.yaml`" + `. This page is made from the comments of the code (` + "`go test ./internal/config -update`" + `).

A flag wins over an environment variable, that over the file, that over the default. ` + "`${NAME}`" + ` in the file takes a variable's value. Lists and what is
in them have no variable. ` + "`turnpike config check`" + ` says what is wrong and where, ` + "`turnpike config print`" + ` shows what is in force, secrets masked.
`

// TestReference: docs/configuration.md is what the code says.
func TestReference(t *testing.T) {
	want := reference(t)
	if *update {
		if err := os.WriteFile(referencePage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/configuration.md is not what the code says: go test ./internal/config -update")
	}
}

// said are comments of fields, by package, type and field.
type said map[string]string

func reference(t *testing.T) string {
	words := said{}
	for _, dir := range []string{".", "../policy", "../rules"} {
		words.read(t, dir)
	}
	r := &referencer{words: words, seen: map[reflect.Type]bool{}}
	var b strings.Builder
	b.WriteString(referenceHead)
	whole := reflect.ValueOf(Default()).Elem()
	top := &section{}
	for i := range whole.NumField() {
		field := whole.Type().Field(i)
		name := yamlName(field)
		if name == "" {
			continue
		}
		if value := whole.Field(i); deep(value.Type()) {
			r.section(t, name, words.of(whole.Type(), field.Name), value)
		} else {
			r.row(t, top, whole.Type(), field, name, name, value)
		}
	}
	b.WriteString("\n## At the top\n" + top.String())
	for _, s := range r.sections {
		b.WriteString(s.head + s.String())
	}
	return b.String()
}

// read takes the comments of every struct of a package.
func (s said) read(t *testing.T, dir string) {
	list, err := parser.ParseDir(token.NewFileSet(), dir, func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, parser.ParseComments) //nolint:staticcheck // no build tags here
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		ast.Inspect(p, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			st, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			before := ""
			for _, f := range st.Fields.List {
				text := strings.Join(strings.Fields(f.Doc.Text()), " ")
				if text == "" {
					text = before // two fields that share a comment
				}
				for _, name := range f.Names {
					s[filepath.Base(abs(t, dir))+"."+spec.Name.Name+"."+name.Name] = text
				}
				before = text
			}
			return true
		})
	}
}

func abs(t *testing.T, dir string) string {
	path, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (s said) of(of reflect.Type, field string) string {
	text := s[filepath.Base(of.PkgPath())+"."+of.Name()+"."+field]
	// "Host is the address to listen on" says the same without its name.
	for _, verb := range []string{" is ", " are ", " says ", " holds "} {
		if rest, ok := strings.CutPrefix(text, field+verb); ok {
			if verb == " is " || verb == " are " {
				return strings.ToUpper(rest[:1]) + rest[1:]
			}
			return strings.ToUpper(verb[1:2]) + verb[2:] + rest
		}
	}
	return strings.Replace(text, field+" ", strings.ToUpper(field[:1])+field[1:]+" ", 1)
}

type section struct {
	head string
	rows []string
}

func (s *section) String() string {
	if len(s.rows) == 0 {
		return ""
	}
	return "\n| setting | default | variable | what it is |\n|---|---|---|---|\n" + strings.Join(s.rows, "")
}

type referencer struct {
	words    said
	sections []*section
	seen     map[reflect.Type]bool
}

// section writes a struct, or what the entries of a list are.
func (r *referencer) section(t *testing.T, path, about string, value reflect.Value) {
	of, list := value.Type(), ""
	for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
		if of.Kind() == reflect.Slice {
			list = "[]"
		}
		of = of.Elem()
	}
	if r.seen[of] {
		r.sections = append(r.sections, &section{head: fmt.Sprintf("\n## %s%s\n\n%s The members are those told of above.\n", path, list, about)})
		return
	}
	r.seen[of] = true
	s := &section{head: fmt.Sprintf("\n## %s%s\n\n%s\n", path, list, about)}
	r.sections = append(r.sections, s)
	in := reflect.New(of).Elem()
	if list == "" && value.Kind() == reflect.Struct {
		in = value
	} else if of == reflect.TypeFor[Provider]() {
		p := NewProvider("", "")
		in = reflect.ValueOf(p)
	}
	for i := range of.NumField() {
		field := of.Field(i)
		name := yamlName(field)
		if name == "" {
			continue
		}
		if deep(field.Type) {
			r.section(t, path+list+"."+name, r.words.of(of, field.Name), in.Field(i))
			continue
		}
		env := path + "." + name
		if list != "" || strings.Contains(path, "[]") {
			env = ""
		}
		r.row(t, s, of, field, name, env, in.Field(i))
	}
}

// deep tells whether a type has members of its own.
func deep(of reflect.Type) bool {
	for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	return of.Kind() == reflect.Struct && of != reflect.TypeFor[time.Time]() && of.Name() != "APIRule" && of.NumField() > 0 && yamlName(of.Field(0)) != "" && !isScalar(of)
}

func (r *referencer) row(t *testing.T, s *section, of reflect.Type, field reflect.StructField, name, env string, value reflect.Value) {
	about := r.words.of(of, field.Name)
	if about == "" {
		t.Errorf("%s.%s has no comment: it is what docs/configuration.md says of %s", of.Name(), field.Name, name)
	}
	shown := ""
	switch {
	case value.Type() == secretType:
	case isScalar(value.Type()):
		shown = shownDefault(value)
	}
	if shown != "" {
		shown = "`" + shown + "`"
	}
	variable := ""
	if env != "" && isScalar(field.Type) {
		variable = "`" + EnvName(env) + "`"
	}
	s.rows = append(s.rows, fmt.Sprintf("| `%s` | %s | %s | %s |\n", name, shown, variable, strings.ReplaceAll(about, "|", `\|`)))
}
