import { describe, expect, it } from 'vitest'

import { keyPlaceholder, markPlaceholders, shellQuote, snippets } from './snippets'

const origin = 'http://127.0.0.1:8080'

describe('snippets', () => {
  const all = snippets(origin, 'some-model')

  it('covers every client', () => {
    const clients = ['curl', 'claude-code', 'codex', 'cursor', 'cline', 'opencode']
    const sdks = ['openai-python', 'openai-typescript', 'anthropic-python', 'anthropic-typescript']
    expect(all.map((snippet) => snippet.id)).toEqual([...clients, ...sdks])
  })

  it.each(all.map((snippet) => [snippet.id, snippet] as const))('%s names the address, the key and the model', (id, snippet) => {
    const code = snippet.blocks.map((block) => block.code).join('\n')
    expect(code).toContain(keyPlaceholder)
    expect(code).toContain('some-model')
    // Clients of OpenAI's API want the version in the base URL, Anthropic's add it themselves.
    const anthropic = id.startsWith('anthropic') || id === 'claude-code'
    expect(code.match(/http:\/\/127\.0\.0\.1:8080[^"'\s]*/g)).toEqual([
      anthropic ? origin : id === 'curl' ? `${origin}/v1/chat/completions` : `${origin}/v1`,
    ])
  })

  it('quotes a model name that would end a string', () => {
    const odd = snippets(origin, `a"b'c$(d)`)
    const code = Object.fromEntries(odd.map((snippet) => [snippet.id, snippet.blocks.map((block) => block.code).join('\n')]))
    expect(code.curl).toContain(String.raw`"model": "a\"b'\''c$(d)"`)
    expect(code['openai-python']).toContain(String.raw`model="a\"b'c$(d)"`)
    expect(code['claude-code']).toContain(String.raw`ANTHROPIC_MODEL='a"b'\''c$(d)'`)
    expect(code.codex).toContain(String.raw`model = "a\"b'c$(d)"`)
  })

  it('carries JSON in the curl call', () => {
    const body = snippets(origin, 'm')[0]?.blocks[0]?.code.match(/-d '(.*)'$/s)?.[1]
    expect(JSON.parse(body ?? '')).toEqual({ model: 'm', messages: [{ role: 'user', content: 'Hello!' }] })
  })
})

describe('shellQuote', () => {
  it.each([
    ['us.anthropic.claude-v1:0', 'us.anthropic.claude-v1:0'],
    ['', "''"],
    ['a b', "'a b'"],
    ['$HOME', "'$HOME'"],
    ["it's", String.raw`'it'\''s'`],
  ])('%j', (word, quoted) => {
    expect(shellQuote(word)).toBe(quoted)
  })
})

describe('markPlaceholders', () => {
  it('keeps every character', () => {
    const code = 'a YOUR_KEY b YOUR_MODEL'
    const parts = markPlaceholders(code)
    expect(parts.map((part) => part.text).join('')).toBe(code)
    expect(parts.filter((part) => part.placeholder).map((part) => part.text)).toEqual(['YOUR_KEY', 'YOUR_MODEL'])
  })
})
