// The page of an audit by keyboard alone, what a search finds, what its address keeps, and what is
// told without scripts and on paper.
//
// needs: browser
// takes: 1 minute
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { htmlReport, type PageAssets } from '../../src/report/html.ts'
import { randomAudit } from '../support/audits/random.ts'
import { baseOf, drawn, goTo, pageAssets, Reader } from './reader.ts'

let reader: Reader
let assets: PageAssets
before(async () => {
  ;[reader, assets] = await Promise.all([Reader.start(), pageAssets()])
})
after(() => reader.end())

const audit = randomAudit(5, { paths: 300 })
const closure = audit.paths.filter(({ part }) => part === 'closure')

async function opened(fragment = ''): Promise<Page> {
  return (await reader.open(reader.write(audit, assets), { fragment })).page
}

/** What has the focus: its key, or its kind. */
const focused = (page: Page) =>
  page.evaluate(`document.activeElement.dataset.key ?? document.activeElement.id ?? ''`) as Promise<string>

/** Presses Tab until something has the focus. */
async function tabTo(page: Page, wanted: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if ((await focused(page)) === wanted) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`${wanted} was not reached by Tab`)
}

async function press(page: Page, key: string): Promise<void> {
  await page.keyboard.press(key)
  await drawn(page)
}

test('arrow keys go over the map, Enter opens a path, Escape leads back', async () => {
  const page = await opened()
  await tabTo(page, 'map')
  const told = () => page.locator('#map-path').textContent()
  const seen = new Set([await told()])
  for (const key of ['ArrowRight', 'ArrowDown', 'ArrowRight', 'ArrowDown']) {
    await press(page, key)
    seen.add(await told())
  }
  assert.equal(seen.size, 5)
  await press(page, 'ArrowLeft')
  const name = (await told())?.split(',')[0]
  await press(page, 'Enter')
  assert.equal(await focused(page), 'path-title')
  assert.equal(await page.locator('#path-title').textContent(), name)
  await press(page, 'Escape')
  assert.equal(await page.locator('#path-title').count(), 0)
  assert.equal(await focused(page), 'map')
  await page.context().close()
})

test('every path of the map is reached by arrow keys from some other', async () => {
  const page = await opened('#show=refused')
  await tabTo(page, 'map')
  await press(page, 'Home')
  const seen = new Set<string | null>()
  const told = () => page.locator('#map-path').getAttribute('aria-posinset')
  for (const key of ['ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp']) {
    for (let steps = 0; steps < 12; steps++) {
      await page.keyboard.press(key)
      seen.add(await told())
    }
  }
  assert.ok(seen.size > 4, `${seen.size}`)
  await page.context().close()
})

test('all views are reached by keyboard, and who is clicked there is what is looked at', async () => {
  const page = await opened()
  for (const view of ['table', 'people', 'refused', 'ends', 'disk', 'map']) {
    await tabTo(page, `view ${view}`)
    await press(page, 'Enter')
    assert.equal(await focused(page), `view ${view}`)
    assert.equal(await page.locator('[aria-current]').getAttribute('data-key'), `view ${view}`)
    await page.evaluate('document.activeElement.blur()')
  }
  const [most] = [...audit.principals].sort((a, b) => b.falls.length - a.falls.length)
  await goTo(page, '#view=people')
  await tabTo(page, `person ${most?.name}`)
  await press(page, 'Enter')
  assert.equal(await page.locator('#person-title').textContent(), most?.name)
  await tabTo(page, `on who ${most?.name}`)
  await press(page, 'Enter')
  assert.match(
    (await page.locator('.filters').textContent()) ?? '',
    new RegExp(`\\b${most?.falls.length} paths`),
  )
  await page.context().close()
})

test('who asks for more of a list is at the first that came, also when nothing is left', async () => {
  const users = audit.paths.map((_, at) => audit.paths.filter(path => path.references.includes(at)).length)
  const most = users.indexOf(Math.max(...users))
  assert.ok((users[most] ?? 0) > 8)
  const page = await opened(`#path=${baseOf(audit.paths[most]?.path ?? '')}`)
  const more = page.locator('[data-key="hop -1 more"]')
  let seen = 8
  while ((await more.count()) > 0) {
    await more.press('Enter')
    await drawn(page)
    const items = page.locator('[data-hop="-1"] li')
    assert.equal(await focused(page), await items.nth(seen).locator('button').getAttribute('data-key'))
    assert.ok((await items.count()) > seen)
    seen = await items.count()
  }
  assert.ok(seen > 8)
})

