/** Every page of the console, by a name for its picture. */
export function pagesOf(gateway, requestId, session) {
  return [
    ['overview', '/'],
    ['usage', '/usage'],
    ['usage-compare', '/usage?by=key&compare=yes&period=7d'],
    ['requests', '/requests?since=7d'],
    ['request', `/requests/${requestId}`],
    ['conversations', '/conversations?since=7d'],
    ['conversation', `/conversations/${session}?since=7d`],
    ['playground', '/playground'],
    ['keys', '/keys'],
    ['key', `/keys/${gateway.keys[0].id}`],
    ['teams', '/teams'],
    ['team', `/teams/${gateway.team.id}`],
    ['users', '/users'],
    ['user', `/users/${gateway.user.id}`],
    ['accounts', '/accounts'],
    ['account', `/accounts/${gateway.account.id}`],
    ['invitations', '/accounts?view=invitations'],
    ['sign-ins', '/accounts?view=sessions'],
    ['mappings', '/groups'],
    ['services', '/services'],
    ['audit', '/audit'],
    ['providers', '/providers'],
    ['provider', '/providers/claude'],
    ['models', '/models'],
    ['prices', '/prices'],
    ['alerts', '/alerts'],
    ['settings', '/settings'],
    ['about', '/about'],
    ['setup', '/setup'],
    ['lost', '/nowhere'],
  ]
}

/** A request with two attempts, and a session, of the seeded month. */
export async function examples(gateway) {
  const since = new Date(Date.now() - 7 * 86_400_000).toISOString()
  const retried = await gateway.api('GET', `/admin/attempts?failed=true&limit=1&from=${since}`)
  const sessions = await gateway.api('GET', `/admin/conversations?limit=1&sort=-turns&from=${since}`)
  return { requestId: retried.attempts[0].request_id, session: sessions.conversations[0].id }
}

/** The pages of a member, who sees nothing else. */
export const memberPages = [
  ['my-keys', '/my/keys'],
  ['my-usage', '/my/usage'],
  ['my-connect', '/my/connect'],
  ['my-account', '/my/account'],
  ['forbidden', '/keys'],
]
