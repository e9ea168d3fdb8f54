/** Languages of the console. */
export const locales = ['en', 'zh-CN'] as const
export type Locale = (typeof locales)[number]

/** The first language of the browser's list that the console has; any Chinese gets the simplified one. */
export function preferredLocale(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split('-')[0]
    if (language === 'zh') return 'zh-CN'
    if (language === 'en') return 'en'
  }
  return 'en'
}
