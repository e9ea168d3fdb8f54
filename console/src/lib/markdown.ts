/** A piece of a line: text, and how it is meant. */
export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'strong' | 'em' | 'del'; parts: Inline[] }
  | { kind: 'link'; href: string; parts: Inline[] }

/** A block of a text. */
export type Block =
  | { kind: 'heading'; level: number; parts: Inline[] }
  | { kind: 'paragraph' | 'quote'; parts: Inline[] }
  | { kind: 'code'; language: string; text: string }
  | { kind: 'list'; ordered: boolean; items: Inline[][] }
  | { kind: 'table'; head: Inline[][]; rows: Inline[][][] }
  | { kind: 'rule' }

const marks: [RegExp, (found: RegExpExecArray, depth: number) => Inline][] = [
  [/`([^`]+)`/, ([, text = '']) => ({ kind: 'code', text })],
  [/\[([^\]]{1,500})\]\((https?:\/\/[^\s)]{1,2000})\)/, ([, text = '', href = ''], depth) => ({ kind: 'link', href, parts: inline(text, depth) })],
  [/\*\*([^*]+(?:\*[^*]+)*)\*\*/, ([, text = ''], depth) => ({ kind: 'strong', parts: inline(text, depth) })],
  [/~~([^~]+)~~/, ([, text = ''], depth) => ({ kind: 'del', parts: inline(text, depth) })],
  [/(?<![\w*])[*_]([^*_\s](?:[^*_]*[^*_\s])?)[*_](?![\w*])/, ([, text = ''], depth) => ({ kind: 'em', parts: inline(text, depth) })],
]

/** What a line is made of. Markup that is none stays as it was written; HTML is text. */
export function inline(text: string, depth = 0): Inline[] {
  if (depth > 4) return [{ kind: 'text', text }]
  const out: Inline[] = []
  let rest = text
  while (rest !== '') {
    let first: { found: RegExpExecArray; make: (typeof marks)[number][1] } | undefined
    for (const [pattern, make] of marks) {
      const found = pattern.exec(rest)
      if (found && (!first || found.index < first.found.index)) first = { found, make }
    }
    if (!first) break
    const { found, make } = first
    if (found.index > 0) out.push({ kind: 'text', text: rest.slice(0, found.index) })
    out.push(make(found, depth + 1))
    rest = rest.slice(found.index + found[0].length)
  }
  if (rest !== '') out.push({ kind: 'text', text: rest })
  return out
}

const item = /^\s{0,6}(?:([-*+])|(\d{1,9})[.)])\s+(.*)$/

function cells(line: string): Inline[][] {
  return line
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((text) => inline(text.trim()))
}

/** The blocks of a text as models write it: the common part of Markdown. A fence that is still open holds the rest. */
export function markdown(source: string): Block[] {
  const lines = source.replaceAll('\r\n', '\n').split('\n')
  const blocks: Block[] = []
  let paragraph: string[] = []
  const flush = () => {
    if (paragraph.length > 0) blocks.push({ kind: 'paragraph', parts: inline(paragraph.join('\n')) })
    paragraph = []
  }
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const fence = /^\s{0,3}(```+|~~~+)\s*([\w+#.-]*)/.exec(line)
    const heading = /^(#{1,6})\s+(.*)$/.exec(line)
    const listed = item.exec(line)
    if (fence) {
      flush()
      const body: string[] = []
      for (at++; at < lines.length && !(lines[at] ?? '').trim().startsWith(fence[1] ?? '```'); at++) body.push(lines[at] ?? '')
      blocks.push({ kind: 'code', language: fence[2] ?? '', text: body.join('\n') })
    } else if (heading) {
      flush()
      blocks.push({ kind: 'heading', level: (heading[1] ?? '#').length, parts: inline(heading[2] ?? '') })
    } else if (/^\s{0,3}([-*_])(\s*\1){2,}\s*$/.test(line)) {
      flush()
      blocks.push({ kind: 'rule' })
    } else if (line.includes('|') && /^\s*\|?[\s:|-]*-[\s:|-]*$/.test(lines[at + 1] ?? '') && (lines[at + 1] ?? '').includes('|')) {
      flush()
      const rows: Inline[][][] = []
      const head = cells(line)
      for (at += 2; at < lines.length && (lines[at] ?? '').includes('|'); at++) rows.push(cells(lines[at] ?? ''))
      at--
      blocks.push({ kind: 'table', head, rows })
    } else if (listed) {
      flush()
      const ordered = listed[2] !== undefined
      const last = blocks.at(-1)
      const entry = inline(listed[3] ?? '')
      if (last?.kind === 'list' && last.ordered === ordered && (lines[at - 1] ?? '').trim() !== '') last.items.push(entry)
      else blocks.push({ kind: 'list', ordered, items: [entry] })
    } else if (/^\s{0,3}>/.test(line)) {
      flush()
      const body = [line]
      while (/^\s{0,3}>/.test(lines[at + 1] ?? '')) body.push(lines[++at] ?? '')
      blocks.push({ kind: 'quote', parts: inline(body.map((text) => text.replace(/^\s{0,3}>\s?/, '')).join('\n')) })
    } else if (line.trim() === '') flush()
    else paragraph.push(line)
  }
  flush()
  return blocks
}
