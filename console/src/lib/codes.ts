import type { Dialect, Question } from '../api/talk/types'
import { type Block, keyPlaceholder, shellQuote, snippets } from './snippets'

/** The ways a question can be taken along. */
export const codes = ['curl', 'python', 'typescript', 'claude-code', 'codex'] as const
export type Code = (typeof codes)[number]

/** Long texts, such as pictures, are cut where they would only be in the way. */
function shorten(value: unknown): unknown {
  if (typeof value === 'string') return value.length > 4000 ? `${value.slice(0, 40)}…` : value
  if (Array.isArray(value)) return value.map((item) => shorten(item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shorten(item)]))
}

/** A value as Python writes it. */
export function python(value: unknown, indent = ''): string {
  const deeper = `${indent}    `
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[\n${value.map((item) => `${deeper}${python(item, deeper)},\n`).join('')}${indent}]`
  if (typeof value === 'object') {
    const members = Object.entries(value).map(([name, item]) => `${deeper}${JSON.stringify(name)}: ${python(item, deeper)},\n`)
    return members.length === 0 ? '{}' : `{\n${members.join('')}${indent}}`
  }
  return JSON.stringify(value)
}

const sdks: Record<string, { call: string; text: string; py: string; ts: string }> = {
  chat: { call: 'chat.completions.create', text: 'chunk', py: 'openai', ts: 'openai' },
  responses: { call: 'responses.create', text: 'event', py: 'openai', ts: 'openai' },
  messages: { call: 'messages.create', text: 'event', py: 'anthropic', ts: '@anthropic-ai/sdk' },
}

function pythonCode(origin: string, dialect: Dialect, question: Question, body: Record<string, unknown>): string {
  const sdk = sdks[dialect.id]
  if (!sdk) {
    return `import httpx

with httpx.stream(
    "POST",
    ${JSON.stringify(origin + dialect.path(question))},
    headers={"Authorization": "Bearer ${keyPlaceholder}"},
    json=${python(body, '    ')},
    timeout=600,
) as answer:
    for piece in answer.iter_raw():
        print(piece)`
  }
  const members = Object.entries(body).map(([name, value]) => `    ${name}=${python(value, '    ')},\n`)
  const [type, base] = sdk.py === 'openai' ? ['OpenAI', `${origin}/v1`] : ['Anthropic', origin]
  return `from ${sdk.py} import ${type}

client = ${type}(base_url=${JSON.stringify(base)}, api_key="${keyPlaceholder}")
stream = client.${sdk.call}(
${members.join('')})
for ${sdk.text} in stream:
    print(${sdk.text})`
}

function typescriptCode(origin: string, dialect: Dialect, question: Question, body: Record<string, unknown>): string {
  const sdk = sdks[dialect.id]
  const json = JSON.stringify(body, null, 2)
  if (!sdk) {
    return `const answer = await fetch(${JSON.stringify(origin + dialect.path(question))}, {
  method: "POST",
  headers: { Authorization: "Bearer ${keyPlaceholder}", "Content-Type": "application/json" },
  body: JSON.stringify(${json.replaceAll('\n', '\n  ')}),
});
for await (const piece of answer.body!) console.log(piece);`
  }
  const [type, base] = sdk.ts === 'openai' ? ['OpenAI', `${origin}/v1`] : ['Anthropic', origin]
  return `import ${type} from "${sdk.ts}";

const client = new ${type}({ baseURL: ${JSON.stringify(base)}, apiKey: "${keyPlaceholder}" });
const stream = await client.${sdk.call}(${json});
for await (const ${sdk.text} of stream) console.log(${sdk.text});`
}

/** A question as code that asks the same. */
export function codeOf(code: Code, origin: string, dialect: Dialect, question: Question): Block[] {
  const body = shorten(dialect.body(question)) as Record<string, unknown>
  if (code === 'curl') {
    const extra = Object.entries(dialect.headers ?? {}).map(([name, value]) => `  -H ${shellQuote(`${name}: ${value}`)} \\\n`)
    return [
      {
        code: `curl -N ${shellQuote(origin + dialect.path(question))} \\
  -H "Authorization: Bearer ${keyPlaceholder}" \\
  -H "Content-Type: application/json" \\
${extra.join('')}  -d ${shellQuote(JSON.stringify(body, null, 2))}`,
      },
    ]
  }
  if (code === 'python') return [{ file: 'ask.py', code: pythonCode(origin, dialect, question, body) }]
  if (code === 'typescript') return [{ file: 'ask.mts', code: typescriptCode(origin, dialect, question, body) }]
  return snippets(origin, question.model).find((snippet) => snippet.id === code)?.blocks ?? []
}
