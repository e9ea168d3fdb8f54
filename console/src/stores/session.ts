import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'

import { type Account, knock, type SignedIn, signOut as knockOut } from '../api/auth'
import { get, type Schema, useCredentials } from '../api/client'
import { asApiError } from '../api/errors'
import { keyHeader } from '../api/http'
import { keptAs, recall, remember } from '../lib/remember'

// That somebody has a session, not what it is: a page that is loaded again asks for it only then.
const marker = 'session'
// Access is taken anew this long before it ends, so that no call has to be asked twice.
const early = 60_000
const soonest = 5_000

/** Who is signed in, and how. Keys and tokens stay in this page's memory. */
export const useSessionStore = defineStore('session', () => {
  /** The admin key, or the access token of an account. */
  const secret = ref('')
  const account = shallowRef<Account | null>(null)
  /** Who that is and what they may do, in the gateway's words. */
  const me = shallowRef<Schema['Me'] | null>(null)
  const signedIn = ref(false)
  /** Set when the gateway no longer takes what it took before. */
  const expired = ref(false)
  const leaving: (() => Promise<void>)[] = []
  let refreshing: Promise<boolean> | undefined
  let renewal: ReturnType<typeof setTimeout> | undefined

  useCredentials({
    headers: (): Record<string, string> => (secret.value === '' ? {} : keyHeader(secret.value)),
    refused: async () => {
      if (!signedIn.value) return false
      if (account.value && (await refresh())) return true
      expired.value = true
      return false
    },
  })

  function take(answer: SignedIn) {
    // Another tab has signed in as somebody else: what this page shows is not theirs.
    if (account.value && answer.account && account.value.id !== answer.account.id) {
      location.reload()
      return
    }
    secret.value = answer.access_token
    account.value = answer.account ?? account.value
    expired.value = false
    remember(marker, 'yes')
    clearTimeout(renewal)
    renewal = setTimeout(() => void renew(), Math.max(soonest, answer.expires_in * 1000 - early))
  }

  /** Asks what one may do, and is signed in by that. */
  async function know() {
    me.value = await get('/admin/me')
    signedIn.value = true
  }

  /** Takes what a door gave; the challenge that may come instead is for the second factor. */
  async function enter(answer: SignedIn): Promise<string> {
    if (answer.totp_required) return answer.challenge ?? ''
    take(answer)
    await know()
    return ''
  }

  /** Goes on with the session of the cookie; several that ask at once share one answer. */
  function refresh(): Promise<boolean> {
    refreshing ??= knock('refresh')
      .then((answer) => {
        take(answer)
        return true
      })
      .catch((thrown: unknown) => {
        if (asApiError(thrown).status === 401) remember(marker, '')
        return false
      })
      .finally(() => (refreshing = undefined))
    return refreshing
  }

  /** The next access token before this one ends; what one may do may have changed meanwhile. */
  async function renew() {
    if (await refresh()) await know().catch(() => undefined)
  }

  /** Takes up the session of before the page was loaded, where there was one. */
  async function resume(): Promise<boolean> {
    if (recall(marker) !== 'yes' || !(await refresh())) return false
    try {
      await know()
      return true
    } catch {
      return false
    }
  }

  /** Tries the admin key; throws where the gateway refuses it. */
  async function signInWithKey(key: string) {
    keyHeader(key)
    secret.value = key
    account.value = null
    try {
      await know()
    } catch (thrown) {
      secret.value = ''
      throw thrown
    }
    expired.value = false
  }

  /** Signs in with a password; the challenge that comes back is for the second factor. */
  async function signIn(login: string, password: string): Promise<string> {
    return enter(await knock('login', { login, password }))
  }

  /** The code of the second factor. */
  async function finish(challenge: string, code: string) {
    await enter(await knock('totp', { challenge, code }))
  }

  /** Takes a link: the first owner's, an invitation, a new password. */
  async function accept(link: { token: string; login: string; name: string; password: string }): Promise<string> {
    return enter(await knock('bootstrap', link))
  }

  /** Does something at the door for people that needs the access token. */
  async function withAccess<T>(call: (access: string) => Promise<T>): Promise<T> {
    return call(secret.value)
  }

  /** Called before the browser goes to an identity provider. */
  function leaveFor() {
    remember(marker, 'yes')
  }

  /** Called when somebody signs out: what was made for the session ends with it. */
  function onLeave(call: () => Promise<void>) {
    leaving.push(call)
  }

  /** Signs out; at the identity provider too, where it says how. */
  function signOut(options: { told?: boolean } = {}) {
    signedIn.value = false
    expired.value = false
    clearTimeout(renewal)
    remember(marker, '')
    // What ends with the session is ended with its credentials.
    void endWith(options.told === true)
  }

  async function endWith(told: boolean) {
    const person = account.value !== null
    if (!told) await Promise.allSettled(leaving.map((call) => call()))
    const elsewhere = person && !told ? await knockOut(secret.value).catch(() => '') : ''
    if (signedIn.value) return
    secret.value = ''
    account.value = null
    me.value = null
    if (elsewhere !== '') location.assign(elsewhere)
  }

  // Whoever signs out in one tab is signed out in all.
  addEventListener('storage', (event) => {
    if (event.key === keptAs(marker) && event.newValue === '' && signedIn.value && account.value) signOut({ told: true })
  })

  /**
   * Tells whether a page should offer something. The gateway decides; this only spares people what it would refuse.
   * "self" is for those who have an account, "own" for those of them who may have keys.
   */
  function may(permission: string): boolean {
    if (permission === '') return true
    if (permission === 'self') return account.value !== null
    if (permission === 'own') return account.value !== null && me.value?.role !== 'auditor'
    return me.value?.permissions.includes(permission) ?? false
  }

  return { account, me, know, signedIn, expired, resume, signInWithKey, signIn, finish, accept, leaveFor, withAccess, signOut, onLeave, may }
})
