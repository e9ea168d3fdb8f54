import type { Schema } from '../../api/client'

type Login = Schema['SigninLogin']

/** What a person has to do now: begin, enter a code, bring an address back, or nothing more. */
export type Step = 'start' | 'code' | 'address' | 'ended'

export function stepOf(login: Login | null): Step {
  if (!login || login.status === 'completed') return 'start'
  if (login.status !== 'pending') return 'ended'
  return login.user_code ? 'code' : 'address'
}

/** Milliseconds until the next question, as the service wants it; never less than one second. */
export function waitOf(login: Login): number {
  return Math.max(1, login.interval ?? 5) * 1000
}
