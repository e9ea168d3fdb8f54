/** A line of two texts side by side; undefined: the other has one more. */
export interface Row {
  left?: string
  right?: string
  same: boolean
}

// Beyond this what is between the common beginning and end is shown as changed altogether.
const mostCells = 4_000_000

/** Lays two texts side by side, equal lines beside each other. */
export function align(left: string[], right: string[]): Row[] {
  let from = 0
  while (from < left.length && from < right.length && left[from] === right[from]) from++
  let end = 0
  while (end < left.length - from && end < right.length - from && left[left.length - 1 - end] === right[right.length - 1 - end]) end++
  const rows: Row[] = left.slice(0, from).map((line) => ({ left: line, right: line, same: true }))
  rows.push(...middle(left.slice(from, left.length - end), right.slice(from, right.length - end)))
  rows.push(...left.slice(left.length - end).map((line) => ({ left: line, right: line, same: true })))
  return rows
}

function middle(left: string[], right: string[]): Row[] {
  const width = right.length + 1
  if ((left.length + 1) * width > mostCells) return pairUp(left, right)
  // The longest common subsequence, from the ends.
  const table = new Uint32Array((left.length + 1) * width)
  const at = (i: number, j: number) => table[i * width + j] ?? 0
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      table[i * width + j] = left[i] === right[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const rows: Row[] = []
  let gone: string[] = []
  let come: string[] = []
  const flush = () => {
    rows.push(...pairUp(gone, come))
    gone = []
    come = []
  }
  let i = 0
  let j = 0
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) {
      flush()
      rows.push({ left: left[i], right: right[j], same: true })
      i++
      j++
    } else if (j >= right.length || (i < left.length && at(i + 1, j) >= at(i, j + 1))) gone.push(left[i++] ?? '')
    else come.push(right[j++] ?? '')
  }
  flush()
  return rows
}

/** Changed lines beside each other, in order. */
function pairUp(left: string[], right: string[]): Row[] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, at) => ({ left: left[at], right: right[at], same: false }))
}

/** A body for people: JSON with a member a line, events of a stream one by one, anything else as it is. */
export function pretty(text: string): string[] {
  const trimmed = text.trim()
  const whole = json(trimmed)
  if (whole !== undefined) return whole
  if (/^(event|data|id|retry|:)/.test(trimmed)) {
    return trimmed.split(/\r?\n/).flatMap((line) => {
      const data = line.startsWith('data:') ? json(line.slice(5).trim()) : undefined
      return data ? data.map((part, at) => (at === 0 ? `data: ${part}` : part)) : [line]
    })
  }
  return text.split(/\r?\n/)
}

function json(text: string): string[] | undefined {
  if (!/^[[{]/.test(text)) return undefined
  try {
    return JSON.stringify(JSON.parse(text), null, 2).split('\n')
  } catch {
    return undefined
  }
}

// What an answer is counted and judged by, in every dialect: usage, how it ended, what went wrong.
const telling = /"(?:usage\w*|\w*_tokens|\w*[tT]okens?(?:Count|Details)?|finish_?[rR]eason|stop_?[rR]eason|error|code|status)"\s*:|^event: error/

/** Whether a line of an answer is one that it is counted or judged by. */
export function tells(line: string): boolean {
  return telling.test(line)
}

/** Where changes begin: the first row of each run of rows that differ. */
export function runs(rows: { same: boolean }[]): number[] {
  return rows.flatMap((row, at) => (!row.same && (at === 0 || rows[at - 1]?.same) ? [at] : []))
}

/** A line as it is shown: very long ones (pictures, documents) are cut, with the number of characters left out. */
export function clip(line: string, most: number): { text: string; more: number } {
  return line.length <= most ? { text: line, more: 0 } : { text: line.slice(0, most), more: line.length - most }
}
