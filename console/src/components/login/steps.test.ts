import { expect, test } from 'vitest'

import { stepOf, waitOf } from './steps'

const login = { id: 'l', provider: 'p', type: 'kiro', notice: 'n', expires_at: '2026-11-27T12:00:00Z', status: 'pending' as const }

test.each([
  [null, 'start'],
  [{ ...login, user_code: 'AB-12' }, 'code'],
  [{ ...login, auth_url: 'https://example.org' }, 'address'],
  [{ ...login, status: 'expired' as const, user_code: 'AB-12' }, 'ended'],
  [{ ...login, status: 'error' as const }, 'ended'],
  [{ ...login, status: 'completed' as const }, 'start'],
])('%j is at %s', (at, step) => expect(stepOf(at)).toBe(step))

test('it asks as often as the service lets it', () => {
  expect(waitOf({ ...login, interval: 7 })).toBe(7000)
  expect(waitOf({ ...login, interval: 0 })).toBe(1000)
  expect(waitOf(login)).toBe(5000)
})
