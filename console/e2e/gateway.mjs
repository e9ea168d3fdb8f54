// Starts the real binary with the sandbox, accounts that cannot be reached, and a seeded month of usage.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHTTP } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
export const adminKey = 'tp-admin-console-tests'
export const member = { login: 'ada', password: 'a long enough passphrase' }

/** A port that is free now. */
export function freePort() {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

function configuration(port, dir, { more = '', providers = '', bare = false, auth = 'local: true' }) {
  // Nobody listens at port 9: these accounts are there to be looked at.
  return `${more}
server: { host: 127.0.0.1, port: ${port}, public_url: "http://127.0.0.1:${port}" }
data_dir: ${join(dir, 'data')}
auth: { admin_key: ${adminKey}, ${auth} }
payloads: { log: true }
${bare ? '' : looked(providers)}`
}

const looked = (providers) => `aliases:
  - { match: "fast*", to: [claude/claude-haiku-4-5, gpt-5-mini] }
providers:
  - { name: sandbox, type: sandbox }
  - { name: claude, type: anthropic, api_key: none, base_url: "http://127.0.0.1:9" }
  - { name: openai-main, type: openai, api_key: none, base_url: "http://127.0.0.1:9/v1" }
${providers}
alerts:
  rules:
    - { name: a dear day, when: spend, above: 250, per: day }
    - { name: errors, when: errors, above: 20%, least: 50 }
`

/** Starts a stand-in for Kiro or Copilot that lets everybody in; settings is the file its accounts are configured with. */
export async function startStandin(kind) {
  const dir = mkdtempSync(join(tmpdir(), `turnpike-${kind}-`))
  const program = join(dir, 'standin')
  const built = spawnSync('go', ['build', '-o', program, '.ci/standin.go'], { cwd: root, encoding: 'utf8' })
  if (built.status !== 0) throw new Error(`standin: ${built.stderr}`)
  const settings = join(dir, 'settings.json')
  const child = spawn(program, [kind, 'http://127.0.0.1:9', settings], { stdio: ['pipe', 'ignore', 'inherit'] })
  for (let tries = 0; !existsSync(settings); tries++) {
    if (tries === 300 || child.exitCode !== null) throw new Error(`the stand-in for ${kind} does not come`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    settings,
    stop() {
      child.stdin.end() // it lives as long
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Starts a gateway; with a month of usage unless it is to be a new one. A bare one has the sandbox alone. */
export async function startGateway({ seeded = true, port: wanted, ...words } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'turnpike-console-'))
  const port = wanted ?? (await freePort())
  const config = join(dir, 'turnpike.yaml')
  writeFileSync(config, configuration(port, dir, words))
  const child = spawn(join(root, 'bin/turnpike'), ['serve', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'], cwd: dir })
  let log = ''
  child.stdout.on('data', (text) => (log += text))
  child.stderr.on('data', (text) => (log += text))
  const origin = `http://127.0.0.1:${port}`
  const gateway = {
    origin,
    log: () => log,
    stop: () =>
      new Promise((resolve) => {
        child.on('exit', () => {
          rmSync(dir, { recursive: true, force: true })
          resolve()
        })
        child.kill('SIGTERM')
      }),
    /** Asks the admin API. */
    async api(method, path, body) {
      const response = await fetch(origin + path, {
        method,
        headers: { Authorization: `Bearer ${adminKey}`, 'Content-Type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const answer = await response.json()
      if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`)
      return answer
    },
    /** Asks the sandbox as a client does; a new key opens within a second. */
    async ask(key, text, model = 'sandbox') {
      for (let tries = 0; ; tries++) {
        const response = await fetch(`${origin}/v1/chat/completions`, {
          method: 'POST',
          headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
          body: JSON.stringify({ model, messages: [{ role: 'user', content: text }] }),
        })
        const body = await response.json()
        if (response.status !== 401 || tries === 50) return { status: response.status, id: response.headers.get('x-request-id'), body }
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    },
    /** Waits until the ledger has requests. */
    async known(ids) {
      for (const id of ids) {
        for (let tries = 0; tries < 100; tries++) {
          const { attempts } = await gateway.api('GET', `/admin/attempts?request_id=${id}&limit=1`)
          if (attempts.length > 0) break
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
      }
    },
  }
  await ready(origin, () => child.exitCode !== null, () => log)
  if (seeded) await seed(gateway, join(dir, 'data', 'turnpike.db'))
  return gateway
}

/** A server that answers as OpenAI-compatible ones do, for one key. */
export function startUpstream(key) {
  const server = createHTTP((request, response) => {
    const say = (status, body) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
    request.resume()
    if (request.headers.authorization !== `Bearer ${key}`) return say(401, { error: { message: 'Incorrect API key provided', type: 'invalid_request_error', code: 'invalid_api_key' } })
    if (request.url.endsWith('/models')) return say(200, { object: 'list', data: [{ id: 'little-model', object: 'model', owned_by: 'test' }] })
    const chunk = (delta, finish) => `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'little-model', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.end(`${chunk({ role: 'assistant', content: 'hello from the little model' }, null)}${chunk({}, 'stop')}data: [DONE]\n\n`)
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ origin: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() }))
  })
}

async function ready(origin, gone, log) {
  for (let tries = 0; tries < 300; tries++) {
    if (gone()) throw new Error(`the gateway ended:\n${log()}`)
    const answer = await fetch(`${origin}/health`).catch(() => null)
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`the gateway does not answer:\n${log()}`)
}

async function seed(gateway, database) {
  const team = await gateway.api('POST', '/admin/teams', { name: 'Platform', description: 'Shared services', rpm: 600 })
  const other = await gateway.api('POST', '/admin/teams', { name: 'Research' })
  const user = await gateway.api('POST', '/admin/users', { name: 'Ada', email: 'ada@example.org', teams: ['Platform'] })
  const keys = []
  for (const [name, body] of [
    ['ada-laptop', { team: 'Platform', user: 'Ada', tags: ['web', 'agents'], rpm: 60, tpm: 200000 }],
    ['ci-pipeline', { team: 'Platform', tags: ['ci'], allowed_models: ['claude-*', 'fast'] }],
    ['notebook', { team: 'Research', tags: ['web'] }],
  ]) {
    const made = await gateway.api('POST', '/admin/keys', { name, ...body })
    keys.push({ id: made.id, team: made.team_id, user: made.user_id ?? '', tags: body.tags })
  }
  await gateway.api('POST', '/admin/budgets', { scope: 'key', scope_id: keys[0].id, period: 'monthly', limit_usd: '100' })
  await gateway.api('POST', '/admin/budgets', { scope: 'team', scope_id: team.id, period: 'daily', limit_usd: '25', soft: true })
  // People: a member with a key of her own, and somebody who is invited.
  const account = await gateway.api('POST', '/admin/accounts', { login: member.login, name: 'Ada Lovelace', email: 'ada@example.org', role: 'member', user_id: user.id, teams: ['Platform'], password: member.password })
  await gateway.api('POST', '/admin/accounts', { login: 'grace', name: 'Grace Hopper', role: 'admin', scopes: { keys: ['*'], usage: [team.id] }, password: member.password })
  await gateway.api('POST', '/admin/invitations', { email: 'alan@example.org', role: 'auditor' })
  await gateway.api('POST', '/admin/services', {
    name: 'release',
    issuer: 'https://token.actions.githubusercontent.com',
    audience: gateway.origin,
    claims: { repository: 'acme/release', ref: 'refs/heads/main' },
    role: 'admin',
    scopes: { keys: ['*'] },
  })
  // The sandbox is free; with a price a cost can be compared.
  await gateway.api('POST', '/admin/prices', { model: 'sandbox', prices: { input: '3', output: '15', cache_read: '0.3' } })
  const run = spawnSync('go', ['run', './console/e2e/seed', database], { cwd: root, input: JSON.stringify({ keys }), encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`seed: ${run.stderr}`)
  Object.assign(gateway, { keys, team, other, user, account })
}
