/** A column of a list. Its text is what is sorted locally and written to CSV. */
export interface Column<T> {
  id: string
  label: string
  text: (row: T) => string
  /** The word the API sorts by; none: it cannot be sorted. */
  sort?: string
  end?: boolean
  /** Not shown until somebody wants it. */
  off?: boolean
  mono?: boolean
}

/** What a list asks for. */
export interface ListQuery {
  q: string
  sort: string
  cursor: string
  limit: number
}

/** A page of a list. */
export interface ListPage<T> {
  rows: T[]
  next?: string
  total?: number
}

/** A page of what is here already: searched and sorted by what the columns show. */
export function pageOf<T>(all: T[], columns: Column<T>[], query: ListQuery): ListPage<T> {
  const wanted = query.q.trim().toLowerCase()
  let rows = all.filter((row) => wanted === '' || columns.some((column) => column.text(row).toLowerCase().includes(wanted)))
  const down = query.sort.startsWith('-')
  const by = columns.find((column) => column.sort === query.sort.replace(/^-/, ''))
  if (by) {
    rows = rows.toSorted((a, b) => by.text(a).localeCompare(by.text(b), 'en', { numeric: true }) * (down ? -1 : 1))
  }
  const from = Number(query.cursor) || 0
  const to = from + query.limit
  return { rows: rows.slice(from, to), total: rows.length, next: to < rows.length ? String(to) : undefined }
}