test('a search as you type finds by name, hash, person and group', async () => {
  const page = await opened('#view=table')
  const caption = () => page.locator('caption').textContent()
  assert.match((await caption()) ?? '', new RegExp(`^${closure.length} paths`))
  const [path] = closure
  const signed = closure.filter(({ claims }) =>
    claims.some(({ key }) => audit.keys[key]?.principal === 0),
  ).length
  const [group] = audit.groups
  const grouped = group?.paths.filter(at => audit.paths[at]?.part === 'closure').length
  for (const [text, count] of [
    [path?.narHash ?? baseOf(path?.path ?? ''), 1],
    [baseOf(path?.path ?? '').slice(0, 32), 1],
    [audit.principals[0]?.name ?? '', signed],
    [group?.title ?? '', grouped],
    ['nothing has this name', 0],
  ] as const) {
    await press(page, '/')
    assert.equal(await focused(page), 'search')
    await page.keyboard.press('Control+A')
    await page.keyboard.type(text)
    await drawn(page)
    assert.match((await caption()) ?? '', count === 0 ? /^No path/ : new RegExp(`^${count} paths?,`), text)
    await page.evaluate('document.activeElement.blur()')
  }
  await page.context().close()
})

test('the address keeps what is looked at, and the back button leads back', async () => {
  const page = await opened()
  await page.locator('[data-key="view table"]').click()
  await page.locator('#search').fill('glibc')
  await page.locator('[data-key="sort size"]').click()
  await drawn(page)
  const rows = await page.locator('.paths-table tbody').textContent()
  const again = (await reader.open(page.url())).page
  assert.equal(await again.locator('.paths-table tbody').textContent(), rows)
  assert.equal(await again.locator('#search').inputValue(), 'glibc')
  await page.locator('.paths-table .path-link').first().click()
  await drawn(page)
  assert.equal(await page.locator('#path-title').count(), 1)
  await page.goBack()
  await drawn(page)
  assert.equal(await page.locator('#path-title').count(), 0)
  for (const opened of [page, again]) await opened.context().close()
})

test('the switch turns dark to light and back', async () => {
  const page = await opened()
  const ground = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
  const light = await ground()
  await page.locator('.look').click()
  assert.notEqual(await ground(), light)
  await page.locator('.look').click()
  assert.equal(await ground(), light)
  await page.context().close()
})

test('without scripts the page sums up, and on paper as well', async () => {
  const address = reader.write(audit, assets)
  const { page } = await reader.open(address, { scripts: false })
  const told = (await page.locator('main.plain').textContent()) ?? ''
  assert.ok(await page.locator('main.plain').isVisible())
  for (const { title, next } of audit.groups) assert.ok(told.includes(title) && told.includes(next))
  for (const { name } of audit.principals) assert.ok(told.includes(name))
  await page.context().close()
  const paper = (await reader.open(address)).page
  await paper.emulateMedia({ media: 'print' })
  await paper.evaluate(`window.dispatchEvent(new Event('beforeprint'))`)
  const printed = (await paper.locator('.print').textContent()) ?? ''
  assert.ok(await paper.locator('.print').isVisible())
  for (const { path, outcome } of audit.paths)
    if (outcome !== 'trusted') assert.ok(printed.includes(path), path)
  assert.ok(await paper.locator('#app').isHidden())
  // On white, whatever the screen has.
  await paper.emulateMedia({ media: 'print', colorScheme: 'dark' })
  const ground = await paper.evaluate('getComputedStyle(document.documentElement).backgroundColor')
  assert.equal(ground, 'rgb(255, 255, 255)')
  assert.ok((await paper.pdf()).length > 10_000)
  await paper.context().close()
})

test('a page that was cut short says so', async () => {
  const html = htmlReport(audit, assets).replace(/(id="audit">.{900})[^<]*/, '$1')
  const address = reader.keep(html)
  const { page } = await reader.open(address)
  assert.match(
    (await page.locator('[role=alert]').textContent()) ?? '',
    /^This page cannot be shown: .*nixsig audit --html/,
  )
  await page.context().close()
})
