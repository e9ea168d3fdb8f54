import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { streamChat, type Usage } from '../api/chat'
import { type ApiError, asApiError } from '../api/errors'
import { fetchModels, firstChoice } from '../api/models'

/** Where a question to a model stands. */
export type Phase = 'idle' | 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed'

/** The "Try it" box: a key, the models it may use, a question and its answer. The key lives here and nowhere else. */
export const useTrialStore = defineStore('trial', () => {
  const key = ref('')
  const models = ref<string[] | null>(null)
  const model = ref('')
  const listing = ref(false)
  const listError = ref<ApiError | null>(null)

  const prompt = ref('')
  const phase = ref<Phase>('idle')
  const text = ref('')
  const thinking = ref('')
  const finish = ref('')
  const usage = ref<Usage | null>(null)
  const firstToken = ref<number | null>(null)
  const elapsed = ref<number | null>(null)
  const error = ref<ApiError | null>(null)

  const busy = computed(() => phase.value === 'waiting' || phase.value === 'streaming')
  const canSend = computed(() => !busy.value && key.value.trim() !== '' && model.value !== '' && prompt.value.trim() !== '')

  let listedFor = ''
  let stopper: AbortController | undefined

  /** Lists the models of the key, once per key. */
  async function loadModels(again = false) {
    const wanted = key.value.trim()
    if (wanted === listedFor && !again) return
    listedFor = wanted
    models.value = null
    listError.value = null
    listing.value = wanted !== ''
    if (wanted === '') return
    try {
      const found = await fetchModels(wanted)
      if (wanted !== listedFor) return
      models.value = found
      if (!found.includes(model.value)) model.value = firstChoice(found)
    } catch (thrown) {
      if (wanted !== listedFor) return
      listError.value = asApiError(thrown)
    }
    listing.value = false
  }

  function reset() {
    text.value = ''
    thinking.value = ''
    finish.value = ''
    usage.value = null
    firstToken.value = null
    elapsed.value = null
    error.value = null
  }

  async function send() {
    if (!canSend.value) return
    reset()
    phase.value = 'waiting'
    const started = performance.now()
    const own = new AbortController()
    stopper = own
    const question = { key: key.value.trim(), model: model.value, prompt: prompt.value }
    try {
      for await (const event of streamChat(question, own.signal)) {
        if (event.kind === 'usage') usage.value = event.usage
        else if (event.kind === 'finish') finish.value = event.reason
        else {
          firstToken.value ??= performance.now() - started
          phase.value = 'streaming'
          if (event.kind === 'text') text.value += event.text
          else thinking.value += event.text
        }
      }
      phase.value = 'done'
    } catch (thrown) {
      phase.value = own.signal.aborted ? 'stopped' : 'failed'
      if (!own.signal.aborted) error.value = asApiError(thrown)
    } finally {
      elapsed.value = performance.now() - started
    }
  }

  function stop() {
    stopper?.abort()
  }

  return {
    key,
    models,
    model,
    listing,
    listError,
    loadModels,
    prompt,
    phase,
    text,
    thinking,
    finish,
    usage,
    firstToken,
    elapsed,
    error,
    busy,
    canSend,
    send,
    stop,
  }
})
