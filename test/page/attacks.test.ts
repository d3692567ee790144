// Whoever names paths, keys or repositories cannot make the page of an audit do anything, nor send
// anything anywhere.
//
// needs: browser
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { VIEWS } from '../../src/page/state.ts'
import type { PageAssets } from '../../src/report/html.ts'
import { HOSTILE } from '../support/audits/hostile.ts'
import { randomAudit } from '../support/audits/random.ts'
import { drawn, goTo, pageAssets, Reader } from './reader.ts'

let reader: Reader
let assets: PageAssets
before(async () => {
  ;[reader, assets] = await Promise.all([Reader.start(), pageAssets()])
})
after(() => reader.end())

/** What must never stand on a page as it is: it would change what is read around it. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u

/** Without halves of pairs, which no address can have. */
const wellFormed = (text: string) => Buffer.from(text).toString()

/** All text of the page, and all attributes. */
const TEXTS = `[...document.querySelectorAll('body, body *')].flatMap(element => [
  ...(element.localName === 'script' ? [] : [...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data)),
  ...[...element.attributes].map(attribute => attribute.value),
]).map(text => text.replaceAll('\\n', ' '))`

test('attack: names with markup, scripts and bidirectional overrides stay text, in every view', async () => {
  for (const seed of [1, 2]) {
    const address = reader.write(randomAudit(seed, { paths: 60, hostile: 'paths' }), assets)
    const { page, complaints, requests } = await reader.open(address, { fragment: '#all=1' })
    for (const view of VIEWS) {
      await goTo(page, `#view=${view}&all=1`)
      // A path as well, with all that is around it.
      if (view === 'table') {
        await page.locator('.paths-table .path-link').first().click()
        await drawn(page)
      }
      const texts = (await page.evaluate(TEXTS)) as string[]
      assert.ok(texts.length > 20)
      assert.deepEqual(
        texts.filter(text => UNSEEN.test(text)),
        [],
      )
      const made = '#app script, #app img, #app iframe, #app style, #app [onerror]'
      assert.equal(await page.locator(made).count(), 0)
    }
    assert.deepEqual(complaints, [])
    assert.deepEqual(requests, [address])
    await page.context().close()
  }
})

test('attack: a fragment of the address that holds markup, or names nothing, changes nothing', async () => {
  const { page, complaints } = await reader.open(reader.write(randomAudit(1), assets))
  for (const text of HOSTILE) {
    const value = encodeURIComponent(wellFormed(text))
    await goTo(page, `#path=${value}&who=${value}&on=${value}&view=${value}&page=${value}&show=${value}`)
    assert.equal(await page.locator('[aria-current]').textContent(), 'Map')
    assert.equal(await page.locator('#path-title').count(), 0)
    await goTo(page, `#view=table&q=${value}`)
    assert.equal(await page.locator('#search').inputValue(), wellFormed(text).replace(/[\r\n]/g, ''))
  }
  assert.deepEqual(complaints, [])
  await page.context().close()
})

test('attack: a script that got into the page could neither run nor send anything', async () => {
  let asked = 0
  const server: Server = createServer((_, response) => {
    asked++
    response.end()
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const there = `http://127.0.0.1:${port}/`
  const { page } = await reader.open(reader.write(randomAudit(1), assets))
  try {
    const tried = (await page.evaluate(`(async () => {
      const tries = {
        fetch: () => fetch('${there}'),
        image: () => new Promise((done, fail) => { const image = new Image(); image.onload = done; image.onerror = fail; image.src = '${there}' }),
        beacon: () => { if (navigator.sendBeacon('${there}', 'x')) throw 'queued' },
        socket: () => new Promise((done, fail) => { const socket = new WebSocket('${there.replace('http', 'ws')}'); socket.onopen = done; socket.onerror = fail }),
        style: () => new Promise((done, fail) => { const link = document.createElement('link'); link.rel = 'stylesheet'; link.href = '${there}'; link.onload = done; link.onerror = fail; document.head.append(link) }),
        markup: () => { document.body.innerHTML = '<img src=x>' },
        evaluated: () => window.eval('1'),
        script: () => { const script = document.createElement('script'); script.text = 'window.ran = true'; document.body.append(script) },
        handler: () => { document.body.setAttribute('onclick', 'window.ran = true'); document.body.click() },
      }
      const outcomes = {}
      for (const [name, attempt] of Object.entries(tries)) {
        try { await attempt(); outcomes[name] = window.ran ? 'ran' : 'nothing' } catch { outcomes[name] = 'refused' }
      }
      return outcomes
    })()`)) as Record<string, string>
    await page.evaluate(`location.hash`)
    await new Promise(done => setTimeout(done, 300))
    assert.equal(asked, 0)
    for (const name of ['fetch', 'image', 'socket', 'style', 'markup', 'evaluated', 'script'])
      assert.equal(tried[name], 'refused', name)
    assert.notEqual(tried['handler'], 'ran')
  } finally {
    server.close()
    await page.context().close()
  }
})

test('a form that was put into the page leads nowhere', async () => {
  const { page, complaints } = await reader.open(reader.write(randomAudit(1), assets))
  await page.evaluate(`(() => {
    const form = document.createElement('form')
    form.action = 'http://127.0.0.1:9/'
    document.body.append(form)
    form.submit()
  })()`)
  await new Promise(done => setTimeout(done, 200))
  assert.match(page.url(), /^file:/)
  assert.match(complaints.join('\n'), /form-action/)
  await page.context().close()
})
