package admin

import (
	"slices"
	"time"
)

// operations is the table of all routes: method and path, what they need, what they do. The
// OpenAPI document is made of it, and nothing is served that is not in it.
func operations() []*operation {
	const month = 10 * time.Minute
	return append([]*operation{
		row("GET /admin/keys", KeysRead, "List keys", listKeys).within(),
		row("POST /admin/keys", KeysWrite, "Make a key; its secret is shown once", createKey).made().within(),
		row("POST /admin/keys/batch", KeysWrite, "Make up to 100 keys of names; their secrets are shown once", createKeys).made().within(),
		row("GET /admin/keys/export", KeysReveal, "Export keys with their hashes, without secrets", exportKeys).long(month).noted(),
		row("POST /admin/keys/import", KeysWrite, "Import a file of keys, of this gateway or others", importKeys).long(month),
		row("GET /admin/keys/{id}", KeysRead, "Show a key", getKey).within(),
		row("PATCH /admin/keys/{id}", KeysWrite, "Change a key", setKey).as("PUT").within(),
		row("DELETE /admin/keys/{id}", KeysWrite, "Revoke a key and let go of what was kept of its requests; it stays in the list", deleteKey).within(),
		row("POST /admin/keys/{id}/rotate", KeysWrite, "Give a key another secret; the old one stays good for a while", rotateKey).within(),
		row("POST /admin/keys/{id}/revoke", KeysWrite, "Revoke a key for good", revokeKey).within(),
		row("POST /admin/keys/{id}/recharge", BudgetsWrite, "Add to what the budget of a key may spend in this period", rechargeKey).within(),
		row("POST /admin/keys/{id}/adjust", BudgetsWrite, "Add to what the budget of a key may spend in this period, or take away, and say why", adjustKey).within(),
		row("POST /admin/keys/{id}/reveal", KeysReveal, "Show the secret of a key again, where secrets are kept", revealKey).within(),

		row("GET /admin/teams", TeamsRead, "List teams", teams.list).within(),
		row("POST /admin/teams", TeamsWrite, "Make a team", createScope[TeamCreate](teams)).made(),
		row("GET /admin/teams/{id}", TeamsRead, "Show a team", teams.get).within(),
		row("PATCH /admin/teams/{id}", TeamsWrite, "Change a team", setScope[TeamEdit](teams)).within(),
		row("DELETE /admin/teams/{id}", TeamsWrite, "Delete a team with its limits and budgets", teams.remove).within(),
		row("GET /admin/users", TeamsRead, "List users", users.list),
		row("POST /admin/users", TeamsWrite, "Make a user", createScope[UserCreate](users)).made(),
		row("GET /admin/users/{id}", TeamsRead, "Show a user", users.get),
		row("PATCH /admin/users/{id}", TeamsWrite, "Change a user", setScope[UserEdit](users)),
		row("DELETE /admin/users/{id}", TeamsWrite, "Delete a user with its limits and budgets", users.remove),
		row("GET /admin/tags", TeamsRead, "List tags that have limits, budgets or a description", tags.list),
		row("GET /admin/tags/{id}", TeamsRead, "Show a tag", tags.get),
		row("PATCH /admin/tags/{id}", TeamsWrite, "Change a tag, or say something of a new one", setScope[OrgEdit](tags)),
		row("DELETE /admin/tags/{id}", TeamsWrite, "Delete what was said of a tag, and its budgets; keys keep the word", tags.remove),
		row("GET /admin/organisation", TeamsRead, "Show the organisation: its limits and budgets hold for all requests", org.get),
		row("PATCH /admin/organisation", TeamsWrite, "Change the organisation", setScope[OrgEdit](org)),

		row("GET /admin/budgets", BudgetsRead, "List budgets and how they stand", listBudgets).within(),
		row("POST /admin/budgets", BudgetsWrite, "Set a budget; one of the same unit and period is changed", createBudget).made().within(),
		row("GET /admin/budgets/{id}", BudgetsRead, "Show a budget and how it stands", getBudget).within(),
		row("PATCH /admin/budgets/{id}", BudgetsWrite, "Change a budget", setBudget).within(),
		row("DELETE /admin/budgets/{id}", BudgetsWrite, "Delete a budget", deleteBudget).within(),
		row("POST /admin/budgets/{id}/reset", BudgetsWrite, "Forget what a budget has spent in this period", resetBudget).within(),
		row("POST /admin/budgets/{id}/recharge", BudgetsWrite, "Add to what a budget may spend in this period", rechargeBudget).within(),
		row("POST /admin/budgets/{id}/adjust", BudgetsWrite, "Add to what a budget may spend in this period, or take away, and say why", adjustBudget).within(),
		row("GET /admin/budgets/{id}/events", BudgetsRead, "List resets, recharges and adjustments", budgetEvents).within(),

		row("GET /admin/providers", ProvidersRead, "List providers with how they are", listProviders).within(),
		row("POST /admin/providers", ProvidersWrite, "Make a provider; its secrets are never shown again", createProvider).made().hiding("headers", "access_key_id"),
		row("POST /admin/providers/test", ProvidersWrite, "Try a provider that is not kept", tryProvider).named("providers.try").hiding("headers", "access_key_id"),
		row("GET /admin/providers/{id}", ProvidersRead, "Show a provider with how its models are", getProvider).within(),
		row("PATCH /admin/providers/{id}", ProvidersWrite, "Change a provider, or switch it on or off, in all gateways", setProvider).as("PUT").within().hiding("headers", "access_key_id"),
		row("DELETE /admin/providers/{id}", ProvidersWrite, "Delete a provider; one that the configuration declares stays", deleteProvider).within(),
		row("GET /admin/providers/{id}/health", ProvidersRead, "Show how the attempts at a provider ended, by hour and model", providerHours).within(),
		row("POST /admin/providers/{id}/test", ProvidersWrite, "Ask a provider for its models", testProvider).within(),
		row("POST /admin/providers/{id}/models", ProvidersWrite, "Switch a model of a provider off or on, in all gateways", switchModel).within(),
		row("POST /admin/providers/{id}/retry", ProvidersWrite, "End the cool-downs of a provider at this gateway: the next request tries it", retryProvider).within(),

		row("GET /admin/models", ModelsRead, "List the models that can be asked for, with what is known of them", listModels),
		row("GET /admin/catalog", ModelsRead, "List what is known of models, with sources", listCatalog),
		row("GET /admin/prices", ModelsRead, "List prices", listPrices),
		row("POST /admin/prices", PricesWrite, "Set a price by hand", setPrice).made().within(),
		row("DELETE /admin/prices", PricesWrite, "Take out what was set by hand", removePrice).within(),
		row("POST /admin/prices/sync", PricesWrite, "Ask the configured sources for news", syncPrices).long(month),
		row("POST /admin/prices/rerate", PricesWrite, "Price the attempts of a period anew, or show what that would change", ratePrices).long(month),

		row("GET /admin/usage", UsageRead, "Sum usage; as CSV where Accept asks for it", sumUsage).gives("text/csv").long(month).within(),
		row("GET /admin/usage/export", UsageRead, "Export usage as CSV or FOCUS", exportUsage).gives("text/csv").long(4 * time.Hour).noted(),
		row("GET /admin/attempts", UsageRead, "Search the request log", listAttempts).within(),
		row("GET /admin/conversations", UsageRead, "Sum the request log by conversation", listConversations).within(),
		row("GET /admin/requests/{id}", UsageRead, "Show a request with its attempts and the arithmetic of its cost", getRequest).within(),

		row("GET /admin/requests/{id}/payload", PayloadsRead, "Show what a request said, where that is kept", getPayload).noted(),

		row("GET /admin/alerts", MonitorRead, "List alert rules, channels and what was told", getAlerts),
		row("POST /admin/alerts/channels/{id}/test", MonitorWrite, "Send a test message", testChannel).long(2 * time.Minute),
		row("GET /admin/affinity", MonitorRead, "Count the conversations that are kept at each provider", getAffinity),
		row("POST /admin/affinity/unpin", MonitorWrite, "Let conversations go", unpin),
		row("GET /admin/health", MonitorRead, "Show how this gateway stands", getHealth),
		row("GET /admin/audit", AuditRead, "Search the audit log, the newest first", listAudit),
		row("GET /admin/audit/export", AuditRead, "Export the audit log as CSV or JSON lines, the oldest first", exportAudit).gives("text/csv", "application/jsonl").long(time.Hour).noted(),
		row("GET /admin/audit/verify", AuditRead, "Look through the chain of the audit log for the first bad row", verifyAudit).long(month),
		row("GET /admin/settings", SettingsRead, "Show the configuration in force, without secrets", getSettings),
	}, slices.Concat(loginOperations(), peopleOperations(), liveOperations())...)
}
