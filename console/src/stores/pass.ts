import { defineStore } from 'pinia'

import { post } from '../api/client'
import { useSessionStore } from './session'

const lasts = 60 * 60_000
const spare = 5 * 60_000
// A new key is known to all gateways within a second.
const spreads = 1100

/**
 * The key with which the console itself asks models: made by the signed-in person's permission when it is first
 * needed, good for an hour, kept in this page's memory, revoked when the person signs out.
 */
export const usePassStore = defineStore('pass', () => {
  const session = useSessionStore()
  let made: Promise<{ id: string; key: string }> | undefined
  let until = 0

  /** A key that is good for a while. */
  async function key(): Promise<string> {
    if (!made || Date.now() > until - spare) {
      until = Date.now() + lasts
      made = make()
    }
    try {
      return (await made).key
    } catch (thrown) {
      made = undefined
      throw thrown
    }
  }

  async function make() {
    const fresh = await post('/admin/keys', {
      body: { name: 'console playground', description: 'Made by the console for its playground; it ends by itself.', expires_at: new Date(until).toISOString() },
    })
    await new Promise((resolve) => setTimeout(resolve, spreads))
    return fresh
  }

  session.onLeave(async () => {
    const last = made
    made = undefined
    if (last) await post('/admin/keys/{id}/revoke', { at: { id: (await last).id } })
  })

  return { key }
})
