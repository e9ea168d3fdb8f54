import { ApiError, asApiError, errorOf } from './errors'
import { Watchdog } from './http'

/** The ways people can sign in; a gateway without any has the admin key alone. */
export interface Methods {
  local: boolean
  oidc: { name: string; label: string; start: string }[]
}

/** Who has signed in. */
export interface Account {
  id: string
  name: string
  login?: string
  role: string
}

/** What signing in gave: access, or a challenge for the second factor. */
export interface SignedIn {
  access_token: string
  expires_in: number
  account?: Account
  totp_required?: boolean
  challenge?: string
}

/** Asks how one can sign in. */
export async function methods(): Promise<Methods> {
  try {
    const response = await fetch('/auth/methods', { cache: 'no-store', credentials: 'same-origin' })
    if (!response.ok) return { local: false, oidc: [] }
    const answer = (await response.json()) as Partial<Methods>
    return { local: answer.local === true, oidc: Array.isArray(answer.oidc) ? answer.oidc : [] }
  } catch {
    return { local: false, oidc: [] }
  }
}

/** Asks the door for people; the refresh token is in a cookie that no page reads. */
export async function knock(path: 'login' | 'totp' | 'bootstrap' | 'refresh' | 'logout', body?: unknown, access = ''): Promise<SignedIn> {
  const watchdog = new Watchdog(30_000)
  try {
    const response = await fetch(`/auth/${path}`, {
      method: 'POST',
      // A header that pages of other origins cannot send without being asked first.
      headers: { 'Content-Type': 'application/json', 'X-Requested-With': 'console', ...(access === '' ? {} : { Authorization: `Bearer ${access}` }) },
      body: JSON.stringify(body ?? {}),
      signal: watchdog.signal,
      cache: 'no-store',
      credentials: 'same-origin',
    })
    if (!response.ok) throw await errorOf(response)
    return (await response.json()) as SignedIn
  } catch (thrown) {
    throw watchdog.signal.aborted ? new ApiError('timeout') : asApiError(thrown)
  } finally {
    watchdog.stop()
  }
}
