import { expect, it } from 'vitest'

import type { Schema } from '../api/client'
import { keyEdit, keyForm, modelLimitLines, modelLimitsOf } from './keyform'

const models = [
  { match: 'claude-*', limits: { rpm: 60, tpm: 100_000 } },
  { match: 'gpt-5', limits: { concurrent: 0 } },
]
const key = { id: 'key_1', name: 'web', limits: { rpm: 5, models }, policy: { cache: 'auto', rules: ['a'] } } as unknown as Schema['Key']

it('limits of models survive their form', () => {
  expect(modelLimitLines(models)).toBe('claude-* rpm=60 tpm=100000\ngpt-5 concurrent=0')
  expect(modelLimitsOf(modelLimitLines(models))).toEqual(models)
  expect(modelLimitsOf(' \n')).toEqual([])
  expect(modelLimitsOf('a rpm=many')).toEqual([{ match: 'a', limits: { rpm: 'many' } }])
})

it('what the form does not change of a key is not lost', () => {
  const edit = keyEdit(keyForm(key), key)
  expect(edit.limits).toBeUndefined()
  expect(edit.rpm).toBe(5)
  expect(edit.policy).toEqual({ cache: 'auto', rules: ['a'] })
})

it('limits of models go with those of the key', () => {
  const edit = keyEdit({ ...keyForm(key), modelLimits: 'claude-* rpm=1' }, key)
  expect(edit.limits).toEqual({ models: [{ match: 'claude-*', limits: { rpm: 1 } }] })
  expect(edit.rpm).toBe(5)
})
