import { defineStore } from 'pinia'
import { Dark, Lang } from 'quasar'
import quasarEnglish from 'quasar/lang/en-US'
import quasarChinese from 'quasar/lang/zh-CN'
import { ref, watch } from 'vue'

import { i18n } from '../i18n'
import { type Locale, locales, preferredLocale } from '../i18n/locale'

/** Themes one can choose; system follows the machine. */
export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const quasarLanguages = { en: quasarEnglish, 'zh-CN': quasarChinese }

// A browser may refuse storage altogether; then choices last as long as the page.
function recall<T extends string>(name: string, allowed: readonly T[]): T | undefined {
  try {
    const stored = localStorage.getItem(`turnpike.${name}`)
    return allowed.find((value) => value === stored)
  } catch {
    return undefined
  }
}

function remember(name: string, value: string) {
  try {
    localStorage.setItem(`turnpike.${name}`, value)
  } catch {
    // See recall.
  }
}

/** How a person wants the console: theme and language, kept in the browser. */
export const usePreferencesStore = defineStore('preferences', () => {
  const theme = ref<Theme>(recall('theme', themes) ?? 'system')
  const locale = ref<Locale>(recall('locale', locales) ?? preferredLocale(navigator.languages))

  function applyTheme() {
    document.documentElement.dataset.theme = theme.value
    Dark.set(theme.value === 'system' ? 'auto' : theme.value === 'dark')
  }

  function applyLocale() {
    i18n.global.locale.value = locale.value
    document.documentElement.lang = locale.value
    // Quasar's own packs do not match its own parameter type to the letter.
    Lang.set(quasarLanguages[locale.value] as Parameters<typeof Lang.set>[0])
  }

  function setTheme(value: Theme) {
    theme.value = value
    remember('theme', value)
  }

  function setLocale(value: Locale) {
    locale.value = value
    remember('locale', value)
  }

  watch(theme, applyTheme, { immediate: true })
  watch(locale, applyLocale, { immediate: true })

  return { theme, locale, setTheme, setLocale }
})
