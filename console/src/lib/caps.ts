/** How a word of the catalogue is filled in. */
export type CapKind = 'number' | 'flag' | 'words' | readonly string[]

/** What a rule can say of a model, in the words of the catalogue; those of choices name them. */
export const capKinds: Record<string, CapKind> = {
  context: 'number',
  max_output: 'number',
  family: 'words',
  api: 'words',
  thinking: ['none', 'budget', 'adaptive', 'both', 'effort'],
  max_thinking: 'number',
  efforts: 'words',
  sampling: ['one', 'none'],
  structured: 'flag',
  strict: 'flag',
  mid_system: 'flag',
  no_prefill: 'flag',
  no_images: 'flag',
  no_documents: 'flag',
  no_video: 'flag',
  no_system: 'flag',
  no_tools: 'flag',
  no_tool_choice: 'flag',
  no_parallel: 'flag',
  no_stop: 'flag',
  no_cache: 'flag',
  cache_1h: 'flag',
  cache_min: 'number',
  cache_points: 'number',
  cache_spots: 'words',
  betas: 'words',
  bedrock_betas: 'flag',
}

const lists = new Set(['efforts', 'cache_spots', 'betas'])

/** A line of the form: a word and what it says. */
export interface CapLine {
  name: string
  value: string
}

/** Caps as lines of the form. */
export function capLines(caps: Record<string, unknown>): CapLine[] {
  return Object.entries(caps).map(([name, value]) => ({ name, value: Array.isArray(value) ? value.join(', ') : String(value) }))
}

/** Lines of the form as caps. What is no number where one belongs stays a text: the server says what is wrong with it. */
export function capsOf(lines: CapLine[]): Record<string, unknown> {
  return Object.fromEntries(lines.filter(({ name }) => name !== '').map(({ name, value }) => [name, valueOf(name, value.trim())]))
}

function valueOf(name: string, text: string): unknown {
  if (lists.has(name)) return text.split(',').map((word) => word.trim()).filter((word) => word !== '')
  const kind = capKinds[name]
  if (kind === 'flag') return text !== 'false'
  if (kind === 'number' && /^[\d\s,_]+$/.test(text)) return Number(text.replaceAll(/[\s,_]/g, ''))
  return text
}
