// What all lists have, and what every page does where the gateway is slow or fails: one table, one run over it.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'

import { go, openBrowser, openPage, settled, signIn, signInAs } from './browser.mjs'
import { member, startGateway } from './gateway.mjs'
import { examples, memberPages, pagesOf } from './pages.mjs'

let gateway, browser
before(async () => {
  gateway = await startGateway()
  browser = await openBrowser()
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
})

/** The lists: where they are, a filter of theirs and its place in the address; time: the order is that of time alone. */
const lists = [
  { path: '/requests?since=7d', filter: ['Outcome', 'failed', 'outcome'], time: true, paged: true },
  { path: '/conversations?since=7d', filter: ['Since', '30d', 'since'], paged: true },
  { path: '/keys', filter: ['State', 'valid', 'state'] },
  { path: '/teams', filter: ['State', 'active', 'state'] },
  { path: '/users', filter: ['State', 'active', 'state'] },
  { path: '/accounts', filter: ['Role', 'member', 'role'] },
  { path: '/accounts?view=invitations' },
  { path: '/accounts?view=sessions' },
  { path: '/groups' },
  { path: '/services' },
  { path: '/providers', filter: ['State', 'ready', 'state'] },
  { path: '/models', filter: ['Kind', 'aliases', 'only'] },
  { path: '/prices', paged: true },
  { path: '/alerts' },
  { path: '/settings' },
  // Searched by fields of its own, in the order of its chain.
  { path: '/audit', own: true, time: true },
]

test('every list searches, filters by its address, sorts, pages, shows the columns that are wanted, and is taken along', async (t) => {
  const { page, context, faults } = await openPage(browser, gateway)
  t.after(() => context.close())
  await signIn(page, gateway)
  // Somebody is signed in, so that this list too has a row.
  const other = await openPage(browser, gateway)
  t.after(() => other.context.close())
  await signInAs(other.page, gateway, member)
  for (const { path, filter, time, own, paged } of lists) {
    await go(page, path)
    const list = page.locator('section.list')
    const address = () => new URL(page.url()).searchParams
    const rows = () => list.locator('tbody tr').count()
    const many = await rows()

    if (paged) {
      await list.getByRole('button', { name: 'Next' }).click()
      await page.waitForURL(/cursor=/)
      await settled(page)
      assert.ok((await rows()) > 0, `${path}: a second page`)
      await list.getByRole('button', { name: 'Back' }).click()
      await page.waitForURL((url) => !url.searchParams.has('cursor'))
      await settled(page)
    }
    if (many > 0) {
      const heads = list.locator('thead th[scope=col]')
      const columns = await heads.count()
      await list.getByRole('button', { name: 'Columns' }).click()
      const box = page.locator('.columns input:checked').last()
      await box.uncheck()
      assert.equal(await heads.count(), columns - 1, `${path}: a column less`)
      await page.locator('.columns input:not(:checked)').last().check()
      await page.keyboard.press('Escape')
      await page.locator('.columns').waitFor({ state: 'detached' })

      if (!time) {
        const sort = list.locator('thead .sort').first()
        await sort.click()
        await page.waitForURL(/sort=/)
        await settled(page)
        assert.match((await list.locator('th[aria-sort=ascending], th[aria-sort=descending]').count()).toString(), /^1$/, `${path}: says how it is sorted`)
      }
      const [file] = await Promise.all([page.waitForEvent('download'), list.getByRole('button', { name: 'CSV' }).click()])
      const text = await readFile(await file.path(), 'utf8')
      assert.ok(text.trim().split('\n').length > 1, `${path}: ${text}`)
    }
    if (filter) {
      const [label, value, name] = filter
      await list.getByLabel(label, { exact: true }).selectOption(value)
      await page.waitForURL((url) => url.searchParams.get(name) === value)
      await settled(page)
    }
    if (own) await go(page, `${path}?kind=no-such-kind.`)
    else {
      await list.getByRole('searchbox').fill('no such thing')
      await page.waitForURL(/q=no/)
      await settled(page)
      assert.equal(address().get('q'), 'no such thing')
    }
    assert.equal(await rows(), 0, `${path}: nothing is found`)
    await list.locator('.nothing').waitFor()
    assert.deepEqual(faults, [], path)
  }
})

/** Pages that ask nothing of the admin API, or show what they have while they ask. */
const still = new Set(['lost', 'setup', 'playground', 'my-connect', 'forbidden'])

test('every page shows that it waits, and says what failed in the words of the server', async (t) => {
  const { page, context } = await openPage(browser, gateway, { allow: ['500'] })
  t.after(() => context.close())
  const { requestId, session } = await examples(gateway)
  const visit = async ([name, path]) => {
    let release
    const held = new Promise((resolve) => (release = resolve))
    await page.route(/\/admin\/(?!me$)/, async (route) => {
      await held
      await route.fulfill({ status: 500, contentType: 'application/problem+json', body: '{"title":"x","status":500,"detail":"the disk is on fire"}' })
    })
    await page.evaluate((to) => {
      history.pushState({}, '', to)
      dispatchEvent(new PopStateEvent('popstate', { state: {} }))
    }, `/ui${path}`)
    await page.waitForFunction((to) => document.getElementById('main').dataset.page === to, decodeURIComponent(new URL(path, 'http://x').pathname))
    await page.locator('main h1, main h2, .bones').first().waitFor()
    if (!still.has(name)) await page.locator('main .bones').first().waitFor()
    release()
    if (!still.has(name)) await page.getByRole('alert').getByText('the disk is on fire').first().waitFor()
    await page.unrouteAll({ behavior: 'wait' })
    if (still.has(name)) return
    await page.getByRole('button', { name: 'Try again' }).first().click()
    await settled(page)
  }
  await signIn(page, gateway, '/ui/keys')
  const paths = pagesOf(gateway, requestId, session)
  // From one path to another: where only the query differs the page stays the same.
  for (const one of paths.filter(([, path], at) => path.split('?')[0] !== paths[at - 1]?.[1].split('?')[0])) await visit(one)
  await go(page, '/about')
  await page.locator('.bar button').last().click()
  await signInAs(page, gateway, member)
  for (const one of memberPages.toReversed()) await visit(one)
})
