import { createI18n } from 'vue-i18n'

import { en } from './en'
import { zhCN } from './zh-CN'

/** Translations of the console. */
export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  messages: { en, 'zh-CN': zhCN },
})
