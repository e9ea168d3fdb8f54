import { get } from '../api/client'
import { useSessionStore } from '../stores/session'

/** Where one begins: the set-up while nothing has been asked of this gateway, for who may do it; else the first page. */
export async function homePath(): Promise<string> {
  const session = useSessionStore()
  if (!session.may('providers:write') || !session.may('usage:read')) return '/'
  const used = await get('/admin/usage', { query: { period: '30d', by: 'month' } }).catch(() => null)
  return used?.total.requests === 0 ? '/setup' : '/'
}
