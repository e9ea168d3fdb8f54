import { ApiError, readError } from '../errors'
import { count, type Dialect, type Effort, fields, given, said, text, type Tokens } from './types'

// What the API wants as a number of tokens, for words.
const thinking: Record<Exclude<Effort, ''>, number> = { low: 2048, medium: 8192, high: 24_576 }

function tokensOf(usage: Record<string, unknown>): Tokens {
  const cached = count(usage.cache_read_input_tokens)
  return { input: count(usage.input_tokens) + cached + count(usage.cache_creation_input_tokens), output: count(usage.output_tokens), cached }
}

/** Anthropic's Messages ("streaming messages"); max_tokens is required there, and thinking counts for it. */
export const messages: Dialect = {
  id: 'messages',
  title: 'Anthropic Messages',
  frames: 'sse',
  headers: { 'anthropic-version': '2023-06-01' },
  path: () => '/v1/messages',
  body: (q) => ({
    model: q.model,
    max_tokens: (q.maxTokens ?? 4096) + (q.effort ? thinking[q.effort] : 0),
    messages: q.turns.map((turn) => ({
      role: turn.role,
      content: [
        ...(turn.picture ? [{ type: 'image', source: { type: 'base64', media_type: turn.picture.media, data: turn.picture.data } }] : []),
        { type: 'text', text: turn.text },
      ],
    })),
    ...given({
      system: q.system,
      temperature: q.effort ? null : q.temperature,
      thinking: q.effort ? { type: 'enabled', budget_tokens: thinking[q.effort] } : null,
      tools: q.tools.length ? q.tools.map(({ parameters, ...tool }) => ({ ...tool, input_schema: parameters })) : null,
    }),
    stream: true,
  }),
  read(event) {
    const delta = fields(event.delta)
    switch (event.type) {
      case 'message_start':
        return [{ kind: 'tokens', tokens: tokensOf(fields(fields(event.message).usage)) }]
      case 'content_block_start': {
        const block = fields(event.content_block)
        return block.type === 'tool_use' ? [{ kind: 'tool', id: String(count(event.index)), name: text(block.name), args: '' }] : said('text', block.text)
      }
      case 'content_block_delta':
        if (delta.type === 'input_json_delta') return [{ kind: 'tool', id: String(count(event.index)), name: '', args: text(delta.partial_json) }]
        return delta.type === 'thinking_delta' ? said('thinking', delta.thinking) : said('text', delta.text)
      case 'message_delta': {
        const usage = fields(event.usage)
        // Only what is said anew counts: the prompt stands in the first event.
        const tokens = usage.input_tokens === undefined ? { input: -1, output: count(usage.output_tokens), cached: -1 } : tokensOf(usage)
        return [{ kind: 'tokens', tokens }, ...(typeof delta.stop_reason === 'string' ? [{ kind: 'finish' as const, reason: delta.stop_reason }] : [])]
      }
      case 'error': {
        const { message, code } = readError(event)
        throw new ApiError('server', message || JSON.stringify(event), 0, code)
      }
      default:
        return []
    }
  },
}
