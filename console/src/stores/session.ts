import { defineStore } from 'pinia'
import { ref } from 'vue'

import { get, useCredentials } from '../api/client'
import { keyHeader } from '../api/http'

/** Who is signed in, and how. Secrets stay in this page's memory: a reload asks again. */
export const useSessionStore = defineStore('session', () => {
  const key = ref('')
  const signedIn = ref(false)
  /** Set when the gateway no longer takes what it took before. */
  const expired = ref(false)
  /** null: everything may be done. */
  const permissions = ref<string[] | null>(null)
  const leaving: (() => Promise<void>)[] = []

  useCredentials({
    headers: (): Record<string, string> => (key.value === '' ? {} : keyHeader(key.value)),
    refused: async () => {
      if (signedIn.value) expired.value = true
      return false
    },
  })

  /** Tries the admin key; throws where the gateway refuses it. */
  async function signInWithKey(secret: string) {
    keyHeader(secret)
    key.value = secret
    try {
      await get('/admin/health')
    } catch (thrown) {
      key.value = ''
      throw thrown
    }
    expired.value = false
    permissions.value = null
    signedIn.value = true
  }

  /** Called when somebody signs out: what was made for the session ends with it. */
  function onLeave(call: () => Promise<void>) {
    leaving.push(call)
  }

  function signOut() {
    signedIn.value = false
    expired.value = false
    permissions.value = null
    // What ends with the session is ended with its credentials.
    void endWith()
  }

  async function endWith() {
    await Promise.allSettled(leaving.map((call) => call()))
    if (!signedIn.value) key.value = ''
  }

  /** Tells whether the signed-in person may do something. */
  function may(permission: string): boolean {
    return permissions.value === null || permissions.value.includes(permission)
  }

  return { signedIn, expired, permissions, signInWithKey, signOut, onLeave, may }
})
