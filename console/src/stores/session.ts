import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'

import { type Account, knock, type SignedIn } from '../api/auth'
import { get, useCredentials } from '../api/client'
import { asApiError } from '../api/errors'
import { keyHeader } from '../api/http'
import { recall, remember } from '../lib/remember'

// That somebody has a session, not what it is: a page that is loaded again asks for it only then.
const marker = 'session'

/** Who is signed in, and how. Keys and tokens stay in this page's memory. */
export const useSessionStore = defineStore('session', () => {
  /** The admin key, or the access token of an account. */
  const secret = ref('')
  const account = shallowRef<Account | null>(null)
  const signedIn = ref(false)
  /** Set when the gateway no longer takes what it took before. */
  const expired = ref(false)
  const leaving: (() => Promise<void>)[] = []
  let refreshing: Promise<boolean> | undefined

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
    secret.value = answer.access_token
    account.value = answer.account ?? account.value
    expired.value = false
    signedIn.value = true
    remember(marker, 'yes')
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

  /** Takes up the session of before the page was loaded, where there was one. */
  async function resume(): Promise<boolean> {
    return recall(marker) === 'yes' && (await refresh())
  }

  /** Tries the admin key; throws where the gateway refuses it. */
  async function signInWithKey(key: string) {
    keyHeader(key)
    secret.value = key
    account.value = null
    try {
      await get('/admin/health')
    } catch (thrown) {
      secret.value = ''
      throw thrown
    }
    expired.value = false
    signedIn.value = true
  }

  /** Signs in with a password; the challenge that comes back is for the second factor. */
  async function signIn(login: string, password: string): Promise<string> {
    const answer = await knock('login', { login, password })
    if (!answer.totp_required) take(answer)
    return answer.challenge ?? ''
  }

  /** The code of the second factor. */
  async function finish(challenge: string, code: string) {
    take(await knock('totp', { challenge, code }))
  }

  /** Takes a link: the first owner's, an invitation, a new password. */
  async function accept(link: { token: string; login: string; name: string; password: string }): Promise<string> {
    const answer = await knock('bootstrap', link)
    if (!answer.totp_required) take(answer)
    return answer.challenge ?? ''
  }

  /** Called before the browser goes to an identity provider. */
  function leaveFor() {
    remember(marker, 'yes')
  }

  /** Called when somebody signs out: what was made for the session ends with it. */
  function onLeave(call: () => Promise<void>) {
    leaving.push(call)
  }

  function signOut() {
    signedIn.value = false
    expired.value = false
    remember(marker, '')
    // What ends with the session is ended with its credentials.
    void endWith()
  }

  async function endWith() {
    await Promise.allSettled(leaving.map((call) => call()))
    if (account.value) await knock('logout', {}, secret.value).catch(() => undefined)
    if (!signedIn.value) {
      secret.value = ''
      account.value = null
    }
  }

  /** Tells whether a page should offer something. The gateway decides; this only spares people what it would refuse. */
  function may(permission: string): boolean {
    if (account.value?.role === 'auditor') return permission.endsWith(':read')
    return account.value?.role !== 'member'
  }

  return { account, signedIn, expired, resume, signInWithKey, signIn, finish, accept, leaveFor, signOut, onLeave, may }
})
