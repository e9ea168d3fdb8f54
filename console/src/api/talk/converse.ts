import { ApiError } from '../errors'
import { count, type Dialect, type Effort, fields, given, said, type Step, text } from './types'

const thinking: Record<Exclude<Effort, ''>, number> = { low: 2048, medium: 8192, high: 24_576 }

/** Bedrock's ConverseStream; events come in AWS's binary frames. */
export const converse: Dialect = {
  id: 'converse',
  title: 'Bedrock Converse',
  frames: 'aws',
  path: (q) => `/model/${encodeURIComponent(q.model)}/converse-stream`,
  body: (q) =>
    given({
      system: q.system ? [{ text: q.system }] : null,
      messages: q.turns.map((turn) => ({
        role: turn.role,
        content: [
          { text: turn.text },
          ...(turn.picture ? [{ image: { format: turn.picture.media.replace('image/', ''), source: { bytes: turn.picture.data } } }] : []),
        ],
      })),
      inferenceConfig: given({ maxTokens: q.maxTokens === null && !q.effort ? null : (q.maxTokens ?? 4096) + (q.effort ? thinking[q.effort] : 0), temperature: q.effort ? null : q.temperature }),
      additionalModelRequestFields: q.effort ? { thinking: { type: 'enabled', budget_tokens: thinking[q.effort] } } : null,
      toolConfig: q.tools.length
        ? { tools: q.tools.map((tool) => ({ toolSpec: given({ name: tool.name, description: tool.description, inputSchema: { json: tool.parameters } }) })) }
        : null,
    }),
  read(event, name): Step[] {
    if (name.endsWith('Exception')) throw new ApiError('server', text(event.message) || name, 0, name)
    const delta = fields(event.delta)
    const id = String(count(event.contentBlockIndex))
    switch (name) {
      case 'contentBlockStart': {
        const tool = fields(fields(event.start).toolUse)
        return tool.name ? [{ kind: 'tool', id, name: text(tool.name), args: '' }] : []
      }
      case 'contentBlockDelta':
        if (delta.toolUse) return [{ kind: 'tool', id, name: '', args: text(fields(delta.toolUse).input) }]
        return delta.reasoningContent ? said('thinking', fields(delta.reasoningContent).text) : said('text', delta.text)
      case 'messageStop':
        return [{ kind: 'finish', reason: text(event.stopReason) }]
      case 'metadata': {
        const usage = fields(event.usage)
        const cached = count(usage.cacheReadInputTokens)
        return [{ kind: 'tokens', tokens: { input: count(usage.inputTokens) + cached + count(usage.cacheWriteInputTokens), output: count(usage.outputTokens), cached } }]
      }
      default:
        return []
    }
  },
}
