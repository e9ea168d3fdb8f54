import { type Column, type ListPage, type ListQuery, pageOf } from './types'

const most = 5000

/** A page of a list whose API does not search: with a word, all of it is read, so many rows at most, and looked through here in the API's order. */
export async function searched<T>(columns: Column<T>[], query: ListQuery, ask: (query: ListQuery) => Promise<ListPage<T>>): Promise<ListPage<T>> {
  if (query.q.trim() === '') return ask(query)
  const all: T[] = []
  let cursor = ''
  do {
    const page = await ask({ ...query, cursor, limit: 500 })
    all.push(...page.rows)
    cursor = page.next ?? ''
  } while (cursor !== '' && all.length < most)
  return pageOf(all, columns, { ...query, sort: '' })
}
