// Exercises every operation of the admin API by a client made of its document: the compiler holds
// what is sent and read against the document, the gateway's answers must be successes. Operations
// that no line here names are called with what they need least: they must be refused properly at worst.
import { readFileSync } from "node:fs";
import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./api.js";

const base = process.env.TURNPIKE_URL ?? "";
const key = process.env.TURNPIKE_ADMIN_KEY ?? "";

type Operation = { operationId: string; parameters?: { name: string; in: string; required: boolean }[]; requestBody?: unknown };
const doc = JSON.parse(readFileSync("openapi.json", "utf8")) as { paths: Record<string, Record<string, Operation>> };

const done = new Set<string>();
const failures: string[] = [];

const watch: Middleware = {
  onRequest({ request, schemaPath }) {
    done.add(request.method + " " + schemaPath);
    request.headers.set("Authorization", "Bearer " + key);
    return request;
  },
};
const client = createClient<paths>({ baseUrl: base });
client.use(watch);

// must is the answer of a call that has to succeed.
async function must<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok || data === undefined) {
    failures.push(`${response.url}: ${response.status} ${JSON.stringify(error)}`);
    throw new Error(failures[failures.length - 1]);
  }
  return data;
}

const text = { parseAs: "text" } as const;
const at = (id: string) => ({ params: { path: { id } } });

async function keys() {
  const made = await must(client.POST("/admin/keys", { body: { name: "typed", qpm: 60, tags: ["typed"] } }));
  const id = made.id;
  await must(client.POST("/admin/keys/batch", { body: { names: ["one", "two"] } }));
  await must(client.GET("/admin/keys", { params: { query: { limit: 1, sort: "name" } } }));
  await must(client.GET("/admin/keys/{id}", at(id)));
  await must(client.PATCH("/admin/keys/{id}", { ...at(id), body: { description: "by a client", tpm: null } }));
  await must(client.PUT("/admin/keys/{id}", { ...at(id), body: { enabled: true } }));
  await must(client.POST("/admin/keys/{id}/rotate", { ...at(id), body: {} }));
  await must(client.POST("/admin/keys/{id}/reveal", at(id)));
  const file = await must(client.GET("/admin/keys/export"));
  await must(client.POST("/admin/keys/import", { params: { query: { dry_run: true } }, body: file as never }));
  await must(client.POST("/admin/keys/{id}/revoke", at(id)));
  await must(client.DELETE("/admin/keys/{id}", at(id)));
}

async function scopes() {
  const team = await must(client.POST("/admin/teams", { body: { name: "typed-team", qpm: 100 } }));
  await must(client.GET("/admin/teams"));
  await must(client.GET("/admin/teams/{id}", at(team.id)));
  await must(client.PATCH("/admin/teams/{id}", { ...at(team.id), body: { description: "of a client" } }));
  const user = await must(client.POST("/admin/users", { body: { name: "typed-user", teams: [team.id] } }));
  await must(client.GET("/admin/users"));
  await must(client.GET("/admin/users/{id}", at(user.id)));
  await must(client.PATCH("/admin/users/{id}", { ...at(user.id), body: { email: "user@example.org" } }));
  await must(client.PATCH("/admin/tags/{id}", { ...at("typed"), body: { description: "a word" } }));
  await must(client.GET("/admin/tags"));
  await must(client.GET("/admin/tags/{id}", at("typed")));
  await must(client.GET("/admin/organisation"));
  await must(client.PATCH("/admin/organisation", { body: { description: "all of it" } }));
  const budget = await must(client.POST("/admin/budgets", { body: { scope: "team", scope_id: team.id, period: "monthly", limit_usd: "25" } }));
  await must(client.GET("/admin/budgets"));
  await must(client.GET("/admin/budgets/{id}", at(budget.id)));
  await must(client.PATCH("/admin/budgets/{id}", { ...at(budget.id), body: { limit_usd: "30" } }));
  await must(client.POST("/admin/budgets/{id}/recharge", { ...at(budget.id), body: { amount: "5" } as never }));
  await must(client.POST("/admin/budgets/{id}/adjust", { ...at(budget.id), body: { amount: "-2.50", note: "a wrong charge" } }));
  await must(client.POST("/admin/budgets/{id}/reset", { ...at(budget.id), body: {} as never }));
  await must(client.GET("/admin/budgets/{id}/events", at(budget.id)));
  await must(client.DELETE("/admin/budgets/{id}", at(budget.id)));
  await must(client.DELETE("/admin/tags/{id}", at("typed")));
  await must(client.DELETE("/admin/users/{id}", at(user.id)));
  await must(client.DELETE("/admin/teams/{id}", at(team.id)));
}

