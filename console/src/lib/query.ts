import { computed, type WritableComputedRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'

// Changes of one moment are one step of the history: the second must not undo the first.
let pending: Record<string, string | undefined> | null = null

/** Parameters of the address, so that a page can be bookmarked, shared and gone back to. */
export function useQuery() {
  const route = useRoute()
  const router = useRouter()

  /** Changes some; what is empty is left out. */
  function set(changes: Record<string, string | undefined>) {
    if (pending) {
      Object.assign(pending, changes)
      return
    }
    pending = { ...changes }
    const { path } = route
    queueMicrotask(() => {
      const all: Record<string, string> = {}
      for (const [name, value] of Object.entries({ ...route.query, ...pending })) if (typeof value === 'string' && value !== '') all[name] = value
      pending = null
      if (route.path === path) void router.replace({ query: all, hash: route.hash })
    })
  }

  /** One parameter, to read and to write. */
  function param(name: string, fallback = ''): WritableComputedRef<string> {
    return computed({
      get: () => {
        const value = route.query[name]
        return typeof value === 'string' ? value : fallback
      },
      set: (value) => set({ [name]: value === fallback ? undefined : value }),
    })
  }

  return { set, param }
}
