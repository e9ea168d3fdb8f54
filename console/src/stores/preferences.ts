import { defineStore } from 'pinia'
import { Dark, Lang } from 'quasar'
import quasarEnglish from 'quasar/lang/en-US'
import quasarChinese from 'quasar/lang/zh-CN'
import { ref, watch } from 'vue'

import { i18n } from '../i18n'
import { type Locale, locales, preferredLocale } from '../i18n/locale'
import { recall, remember } from '../lib/remember'

/** Themes one can choose; system follows the machine. */
export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const quasarLanguages = { en: quasarEnglish, 'zh-CN': quasarChinese }

function recallOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
  const stored = recall(name)
  return allowed.find((value) => value === stored)
}

/** How a person wants the console: theme and language, kept in the browser. */
export const usePreferencesStore = defineStore('preferences', () => {
  const theme = ref<Theme>(recallOf('theme', themes) ?? 'system')
  const locale = ref<Locale>(recallOf('locale', locales) ?? preferredLocale(navigator.languages))

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
