package admin

import (
	"errors"
	"io"

	"turnpike/internal/declare"
	"turnpike/internal/live"
)

// ConfigExport says what is exported.
type ConfigExport struct {
	Passphrase string `json:"passphrase,omitempty" say:"encrypts the secrets, at least 12 characters; without it they are left out"`
}

// exportConfig answers with the configuration in force as a file that the gateway takes.
// Secrets are left out: variables stand in their places.
func exportConfig(c *call, _ *nothing, _ *nothing) (*file, error) { return c.exported("") }

// exportSealed does so with the secrets, encrypted to a passphrase.
func exportSealed(c *call, _ *nothing, b *ConfigExport) (*file, error) {
	return c.exported(b.Passphrase)
}

func (c *call) exported(passphrase string) (*file, error) {
	off, err := c.Store.ProviderSwitches(c.ctx)
	if err != nil {
		return nil, err
	}
	people, err := declare.People(c.ctx, c.Store, c.who.May(KeysReveal))
	if err != nil {
		return nil, err
	}
	if people.Groups, err = declare.Groups(c.ctx, c.Store, c.Live.State().Config); err != nil {
		return nil, err
	}
	text, _, err := c.Live.State().Export(passphrase, off, people)
	if bad, ok := errors.AsType[*live.Unusable](err); ok {
		return nil, badField("passphrase", bad)
	}
	if err != nil {
		return nil, err
	}
	return &file{media: "application/yaml", name: "turnpike.yaml", write: func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}}, nil
}

// ConfigImport is a file whose settings are to be set.
type ConfigImport struct {
	Configuration string `json:"configuration" say:"the text of the file, YAML"`
	Passphrase    string `json:"passphrase,omitempty" say:"opens its secrets, where they are encrypted"`
	Prune         bool   `json:"prune,omitempty" say:"take away what was set and the file does not have"`
	Dry           bool   `json:"dry_run,omitempty" say:"say what would be done, and do nothing"`
}

// ConfigImported is what came of it.
type ConfigImported struct {
	Changes []live.Change `json:"changes"`
	Skipped []string      `json:"skipped" say:"settings of the file that hold from a start alone"`
	Unset   []string      `json:"unset" say:"secrets that the file leaves to variables: those that are kept stay"`
	Dry     bool          `json:"dry_run"`
}

func importConfig(c *call, _ *nothing, b *ConfigImport) (ConfigImported, error) {
	in, err := live.NewImport(b.Configuration, b.Passphrase)
	if err != nil {
		return ConfigImported{}, badField("passphrase", err)
	}
	in.Prune, in.Dry = b.Prune, b.Dry
	done, err := declare.Import(c.ctx, c.Live, c.Store, *in, c.Now())
	if errors.Is(err, live.ErrDocument) {
		return ConfigImported{}, badField("configuration", errors.New(c.Hide(err.Error())))
	}
	if bad, ok := errors.AsType[*live.Unfit](err); ok {
		return ConfigImported{}, badField("configuration", bad)
	}
	if bad, ok := errors.AsType[*live.Invalid](err); ok {
		list := make([]FieldError, 0, len(bad.Misfits))
		for _, m := range bad.Misfits {
			list = append(list, FieldError{Pointer: "#/configuration", Detail: c.Hide(m.String())})
		}
		return ConfigImported{}, badFields(list)
	}
	if err != nil {
		return ConfigImported{}, err
	}
	if !b.Dry {
		if err := c.switchAll(done); err != nil {
			return ConfigImported{}, err
		}
	}
	return ConfigImported{
		Changes: append([]live.Change{}, done.Changes...), Skipped: append([]string{}, done.Skipped...), Unset: append([]string{}, done.Unset...), Dry: b.Dry,
	}, nil
}

// switchAll switches providers off and on as a file has them.
func (c *call) switchAll(done *live.Imported) error {
	for _, name := range done.Off {
		if a := c.Table.Account(name); a != nil && a.Out() == "" {
			if err := c.switchTo(name, noReason); err != nil {
				return err
			}
		}
	}
	for _, name := range done.On {
		if a := c.Table.Account(name); a != nil && a.Switched() != "" {
			if err := c.switchTo(name, ""); err != nil {
				return err
			}
		}
	}
	return nil
}
