import { describe, expect, it } from 'vitest'

import { type Column, type ListPage, type ListQuery, pageOf } from './types'
import { searched } from './whole'

interface Row {
  name: string
  size: number
}
const columns: Column<Row>[] = [
  { id: 'name', label: 'Name', text: (row) => row.name, sort: 'name' },
  { id: 'size', label: 'Size', text: (row) => String(row.size), sort: 'size' },
]
const rows = ['ten', 'two', 'one', 'twenty'].map((name, at) => ({ name, size: [10, 2, 1, 20][at] ?? 0 }))
const query = (over: Partial<ListQuery>): ListQuery => ({ q: '', sort: '', cursor: '', limit: 25, ...over })

describe('a page of what is here', () => {
  it.each([
    ['by number', { sort: 'size' }, ['one', 'two', 'ten', 'twenty'], undefined],
    ['the other way round', { sort: '-size' }, ['twenty', 'ten', 'two', 'one'], undefined],
    ['of a word, whatever its case', { q: ' TW' }, ['two', 'twenty'], undefined],
    ['the first', { limit: 3 }, ['ten', 'two', 'one'], '3'],
    ['the last', { limit: 3, cursor: '3' }, ['twenty'], undefined],
    ['of nothing', { q: 'none' }, [], undefined],
  ])('%s', (_, over, names, next) => {
    const page = pageOf(rows, columns, query(over))
    expect(page.rows.map(({ name }) => name)).toEqual(names)
    expect(page.next).toBe(next)
  })
})

describe('a list whose API does not search', () => {
  const asked: ListQuery[] = []
  const ask = async (wanted: ListQuery): Promise<ListPage<Row>> => {
    asked.push(wanted)
    const from = Number(wanted.cursor) || 0
    return { rows: rows.slice(from, from + 2), next: from + 2 < rows.length ? String(from + 2) : undefined }
  }

  it('is asked as it is without a word', async () => {
    expect((await searched(columns, query({ sort: 'name' }), ask)).rows).toHaveLength(2)
    expect(asked.splice(0)).toHaveLength(1)
  })

  it('is read to its end with one, in the order of the API', async () => {
    const page = await searched(columns, query({ q: 'tw', sort: 'name' }), ask)
    expect(page.rows.map(({ name }) => name)).toEqual(['two', 'twenty'])
    expect(asked.splice(0).map(({ cursor }) => cursor)).toEqual(['', '2'])
  })
})
