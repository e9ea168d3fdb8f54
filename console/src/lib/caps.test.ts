import { expect, test } from 'vitest'

import { capKinds, capLines, capsOf } from './caps'

test('what a rule says survives its form', () => {
  const caps = { max_output: 64_000, no_images: true, strict: false, thinking: 'effort', efforts: ['low', 'high'], family: 'claude' }
  expect(capsOf(capLines(caps))).toEqual(caps)
})

test.each([
  ['max_output', ' 64,000 ', 64_000],
  ['context', '1 000 000', 1_000_000],
  ['max_output', 'lots', 'lots'],
  ['no_tools', '', true],
  ['no_tools', 'false', false],
  ['betas', 'a, ,b', ['a', 'b']],
  ['unheard_of', 'x', 'x'],
])('%s %s', (name, value, want) => {
  expect(capsOf([{ name, value }, { name: '', value: 'left out' }])).toEqual({ [name]: want })
})

test('a flag begins as set and a list as empty', () => {
  expect(capsOf(Object.keys(capKinds).map((name) => ({ name, value: '' })))).toMatchObject({ no_images: true, efforts: [], max_output: '' })
})