async function providers() {
  const made = await must(client.POST("/admin/providers", { body: { name: "typed", type: "sandbox", weight: 5, models: ["sandbox"] } }));
  await must(client.GET("/admin/providers"));
  await must(client.GET("/admin/providers/{id}", at(made.id)));
  await must(client.PATCH("/admin/providers/{id}", { ...at(made.id), body: { weight: 6 } }));
  await must(client.PUT("/admin/providers/{id}", { ...at(made.id), body: { enabled: true } }));
  await must(client.POST("/admin/providers/test", { body: { type: "sandbox" } }));
  await must(client.POST("/admin/providers/{id}/test", at(made.id)));
  await must(client.POST("/admin/providers/{id}/models", { ...at(made.id), body: { model: "sandbox", enabled: false, reason: "a client's" } }));
  await must(client.POST("/admin/providers/{id}/models", { ...at(made.id), body: { model: "sandbox", enabled: true } }));
  await must(client.GET("/admin/providers/{id}/health", at(made.id)));
  await must(client.POST("/admin/aliases", { body: { match: "typed-alias", to: ["typed/sandbox"] } }));
  await must(client.GET("/admin/aliases"));
  await must(client.GET("/admin/aliases/{id}", at("typed-alias")));
  await must(client.PATCH("/admin/aliases/{id}", { ...at("typed-alias"), body: { strategy: "priority" } }));
  const route = await must(client.GET("/admin/route", { params: { query: { model: "typed-alias" } } }));
  if (route.targets[0]?.provider !== "typed") failures.push("the alias does not lead to the provider");
  await must(client.GET("/admin/routing"));
  await must(client.PATCH("/admin/routing", { body: { model: "typed-alias" } }));
  await must(client.PATCH("/admin/routing", { body: { model: null } }));
  await must(client.DELETE("/admin/aliases/{id}", at("typed-alias")));
  await must(client.DELETE("/admin/providers/{id}", at(made.id)));
}

async function models() {
  await must(client.GET("/admin/models"));
  await must(client.GET("/admin/catalog", { params: { query: { model: "gpt-5" } } }));
  await must(client.POST("/admin/catalog/rules", { body: { name: "typed", match: ["house-*"], caps: { max_output: 1000 } } }));
  await must(client.GET("/admin/catalog/rules"));
  await must(client.GET("/admin/catalog/rules/{id}", at("typed")));
  await must(client.PATCH("/admin/catalog/rules/{id}", { ...at("typed"), body: { match: ["house-2*"] } }));
  await must(client.DELETE("/admin/catalog/rules/{id}", at("typed")));
  await must(client.GET("/admin/prices"));
  await must(client.POST("/admin/prices", { body: { model: "house-1", prices: { input: "1", output: "2" } } }));
  await must(client.DELETE("/admin/prices", { params: { query: { model: "house-1" } } }));
  await client.POST("/admin/prices/sync"); // refused: the configuration names no source
  await must(client.POST("/admin/prices/rerate", { body: { from: "2026-01-01", dry_run: true } }));
}

async function monitor() {
  await must(client.GET("/admin/usage"));
  await must(client.GET("/admin/usage/export", text));
  const log = await must(client.GET("/admin/attempts"));
  await must(client.GET("/admin/requests/{id}", at(log.attempts[0]?.request_id ?? "")));
  await must(client.GET("/admin/alerts"));
  await must(client.POST("/admin/alerts/channels", { body: { name: "typed", type: "slack", url: "https://hooks.example/x" } }));
  await must(client.GET("/admin/alerts/channels"));
  await must(client.GET("/admin/alerts/channels/{id}", at("typed")));
  await must(client.PATCH("/admin/alerts/channels/{id}", { ...at("typed"), body: { url: "https://hooks.example/y" } }));
  await must(client.POST("/admin/alerts/channels/{id}/test", at("log")));
  await must(client.POST("/admin/alerts/rules", { body: { name: "typed", when: "spend", above: "5", per: "day", channels: ["typed"] } }));
  await must(client.GET("/admin/alerts/rules"));
  await must(client.GET("/admin/alerts/rules/{id}", at("typed")));
  await must(client.PATCH("/admin/alerts/rules/{id}", { ...at("typed"), body: { above: "6" } }));
  await must(client.DELETE("/admin/alerts/rules/{id}", at("typed")));
  await must(client.DELETE("/admin/alerts/channels/{id}", at("typed")));
  await must(client.GET("/admin/affinity"));
  await must(client.POST("/admin/affinity/unpin", { body: { provider: "box" } }));
  await must(client.GET("/admin/health"));
  await must(client.GET("/admin/settings"));
}

async function configuration() {
  const file = await must(client.GET("/admin/config/export", text));
  await must(client.POST("/admin/config/export", { body: { passphrase: "a typed passphrase" }, ...text }));
  await must(client.POST("/admin/config/import", { body: { configuration: file, dry_run: true } }));
  await must(client.POST("/admin/config/reload"));
}

// rest calls what no line above named: by whoever it is served, it must not fail.
async function rest() {
  for (const [path, methods] of Object.entries(doc.paths)) {
    for (const [method, op] of Object.entries(methods)) {
      const name = method.toUpperCase() + " " + path;
      if (done.has(name)) continue;
      done.add(name);
      const response = await fetch(base + path.replace(/\{\w+\}/g, "nobody"), {
        method: method.toUpperCase(),
        headers: { Authorization: "Bearer " + key, "Content-Type": "application/json" },
        ...(op.requestBody ? { body: "{}" } : {}),
        redirect: "manual",
      });
      const type = response.headers.get("Content-Type") ?? "";
      if (response.status >= 500 || (response.status >= 400 && !type.startsWith("application/problem+json"))) {
        failures.push(`${name}: ${response.status} ${type}`);
      }
      await response.body?.cancel();
      console.log(`not named here: ${name}: ${response.status}`);
    }
  }
}

for (const part of [keys, scopes, providers, models, monitor, configuration, rest]) {
  try {
    await part();
  } catch (e) {
    if (failures.length === 0) failures.push(String(e));
  }
}
console.log(`${done.size} operations`);
if (failures.length > 0) {
  console.error(failures.join("\n"));
  process.exit(1);
}
