import { ref } from 'vue'

import { get } from '../api/client'
import { useSessionStore } from '../stores/session'

/** Names of keys, teams and users by their ids, as far as somebody asked for them. */
const known = ref<Record<string, string>>({})

/** How the value of a dimension is called. */
export function nameOf(id: string): string {
  return known.value[id] ?? id
}

/** Keeps a name that came with something else. */
export function learnName(id: string | undefined, name: string | undefined) {
  if (id && name && known.value[id] !== name) known.value = { ...known.value, [id]: name }
}

/** Asks for the names of a dimension; what cannot be read keeps its id. */
export async function loadNames(dimension: string) {
  const { may } = useSessionStore()
  if (!may(dimension === 'key' ? 'keys:read' : 'teams:read')) return
  try {
    if (dimension === 'key') for (const key of (await get('/admin/keys', { query: { limit: 500 } })).keys) learnName(key.id, key.name)
    if (dimension === 'team') for (const team of (await get('/admin/teams', { query: { limit: 500 } })).items) learnName(team.id, team.name)
    if (dimension === 'user') for (const user of (await get('/admin/users', { query: { limit: 500 } })).items) learnName(user.id, user.name)
  } catch {
    // Ids stand in.
  }
}
