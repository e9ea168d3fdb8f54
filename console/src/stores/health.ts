import { defineStore } from 'pinia'
import { ref } from 'vue'

import { type ApiError, asApiError } from '../api/errors'
import { fetchHealth, type Health } from '../api/health'

const interval = 10_000

/** How the gateway is: asked now and then while somebody looks. */
export const useHealthStore = defineStore('health', () => {
  const health = ref<Health | null>(null)
  const error = ref<ApiError | null>(null)
  const checking = ref(false)

  let watching = false
  let timer: ReturnType<typeof setTimeout> | undefined

  async function check() {
    if (checking.value) return
    clearTimeout(timer)
    checking.value = true
    try {
      health.value = await fetchHealth()
      error.value = null
    } catch (thrown) {
      error.value = asApiError(thrown)
    } finally {
      checking.value = false
      if (watching && !document.hidden) timer = setTimeout(check, interval)
    }
  }

  function onVisibility() {
    if (document.hidden) clearTimeout(timer)
    else void check()
  }

  function watch() {
    watching = true
    document.addEventListener('visibilitychange', onVisibility)
    void check()
  }

  function unwatch() {
    watching = false
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', onVisibility)
  }

  return { health, error, checking, check, watch, unwatch }
})
