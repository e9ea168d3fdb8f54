package config

import "time"

// Firewall stands where no other one is before the gateway. It is off unless enabled.
type Firewall struct {
	// Enabled turns it on.
	Enabled bool `yaml:"enabled"`
	// Auth, Inference and All are how many requests an address, or a valid key, may make in
	// a window: to sign in, to models, and in all; 0 bounds nothing.
	Auth      int `yaml:"auth"`
	Inference int `yaml:"inference"`
	All       int `yaml:"all"`
	// Window is the time these hold for.
	Window time.Duration `yaml:"window"`
}

func defaultFirewall() Firewall {
	return Firewall{Auth: 20, Inference: 300, All: 2000, Window: 5 * time.Minute}
}

func validateFirewall(f *Firewall, r *report) {
	for name, n := range map[string]int{"auth": f.Auth, "inference": f.Inference, "all": f.All} {
		if n < 0 {
			r.add("firewall."+name, "must be 0 (no bound) or more")
		}
	}
	if f.Window < time.Second || f.Window > longest {
		r.add("firewall.window", "must be between 1s and %s", longest)
	}
}
