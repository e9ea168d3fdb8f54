// Signing in by a real OpenID provider (node oidc-provider), which scripts/idp.sh installs; without it these are skipped.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

import { audit, go, keyForm, openBrowser, openPage, settled, signIn } from './browser.mjs'
import { freePort, startGateway } from './gateway.mjs'

const folder = process.env.TURNPIKE_TEST_IDP ?? ''
const skip = folder === '' ? 'TURNPIKE_TEST_IDP is empty: run by scripts/idp.sh' : false
let gateway, browser, provider, issuer

/** Starts the provider, which prints its address. */
function startProvider(redirect) {
  provider = spawn(process.execPath, [join(folder, 'oidc.mjs'), redirect], { stdio: ['pipe', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    let text = ''
    provider.on('exit', () => reject(new Error('the provider ended')))
    provider.stdout.on('data', (piece) => {
      text += piece
      const [, found] = /listening (\S+)/.exec(text) ?? []
      if (found) resolve(found)
    })
  })
}

before(async () => {
  if (skip) return
  const port = await freePort()
  issuer = await startProvider(`http://127.0.0.1:${port}/auth/oidc/test/callback`)
  gateway = await startGateway({
    seeded: false,
    port,
    auth: `oidc: [{ name: test, label: Test directory, issuer: "${issuer}", client_id: gw, client_secret: a secret of the client, allow_unverified_email: true }]`,
  })
  browser = await openBrowser()
  const people = { olga: { name: 'Olga Owner', email: 'olga@example.org' }, mia: { name: 'Mia', groups: ['engineers'] }, nobody: { name: 'Nobody' } }
  await fetch(`${issuer}/test`, { method: 'POST', body: JSON.stringify({ people }) })
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
  provider?.removeAllListeners('exit')
  provider?.stdin.end()
})

async function open(t) {
  const opened = await openPage(browser, gateway)
  t.after(() => opened.context.close())
  // The provider's own pages are another origin, and have faults of their own.
  const faults = () => opened.faults.filter((fault) => !fault.includes(issuer) && !fault.includes('https://fonts.googleapis.com/'))
  return { page: opened.page, faults }
}

/** Signs in at the provider and lets it tell the gateway. */
async function identify(page, login) {
  await page.waitForURL((url) => url.href.startsWith(issuer))
  await page.locator('input[name=login]').fill(login)
  await page.locator('input[name=password]').fill('x')
  await page.locator('button[type=submit]').click()
  await page.locator('button[type=submit]', { hasText: 'Continue' }).click()
  await page.waitForURL((url) => url.href.startsWith(gateway.origin))
}

test('an owner comes by an invitation, maps a group, and signs out at the provider too', { skip }, async (t) => {
  const { page, faults } = await open(t)
  const { link } = await gateway.api('POST', '/admin/invitations', { role: 'owner' })
  await page.goto(new URL(link, gateway.origin).href)
  assert.equal(await page.getByLabel(/^Password/).count(), 0, 'there are no passwords here')
  await page.getByRole('button', { name: 'Sign in with Test directory' }).waitFor()
  assert.deepEqual(await audit(page), [])
  await page.getByRole('button', { name: 'Sign in with Test directory' }).click()
  await identify(page, 'olga')
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  await go(page, '/my/account')
  await page.locator('td').getByText('olga', { exact: true }).waitFor()
  assert.equal(await page.getByRole('button', { name: 'Change password' }).count(), 0)

  await go(page, '/groups')
  await page.getByRole('button', { name: 'Map a group' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Group').fill('engineers')
  await dialog.getByLabel('Priority').fill('10')
  assert.deepEqual(await audit(page), [])
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.locator('td').getByText('engineers').waitFor()
  assert.equal((await gateway.api('GET', '/admin/group-mappings')).mappings[0].role, 'member')

  await page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await page.waitForURL((url) => url.href.startsWith(issuer))
  assert.deepEqual(faults(), [])
})

test('who is in a group that has a role comes in; who is in none is told why not', { skip }, async (t) => {
  const { page, faults } = await open(t)
  await page.goto(`${gateway.origin}/ui/my/usage`)
  await page.getByRole('link', { name: 'Sign in with Test directory' }).click()
  await identify(page, 'mia')
  await page.waitForURL(/\/ui\/my\/usage$/)
  await settled(page)
  await page.getByRole('heading', { name: 'My usage' }).waitFor()
  assert.deepEqual(faults(), [])

  const other = await open(t)
  await other.page.goto(`${gateway.origin}/ui/`)
  await other.page.getByRole('link', { name: 'Sign in with Test directory' }).click()
  await identify(other.page, 'nobody')
  await other.page.getByRole('alert').getByText(/You have no access here/).waitFor()
  assert.deepEqual(await audit(other.page), [])
  await keyForm(other.page)
})

test('without passwords the admin key is still a way in', { skip }, async (t) => {
  const { page, faults } = await open(t)
  await signIn(page, gateway, '/ui/about')
  await page.getByRole('heading', { name: 'About' }).waitFor()
  assert.deepEqual(faults(), [])
})
