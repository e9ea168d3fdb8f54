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
async function ask<T>(path: string, body: unknown, access: string): Promise<T> {
  const watchdog = new Watchdog(30_000)
  try {
    const response = await fetch(path, {
      method: 'POST',
      // A header that pages of other origins cannot send without being asked first.
      headers: { 'Content-Type': 'application/json', 'X-Requested-With': 'console', ...(access === '' ? {} : { Authorization: `Bearer ${access}` }) },
      body: JSON.stringify(body ?? {}),
      signal: watchdog.signal,
      cache: 'no-store',
      credentials: 'same-origin',
    })
    if (!response.ok) throw await errorOf(response)
    return (await response.json()) as T
  } catch (thrown) {
    throw watchdog.signal.aborted ? new ApiError('timeout') : asApiError(thrown)
  } finally {
    watchdog.stop()
  }
}

/** A password, a code, a link, or the cookie for the next access token. */
export function knock(path: 'login' | 'totp' | 'bootstrap' | 'refresh', body?: unknown): Promise<SignedIn> {
  return ask(`/auth/${path}`, body, '')
}

/** Ends the session; where to go to sign out at the identity provider too, empty for nowhere. */
export async function signOut(access: string): Promise<string> {
  return (await ask<{ logout_url?: string }>('/auth/logout', {}, access)).logout_url ?? ''
}

/** Ends all sessions of who asks. */
export async function signOutEverywhere(access: string): Promise<void> {
  await ask('/auth/logout-all', {}, access)
}

/** Where the browser goes to sign in at an identity provider, with an invitation, or to link an identity to the account. */
export async function startAt(way: { start: string }, what: { return_to?: string; invitation?: string; link?: boolean }, access = ''): Promise<string> {
  return (await ask<{ url: string }>(way.start, what, access)).url
}
