import { expect, test } from 'vitest'

import type { Schema } from '../api/client'
import { headersOf, limitsOf, providerBody, providerForm } from './providerform'

const known = { name: 'main', type: 'openai', models: ['gpt-*'], settings: { weight: 50, base_url: 'https://a.example/v1', limits: [{ model: 'gpt-*', rpm: 60 }] }, secrets: ['api_key'] } as unknown as Schema['Provider']

test('of a new provider what is said is sent', () => {
  const form = { ...providerForm(), name: 'main', api_key: ' k ', models: 'a, b' }
  expect(providerBody(form)).toEqual({ api_key: 'k', models: ['a', 'b'], weight: 100 })
})

test('of a known one what was changed', () => {
  expect(providerBody(providerForm(known), known)).toEqual({})
  const form = { ...providerForm(known), weight: '70', base_url: '', api_key: 'new', limits: '' }
  expect(providerBody(form, known)).toEqual({ weight: 70, base_url: null, api_key: 'new', limits: [] })
})

test('members of other types are not sent', () => {
  expect(providerBody({ ...providerForm(), type: 'anthropic', region: 'us-east-1', weight: '100' })).toEqual({ weight: 100 })
})

test('limits and headers are lines', () => {
  expect(limitsOf(' * rpm=60\nclaude-* tpm=100,000 concurrency=4\n\n')).toEqual([{ rpm: 60 }, { model: 'claude-*', tpm: 100000, concurrency: 4 }])
  expect(headersOf('X-Team: web\n\nX-Url: http://a:1')).toEqual({ 'X-Team': 'web', 'X-Url': 'http://a:1' })
  expect(providerForm(known).limits).toBe('gpt-* rpm=60')
})
