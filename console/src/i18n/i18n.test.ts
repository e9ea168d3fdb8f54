import { describe, expect, it } from 'vitest'

import { i18n } from '.'
import { en } from './en'
import { locales, preferredLocale } from './locale'
import { zhCN } from './zh-CN'

function flatten(messages: object, path = ''): [string, string][] {
  return Object.entries(messages).flatMap(([name, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null ? flatten(value, `${path}${name}.`) : [[path + name, String(value)] as [string, string]],
  )
}

function placeholders(message: string): string[] {
  return [...new Set(message.match(/\{\w+\}/g))].toSorted()
}

const english = flatten(en)
const chinese = new Map(flatten(zhCN))

describe('messages', () => {
  it('are there in both languages', () => {
    expect([...chinese.keys()].toSorted()).toEqual(english.map(([path]) => path).toSorted())
  })

  it.each(english)('%s takes the same values in both languages', (path, message) => {
    expect(placeholders(chinese.get(path) ?? '')).toEqual(placeholders(message))
  })

  it.each(locales.flatMap((locale) => english.map(([path]) => [locale, path] as const)))('%s %s can be said', (locale, path) => {
    const message = locale === 'en' ? Object.fromEntries(english)[path] : chinese.get(path)
    const values = Object.fromEntries(placeholders(message ?? '').map((name) => [name.slice(1, -1), 2]))
    const said = i18n.global.t(path, values, { locale })
    expect(said).not.toBe('')
    expect(said).not.toBe(path)
    expect(said).not.toMatch(/[{}|]/)
  })
})

describe('preferredLocale', () => {
  it.each([
    [['zh-Hant-TW', 'en'], 'zh-CN'],
    [['zh'], 'zh-CN'],
    [['de-DE', 'zh-CN', 'en'], 'zh-CN'],
    [['en-GB', 'zh-CN'], 'en'],
    [['de'], 'en'],
    [[], 'en'],
  ])('of %j', (wanted, expected) => {
    expect(preferredLocale(wanted)).toBe(expected)
  })
})
