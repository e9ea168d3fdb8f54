package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"turnpike/internal/importer"
)

// importTime bounds reading another gateway's database and writing ours.
const importTime = 10 * time.Minute

// importFlags are those of turnpike import.
type importFlags struct {
	tables, out *string
	dry, json   *bool
}

// importCommand is turnpike import.
func importCommand(args []string) error {
	what, args, err := action("import", args, "litellm", "one-api")
	if err != nil {
		return err
	}
	s := newSettings("import " + what)
	f := importFlags{
		out:  s.flags.String("out", "", "write the configuration into this `file`, which must not exist (default: print it)"),
		dry:  s.flags.Bool("dry-run", false, "say what would be made in the database, and make nothing"),
		json: s.flags.Bool("json", false, "print JSON"),
	}
	if what == "litellm" {
		f.tables = s.flags.String("tables", "", "`where` teams, users and keys are: postgres://…, or a file of JSON with rows by the names of tables")
	}
	cfg, err := s.load(args, 1)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), importTime)
	defer cancel()
	plan, err := f.read(ctx, what, s.word())
	if err != nil {
		return err
	}
	db, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	keys, err := newKeys(ctx, cfg, db)
	if err != nil {
		return err
	}
	done, err := plan.Apply(ctx, db, keys, *f.dry)
	if err != nil {
		return err
	}
	return f.tell(plan, done)
}

// read reads what is to be taken over.
func (f *importFlags) read(ctx context.Context, what, word string) (*importer.Plan, error) {
	plan := &importer.Plan{}
	from, names := word, importer.OneAPITables
	if what == "litellm" {
		from, names = *f.tables, importer.LiteLLMTables
		if word != "" {
			text, err := readInput(word)
			if err != nil {
				return nil, err
			}
			if err := plan.LiteLLM(text); err != nil {
				return nil, fmt.Errorf("%s: %w", word, err)
			}
		}
	}
	if from == "" {
		if what == "litellm" && word != "" {
			return plan, nil
		}
		return nil, errors.New("say what to import: turnpike import litellm config.yaml --tables postgres://…, or turnpike import one-api one-api.db")
	}
	t, err := importer.ReadTables(ctx, from, names...)
	if err != nil {
		return nil, err
	}
	if what == "litellm" {
		return plan, plan.LiteLLMTables(t)
	}
	return plan, plan.OneAPI(t)
}

// tell shows the configuration, what was made, and what is not taken over.
func (f *importFlags) tell(plan *importer.Plan, done importer.Done) error {
	text, err := plan.Text()
	if err != nil {
		return err
	}
	if *f.out != "" {
		if err := writeNew(*f.out, text); err != nil {
			return err
		}
	}
	if *f.json {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"configuration": string(text), "made": done, "not_taken_over": plan.Lost, "dry_run": *f.dry})
	}
	if *f.out == "" {
		fmt.Print(string(text))
	}
	did := "Made"
	if *f.dry {
		did = "Would make"
	}
	fmt.Fprintf(os.Stderr, "%s %d teams, %d users and %d keys.\n", did, len(done.Teams), len(done.Users), len(done.Keys))
	if len(done.There) > 0 {
		fmt.Fprintf(os.Stderr, "There already, and left as they are: %s.\n", strings.Join(done.There, ", "))
	}
	if len(plan.Lost) > 0 {
		fmt.Fprintf(os.Stderr, "\nNot taken over, or not as it was:\n")
		for _, l := range plan.Lost {
			fmt.Fprintf(os.Stderr, "  %s: %s\n", l.Where, l.Why)
		}
	}
	return nil
}

// writeNew writes a file that has secrets in it and must not be there.
func writeNew(path string, text []byte) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return errors.Join(err, out.Close())
}
