// Debian's Chromium, with what every page must keep to: no error on the console, no request that leaves the origin.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

import { chromium } from 'playwright-core'

import { adminKey } from './gateway.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const quiet = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

export function openBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: quiet })
}

/** A page of the console. Its faults are gathered: allow says which failed answers a test brings about itself. */
export async function openPage(browser, gateway, { width = 1440, height = 900, locale = 'en-GB', scheme = 'light', allow = [] } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale, colorScheme: scheme, reducedMotion: 'reduce' })
  const page = await context.newPage()
  const faults = []
  page.on('console', (message) => {
    if (message.type() !== 'error') return
    if (message.text().startsWith('Failed to load resource') && allow.some((word) => message.text().includes(word))) return
    faults.push(`console: ${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`))
  page.on('request', (request) => {
    if (!request.url().startsWith(gateway.origin) && !request.url().startsWith('blob:')) faults.push(`leaves the origin: ${request.url()}`)
  })
  page.setDefaultTimeout(20_000)
  return { page, context, faults }
}

/** The form for the admin key, which stands behind the ways for people. */
export async function keyForm(page) {
  await page.locator('.sign details summary').click()
  return page.locator('.sign details form')
}

/** Signs in at a page with the admin key and waits for what comes. */
export async function signIn(page, gateway, path = '/ui/') {
  await page.goto(gateway.origin + path)
  const form = await keyForm(page)
  await form.locator('input').fill(adminKey)
  await form.locator('button[type=submit]').click()
  await page.waitForURL((url) => !url.pathname.endsWith('/sign-in'))
  await settled(page)
}

/** Goes to a page without a reload, which would forget the key. */
export async function go(page, path) {
  const before = await page.evaluate((to) => {
    const shown = document.getElementById('main').dataset.page
    history.pushState({}, '', to)
    dispatchEvent(new PopStateEvent('popstate', { state: {} }))
    return shown
  }, `/ui${path}`)
  // Pages are loaded when they are visited: until then the one before stands there. Some lead on to another.
  const wanted = decodeURIComponent(new URL(path, 'http://x').pathname)
  await page.waitForFunction(([from, to]) => {
    const shown = decodeURIComponent(document.getElementById('main').dataset.page)
    return shown === to || shown !== from
  }, [before, wanted])
  await settled(page)
}

/** Waits until nothing is loading any more. */
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector('.bones, [aria-busy="true"]') && document.querySelector('main h1, main h2'))
  await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState !== 'running' || animation.effect?.getTiming().iterations === Infinity))
  await page.waitForFunction(() => [...document.querySelectorAll('.place')].every((place) => place.querySelector('canvas') || place.closest('[hidden]')))
}

/** What axe finds, as lines. */
export async function audit(page) {
  // It stays where pages change without a reload.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe)
  const found = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] }))
  return found.violations.flatMap((violation) => violation.nodes.map((node) => `${violation.id}: ${node.target.join(' ')} ${node.failureSummary?.split('\n')[1] ?? ''}`))
}

/** Signs in with a password. */
export async function signInAs(page, gateway, { login, password }, path = '/ui/') {
  await page.goto(gateway.origin + path)
  await page.locator('.sign form').first().locator('input').nth(0).fill(login)
  await page.locator('.sign form').first().locator('input').nth(1).fill(password)
  await page.keyboard.press('Enter')
  await page.waitForURL((url) => !url.pathname.endsWith('/sign-in'))
  await settled(page)
}

/** Goes to something with the Tab key alone, as people without a pointer do; gives the number of presses. */
export async function tabTo(page, locator, most = 80) {
  await locator.waitFor()
  for (let presses = 0; presses <= most; presses++) {
    if (await locator.evaluate((element) => element === document.activeElement)) return presses
    await page.keyboard.press('Tab')
  }
  throw new Error(`${locator} is not reached by keyboard`)
}
