import { getJSON, keyHeader } from './http'

/** The ids of a model list, sorted, each once. */
export function parseModels(body: unknown): string[] {
  const data = typeof body === 'object' && body !== null ? (body as Record<string, unknown>).data : null
  if (!Array.isArray(data)) return []
  const ids = data.flatMap((item: unknown) => {
    const id = typeof item === 'object' && item !== null ? (item as Record<string, unknown>).id : null
    return typeof id === 'string' && id !== '' ? [id] : []
  })
  return [...new Set(ids)].toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

/** The model to begin with: the sandbox costs nothing and needs no account. */
export function firstChoice(models: string[]): string {
  return models.find((id) => /(^|[/-])sandbox/.test(id)) ?? models[0] ?? ''
}

/** Asks which models a key may use. */
export async function fetchModels(key: string): Promise<string[]> {
  const answer = await getJSON('/v1/models', { headers: keyHeader(key), within: 20_000 })
  return parseModels(answer.body)
}
