/** A call of a tool, as often as it was made with the same arguments. */
export interface Repeated {
  name: string
  args: string
  times: number
}

// Where tools are described rather than called.
const described = new Set(['tools', 'functions', 'toolConfig', 'tool_choice', 'toolChoice'])

/** A call, whatever the dialect: Chat, Messages, Responses, Gemini, Converse. */
function callOf(value: Record<string, unknown>): { name: unknown; args: unknown } | undefined {
  const inner = (value.function ?? value.functionCall ?? value.toolUse) as Record<string, unknown> | undefined
  if (typeof inner === 'object' && inner !== null && inner.name) return { name: inner.name, args: inner.arguments ?? inner.args ?? inner.input }
  if ((value.type === 'tool_use' || value.type === 'function_call') && value.name) return { name: value.name, args: value.input ?? value.arguments }
  return undefined
}

/** Arguments in one way of writing them: members in order, texts of JSON read. */
function plain(args: unknown): string {
  let value = args
  if (typeof args === 'string') {
    try {
      value = JSON.parse(args)
    } catch {
      return args
    }
  }
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1))) : part,
  )
}

/** The calls that a request tells of more than once, the most often made first: what goes round in a circle. Undefined: it is no JSON. */
export function repeatedCalls(text: string): Repeated[] | undefined {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return undefined
  }
  const counts = new Map<string, Repeated>()
  const walk = (value: unknown) => {
    if (Array.isArray(value)) for (const item of value) walk(item)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return
    const call = callOf(value as Record<string, unknown>)
    if (call) {
      const [name, args] = [String(call.name), plain(call.args ?? {})]
      const known = counts.get(`${name}\u0000${args}`)
      if (known) known.times++
      else counts.set(`${name}\u0000${args}`, { name, args, times: 1 })
      return
    }
    for (const [name, item] of Object.entries(value)) if (!described.has(name)) walk(item)
  }
  walk(body)
  return [...counts.values()].filter(({ times }) => times > 1).toSorted((a, b) => b.times - a.times || a.name.localeCompare(b.name, 'en'))
}
