package main

import (
	"fmt"
	"os"

	"turnpike/internal/config"
)

func configCommand(args []string) error {
	what, args, err := action("config", args, "check", "print", "export", "import")
	if err != nil {
		return err
	}
	s := newSettings("config " + what)
	var m configMove
	m.flags(s)
	cfg, err := s.load(args, map[string]int{"import": 1}[what])
	switch {
	case err != nil:
		return err
	case what == "export":
		return exportConfig(cfg, &m)
	case what == "import":
		return importConfig(cfg, s.word(), &m)
	}
	if _, err := loadCatalog(cfg); err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintln(os.Stderr, "warning:", w)
	}
	if what == "print" {
		text, err := config.Print(cfg)
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(text)
		return err
	}
	source := cfg.File
	if source == "" {
		source = "defaults and environment (there is no " + config.DefaultPath + ")"
	}
	fmt.Printf("%s: good. Providers in use: %d.\n", source, len(cfg.Active()))
	for _, p := range cfg.Providers {
		if p.Disabled {
			fmt.Printf("  %s is not in use: %s\n", p.Name, p.Reason)
		}
	}
	return nil
}
