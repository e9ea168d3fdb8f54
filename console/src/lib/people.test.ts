import { describe, expect, it } from 'vitest'

import { claimsOf, claimsText, scopesForm, scopesOf } from './people'

describe('scopes', () => {
  it.each([
    [{}],
    [{ keys: ['*'] }],
    [{ keys: ['key_1', 'team_2'], usage: ['*'], monitor: ['*'] }],
    [{ models: ['claude-*'] }],
  ])('%j come back from their form', (scopes) => {
    expect(scopesOf('admin', scopesForm(scopes))).toEqual(scopes)
  })

  it('are an admin’s alone', () => {
    expect(scopesOf('member', scopesForm({ keys: ['*'] }))).toEqual({})
  })

  it('with nothing listed are none', () => {
    const form = scopesForm()
    form.keys.mode = 'some'
    expect(scopesOf('admin', form)).toEqual({})
  })
})

describe('claims', () => {
  it('come back from their text', () => {
    const claims = { repository: 'acme/app', ref: 'refs/heads/main', sub: 'repo:acme/app:*' }
    expect(claimsOf(claimsText(claims))).toEqual(claims)
  })

  it('without a colon have no value', () => {
    expect(claimsOf(' repository \n\n')).toEqual({ repository: '' })
  })
})
