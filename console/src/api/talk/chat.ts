import { ApiError, readError } from '../errors'
import { count, type Dialect, fields, given, list, said, type Step, text, type Turn } from './types'

function content(turn: Turn): unknown {
  if (!turn.picture) return turn.text
  return [
    { type: 'text', text: turn.text },
    { type: 'image_url', image_url: { url: `data:${turn.picture.media};base64,${turn.picture.data}` } },
  ]
}

/** OpenAI's chat completions (API reference, "chat.completion.chunk"). */
export const chat: Dialect = {
  id: 'chat',
  title: 'OpenAI Chat',
  frames: 'sse',
  path: () => '/v1/chat/completions',
  body: (q) => ({
    model: q.model,
    messages: [...(q.system ? [{ role: 'system', content: q.system }] : []), ...q.turns.map((turn) => ({ role: turn.role, content: content(turn) }))],
    ...given({
      max_completion_tokens: q.maxTokens,
      temperature: q.temperature,
      reasoning_effort: q.effort,
      tools: q.tools.length ? q.tools.map((tool) => ({ type: 'function', function: tool })) : null,
    }),
    stream: true,
    stream_options: { include_usage: true },
  }),
  read(event) {
    if (event.error !== undefined && event.error !== null) {
      const { message, code } = readError(event)
      throw new ApiError('server', message || JSON.stringify(event.error), 0, code)
    }
    const steps: Step[] = []
    const choice = fields(list(event.choices)[0])
    const delta = fields(choice.delta)
    const thought = delta.reasoning_content ?? delta.reasoning
    steps.push(...said('thinking', thought), ...said('text', delta.content), ...said('text', delta.refusal))
    for (const item of list(delta.tool_calls)) {
      const call = fields(item)
      const of = fields(call.function)
      steps.push({ kind: 'tool', id: String(count(call.index)), name: text(of.name), args: text(of.arguments) })
    }
    if (typeof choice.finish_reason === 'string') steps.push({ kind: 'finish', reason: choice.finish_reason })
    if (typeof event.usage === 'object' && event.usage !== null) {
      const usage = fields(event.usage)
      const cached = count(fields(usage.prompt_tokens_details).cached_tokens)
      steps.push({ kind: 'tokens', tokens: { input: count(usage.prompt_tokens), output: count(usage.completion_tokens), cached } })
    }
    return steps
  },
}
