import { ApiError, readError } from '../errors'
import { count, type Dialect, type Effort, fields, given, list, said, type Step, text } from './types'

const thinking: Record<Exclude<Effort, ''>, number> = { low: 1024, medium: 8192, high: 24_576 }

/** Gemini's generateContent, as server-sent events. */
export const gemini: Dialect = {
  id: 'gemini',
  title: 'Gemini',
  frames: 'sse',
  path: (q) => `/v1beta/models/${encodeURIComponent(q.model)}:streamGenerateContent?alt=sse`,
  body: (q) =>
    given({
      systemInstruction: q.system ? { parts: [{ text: q.system }] } : null,
      contents: q.turns.map((turn) => ({
        role: turn.role === 'user' ? 'user' : 'model',
        parts: [...(turn.picture ? [{ inlineData: { mimeType: turn.picture.media, data: turn.picture.data } }] : []), { text: turn.text }],
      })),
      tools: q.tools.length ? [{ functionDeclarations: q.tools }] : null,
      generationConfig: given({
        maxOutputTokens: q.maxTokens,
        temperature: q.temperature,
        thinkingConfig: q.effort ? { thinkingBudget: thinking[q.effort], includeThoughts: true } : null,
      }),
    }),
  read(event) {
    if (event.error) {
      const { message, code } = readError(event)
      throw new ApiError('server', message || JSON.stringify(event.error), 0, code)
    }
    const steps: Step[] = []
    const candidate = fields(list(event.candidates)[0])
    list(fields(candidate.content).parts).forEach((item, at) => {
      const part = fields(item)
      const call = fields(part.functionCall)
      if (call.name) steps.push({ kind: 'tool', id: text(call.id) || `${text(call.name)} ${at}`, name: text(call.name), args: JSON.stringify(call.args ?? {}) })
      else steps.push(...said(part.thought === true ? 'thinking' : 'text', part.text))
    })
    const usage = fields(event.usageMetadata)
    if (event.usageMetadata) {
      const output = count(usage.candidatesTokenCount) + count(usage.thoughtsTokenCount)
      steps.push({ kind: 'tokens', tokens: { input: count(usage.promptTokenCount), output, cached: count(usage.cachedContentTokenCount) } })
    }
    if (typeof candidate.finishReason === 'string') steps.push({ kind: 'finish', reason: candidate.finishReason })
    return steps
  },
}
