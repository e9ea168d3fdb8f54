import { ApiError, readError } from '../errors'
import { count, type Dialect, fields, given, type Step, said, text } from './types'

/** OpenAI's Responses API ("streaming events"). Nothing is kept: store is false. */
export const responses: Dialect = {
  id: 'responses',
  title: 'OpenAI Responses',
  frames: 'sse',
  path: () => '/v1/responses',
  body: (q) => ({
    model: q.model,
    input: q.turns.map((turn) => ({
      role: turn.role,
      content: [
        { type: turn.role === 'user' ? 'input_text' : 'output_text', text: turn.text },
        ...(turn.picture ? [{ type: 'input_image', image_url: `data:${turn.picture.media};base64,${turn.picture.data}` }] : []),
      ],
    })),
    ...given({
      instructions: q.system,
      max_output_tokens: q.maxTokens,
      temperature: q.temperature,
      reasoning: q.effort ? { effort: q.effort, summary: 'auto' } : null,
      tools: q.tools.length ? q.tools.map((tool) => ({ type: 'function', ...tool })) : null,
    }),
    store: false,
    stream: true,
  }),
  read(event) {
    switch (event.type) {
      case 'response.output_text.delta':
      case 'response.refusal.delta':
        return said('text', event.delta)
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta':
        return said('thinking', event.delta)
      case 'response.output_item.added': {
        const item = fields(event.item)
        return item.type === 'function_call' ? [{ kind: 'tool', id: String(count(event.output_index)), name: text(item.name), args: '' }] : []
      }
      case 'response.function_call_arguments.delta':
        return [{ kind: 'tool', id: String(count(event.output_index)), name: '', args: text(event.delta) }]
      case 'error':
      case 'response.failed': {
        const { message, code } = readError(fields(event.response).error ? fields(event.response) : event)
        throw new ApiError('server', message || JSON.stringify(event), 0, code)
      }
      case 'response.completed':
      case 'response.incomplete':
        return ended(fields(event.response))
      default:
        return []
    }
  },
}

function ended(response: Record<string, unknown>): Step[] {
  const usage = fields(response.usage)
  const reason = text(fields(response.incomplete_details).reason) || text(response.status)
  return [
    { kind: 'tokens', tokens: { input: count(usage.input_tokens), output: count(usage.output_tokens), cached: count(fields(usage.input_tokens_details).cached_tokens) } },
    { kind: 'finish', reason },
  ]
}
