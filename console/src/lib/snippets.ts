/** One thing to paste: into a terminal, or into a file. */
export interface Block {
  /** A file name; none: a terminal. */
  file?: string
  code: string
}

/** How one client is set up. */
export interface Snippet {
  id: string
  title: string
  blocks: Block[]
}

export const keyPlaceholder = 'YOUR_KEY'
export const modelPlaceholder = 'YOUR_MODEL'

/** A word for a POSIX shell. */
export function shellQuote(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/** A string literal that JavaScript, Python and TOML read alike. */
function literal(text: string): string {
  return JSON.stringify(text)
}

function curl(origin: string, model: string, key: string): Block[] {
  const body = `{
    "model": ${literal(model)},
    "messages": [{"role": "user", "content": "Hello!"}]
  }`
  return [
    {
      code: `curl ${shellQuote(`${origin}/v1/chat/completions`)} \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d ${shellQuote(body)}`,
    },
  ]
}

function openaiPython(origin: string, model: string, key: string): Block[] {
  return [
    { code: 'pip install openai' },
    {
      file: 'hello.py',
      code: `from openai import OpenAI

client = OpenAI(
    base_url=${literal(`${origin}/v1`)},
    api_key="${key}",
)
answer = client.chat.completions.create(
    model=${literal(model)},
    messages=[{"role": "user", "content": "Hello!"}],
)
print(answer.choices[0].message.content)`,
    },
  ]
}

function openaiTypeScript(origin: string, model: string, key: string): Block[] {
  return [
    { code: 'npm install openai' },
    {
      file: 'hello.mts',
      code: `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: ${literal(`${origin}/v1`)},
  apiKey: "${key}",
});
const answer = await client.chat.completions.create({
  model: ${literal(model)},
  messages: [{ role: "user", content: "Hello!" }],
});
console.log(answer.choices[0]?.message.content);`,
    },
  ]
}

function anthropicPython(origin: string, model: string, key: string): Block[] {
  return [
    { code: 'pip install anthropic' },
    {
      file: 'hello.py',
      code: `from anthropic import Anthropic

client = Anthropic(
    base_url=${literal(origin)},
    api_key="${key}",
)
answer = client.messages.create(
    model=${literal(model)},
    max_tokens=1024,
    messages=[{"role": "user", "content": "Hello!"}],
)
print(answer.content[0].text)`,
    },
  ]
}

function anthropicTypeScript(origin: string, model: string, key: string): Block[] {
  return [
    { code: 'npm install @anthropic-ai/sdk' },
    {
      file: 'hello.mts',
      code: `import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({
  baseURL: ${literal(origin)},
  apiKey: "${key}",
});
const answer = await client.messages.create({
  model: ${literal(model)},
  max_tokens: 1024,
  messages: [{ role: "user", content: "Hello!" }],
});
console.log(answer.content);`,
    },
  ]
}

function claudeCode(origin: string, model: string, key: string): Block[] {
  return [
    {
      code: `export ANTHROPIC_BASE_URL=${shellQuote(origin)}
export ANTHROPIC_AUTH_TOKEN=${shellQuote(key)}
export ANTHROPIC_MODEL=${shellQuote(model)}
export ANTHROPIC_DEFAULT_HAIKU_MODEL=${shellQuote(model)}
claude`,
    },
  ]
}

function codex(origin: string, model: string, key: string): Block[] {
  return [
    {
      file: '~/.codex/config.toml',
      code: `model = ${literal(model)}
model_provider = "turnpike"

[model_providers.turnpike]
name = "Turnpike"
base_url = ${literal(`${origin}/v1`)}
env_key = "TURNPIKE_API_KEY"
wire_api = "responses"`,
    },
    {
      code: `export TURNPIKE_API_KEY=${shellQuote(key)}
codex`,
    },
  ]
}

function openCode(origin: string, model: string, key: string): Block[] {
  const provider = { npm: '@ai-sdk/openai-compatible', name: 'Turnpike', options: { baseURL: `${origin}/v1`, apiKey: key }, models: { [model]: {} } }
  return [{ file: 'opencode.json', code: JSON.stringify({ $schema: 'https://opencode.ai/config.json', model: `turnpike/${model}`, provider: { turnpike: provider } }, null, 2) }]
}

/** What is typed into a window of settings, one a line. */
function settings(where: string, lines: [string, string][]): Block[] {
  return [{ file: where, code: lines.map(([name, value]) => `${name}: ${value}`).join('\n') }]
}

function cursor(origin: string, model: string, key: string): Block[] {
  return settings('Cursor → Settings → Models', [
    ['OpenAI API Key', key],
    ['Override OpenAI Base URL', `${origin}/v1`],
    ['Add model', model],
  ])
}

function cline(origin: string, model: string, key: string): Block[] {
  return settings('Cline → Settings → API Configuration', [
    ['API Provider', 'OpenAI Compatible'],
    ['Base URL', `${origin}/v1`],
    ['API Key', key],
    ['Model ID', model],
  ])
}

const clients: [id: string, title: string, blocks: (origin: string, model: string, key: string) => Block[]][] = [
  ['curl', 'curl', curl],
  ['claude-code', 'Claude Code', claudeCode],
  ['codex', 'Codex', codex],
  ['cursor', 'Cursor', cursor],
  ['cline', 'Cline', cline],
  ['opencode', 'OpenCode', openCode],
  ['openai-python', 'OpenAI Python', openaiPython],
  ['openai-typescript', 'OpenAI TypeScript', openaiTypeScript],
  ['anthropic-python', 'Anthropic Python', anthropicPython],
  ['anthropic-typescript', 'Anthropic TypeScript', anthropicTypeScript],
]

/** Ready settings for every client, for a gateway at origin; without a key there is a place for it. */
export function snippets(origin: string, model: string, key = keyPlaceholder): Snippet[] {
  return clients.map(([id, title, blocks]) => ({ id, title, blocks: blocks(origin, model, key) }))
}

/** Cuts code at the placeholders, so that they can be shown as something to fill in. */
export function markPlaceholders(code: string): { text: string; placeholder: boolean }[] {
  return code
    .split(new RegExp(`(${keyPlaceholder}|${modelPlaceholder})`))
    .map((text, at) => ({ text, placeholder: at % 2 === 1 }))
    .filter((part) => part.text !== '')
}
