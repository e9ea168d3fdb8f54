import { nextTick, reactive, ref, shallowRef } from 'vue'

import { type ApiError, asApiError } from '../api/errors'

/** A form: its values, what the server says of each, and whether it is being sent. */
export function useForm<T extends object>(initial: () => T, save: (values: T) => Promise<void>) {
  const values = reactive(initial()) as T
  const errors = ref<Record<string, string>>({})
  const error = shallowRef<ApiError | null>(null)
  const busy = ref(false)

  /** Begins anew, with what initial says now. */
  function reset() {
    Object.assign(values, initial())
    errors.value = {}
    error.value = null
  }

  /** Sends it once; true where it was taken. */
  async function submit(): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    errors.value = {}
    error.value = null
    try {
      await save(values)
      return true
    } catch (thrown) {
      const failed = asApiError(thrown)
      error.value = failed
      errors.value = Object.fromEntries(failed.fields.map(({ name, detail }) => [name, detail]))
      void nextTick(() => document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus())
      return false
    } finally {
      busy.value = false
    }
  }

  return reactive({ values, errors, error, busy, reset, submit }) as {
    values: T
    errors: Record<string, string>
    error: ApiError | null
    busy: boolean
    reset: () => void
    submit: () => Promise<boolean>
  }
}

/** A number of a field, null where it says none. */
export function numberOf(text: string): number | null {
  const trimmed = text.trim().replaceAll(/[\s,_]/g, '')
  return trimmed === '' ? null : Number(trimmed)
}

/** Words of a field, with commas or lines between. */
export function wordsOf(text: string): string[] {
  return text
    .split(/[,;\n]/)
    .map((word) => word.trim())
    .filter((word) => word !== '')
}
