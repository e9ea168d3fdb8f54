import { onScopeDispose, ref, shallowRef } from 'vue'

import { type ApiError, asApiError } from '../api/errors'

/** Something that is asked of the gateway: its value, its error, and whether it is under way. */
export function useLoad<T>(ask: (signal: AbortSignal) => Promise<T>, options: { now?: boolean } = {}) {
  const data = shallowRef<T | null>(null)
  const error = shallowRef<ApiError | null>(null)
  const loading = ref(false)
  let current: AbortController | undefined

  /** Asks again. What was asked before and has not come is forgotten. */
  async function reload() {
    current?.abort()
    const own = new AbortController()
    current = own
    loading.value = true
    try {
      const answer = await ask(own.signal)
      if (own.signal.aborted) return
      data.value = answer
      error.value = null
    } catch (thrown) {
      if (own.signal.aborted) return
      error.value = asApiError(thrown)
    }
    loading.value = false
  }

  onScopeDispose(() => current?.abort())
  if (options.now !== false) void reload()
  return { data, error, loading, reload }
}

/** Calls something every so many milliseconds while the page is looked at. */
export function useEvery(milliseconds: number, call: () => Promise<void> | void) {
  let timer: ReturnType<typeof setTimeout> | undefined
  let ended = false
  async function tick() {
    if (!document.hidden) await call()
    if (!ended) timer = setTimeout(tick, milliseconds)
  }
  timer = setTimeout(tick, milliseconds)
  onScopeDispose(() => {
    ended = true
    clearTimeout(timer)
  })
}
