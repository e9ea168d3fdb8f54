import { type Effort, efforts, type Question, type Tool } from '../../api/talk/types'
import { numberOf } from '../../lib/form'

/** What is said beside the message: all texts, as the fields have them. */
export interface PlaySettings {
  system: string
  maxTokens: string
  temperature: string
  effort: string
  tools: string
  strict: boolean
}

/** Nothing said. */
export function noSettings(): PlaySettings {
  return { system: '', maxTokens: '', temperature: '', effort: '', tools: '', strict: false }
}

/** The tools of a text of JSON, in the form of any API that people may paste them from. */
export function readTools(text: string): { tools: Tool[]; error: boolean } {
  if (text.trim() === '') return { tools: [], error: false }
  try {
    const list: unknown = JSON.parse(text)
    if (!Array.isArray(list)) return { tools: [], error: true }
    const tools = list.map((item: Record<string, unknown>): Tool => {
      const of = (typeof item.function === 'object' && item.function !== null ? item.function : item) as Record<string, unknown>
      const parameters = (of.parameters ?? of.input_schema ?? { type: 'object', properties: {} }) as Record<string, unknown>
      if (typeof of.name !== 'string' || of.name === '') throw new TypeError('a tool needs a name')
      return { name: of.name, ...(typeof of.description === 'string' ? { description: of.description } : {}), parameters }
    })
    return { tools, error: false }
  } catch {
    return { tools: [], error: true }
  }
}

/** The settings as a question has them. */
export function asked(settings: PlaySettings): Omit<Question, 'model' | 'turns'> {
  const number = (text: string) => {
    const n = numberOf(text)
    return n !== null && Number.isFinite(n) ? n : null
  }
  return {
    system: settings.system.trim(),
    tools: readTools(settings.tools).tools,
    effort: efforts.find((effort) => effort === settings.effort) ?? ('' satisfies Effort),
    maxTokens: number(settings.maxTokens),
    temperature: number(settings.temperature),
  }
}
