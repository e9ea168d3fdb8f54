package admin

// liveOperations are the routes of what can be declared and set, beside providers.
func liveOperations() []*operation {
	return []*operation{
		row("GET /admin/catalog/rules", ModelsRead, "List the operator's own rules about models", modelRules.list),
		row("POST /admin/catalog/rules", ModelsWrite, "Say something of models that stands above the catalogue", modelRules.create).made(),
		row("GET /admin/catalog/rules/{id}", ModelsRead, "Show a rule about models", modelRules.get),
		row("PATCH /admin/catalog/rules/{id}", ModelsWrite, "Change a rule about models", modelRules.edit),
		row("DELETE /admin/catalog/rules/{id}", ModelsWrite, "Delete a rule about models", modelRules.remove),
		row("GET /admin/aliases", ModelsRead, "List aliases", listAliases),
		row("POST /admin/aliases", ModelsWrite, "Make an alias: a name for a chain of models", aliases.create).made(),
		row("GET /admin/aliases/{id}", ModelsRead, "Show an alias", aliases.get),
		row("PATCH /admin/aliases/{id}", ModelsWrite, "Change an alias", aliases.edit),
		row("DELETE /admin/aliases/{id}", ModelsWrite, "Delete an alias", aliases.remove),
		row("GET /admin/routing", ModelsRead, "Show what holds where requests and keys say nothing", getRouting),
		row("PATCH /admin/routing", ModelsWrite, "Change the default provider, model or strategy", setRouting),
		row("GET /admin/route", ModelsRead, "Tell where a request would go, and why", getRoute),
		row("GET /admin/alerts/rules", MonitorRead, "List alert rules", alertRules.list),
		row("POST /admin/alerts/rules", MonitorWrite, "Make an alert rule", alertRules.create).made(),
		row("GET /admin/alerts/rules/{id}", MonitorRead, "Show an alert rule", alertRules.get),
		row("PATCH /admin/alerts/rules/{id}", MonitorWrite, "Change an alert rule", alertRules.edit),
		row("DELETE /admin/alerts/rules/{id}", MonitorWrite, "Delete an alert rule", alertRules.remove),
		row("GET /admin/alerts/channels", MonitorRead, "List the ways to tell people", alertChannels.list),
		row("POST /admin/alerts/channels", MonitorWrite, "Make a channel; its secrets are never shown again", alertChannels.create).made().hiding("url", "headers"),
		row("GET /admin/alerts/channels/{id}", MonitorRead, "Show a channel", alertChannels.get),
		row("PATCH /admin/alerts/channels/{id}", MonitorWrite, "Change a channel", alertChannels.edit).hiding("url", "headers"),
		row("DELETE /admin/alerts/channels/{id}", MonitorWrite, "Delete a channel", alertChannels.remove),
		row("GET /admin/config/export", SettingsRead, "Export the configuration in force as a file, without secrets", exportConfig).gives("application/yaml"),
		row("POST /admin/config/export", SettingsWrite, "Export the configuration in force as a file, with its secrets encrypted to a passphrase", exportSealed).gives("application/yaml"),
		row("POST /admin/config/import", SettingsWrite, "Set what a file says, or tell what that would change", importConfig).hiding("configuration"),
		row("POST /admin/config/reload", SettingsWrite, "Read the configuration of this gateway again", reloadConfig),
	}
}
