// The page of an audit, as text: what its policy lets in, and what stands in it.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { headlineOf } from '../../src/report/headline.ts'
import { htmlReport } from '../../src/report/html.ts'
import { pageData } from '../../src/report/page-data.ts'
import { HOSTILE } from '../support/audits/hostile.ts'
import { randomAudit } from '../support/audits/random.ts'

const ASSETS = { script: 'void 0', style: 'html{color:red}' }
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsIn)
}

/** Tags of a text of HTML, each as it is written. */
const tagsIn = (html: string) => html.match(/<[^>]*>/g) ?? []

test('attack: nothing that anybody named is markup, or invisible, in the page', () => {
  for (let seed = 0; seed < 60; seed++) {
    const audit = randomAudit(seed, { hostile: 'paths' })
    const html = htmlReport(audit, ASSETS)
    const plain = htmlReport(randomAudit(seed), ASSETS)
    const kinds = (text: string) => new Set(tagsIn(text).map(tag => /^<\/?[!a-z0-9]+/i.exec(tag)?.[0]))
    for (const kind of kinds(html)) {
      assert.ok(
        kinds(plain).has(kind) || /^<\/?(h2|div|table|thead|tbody|tr|th|td|p)$/.test(kind ?? ''),
        kind,
      )
    }
    assert.equal(UNSEEN.test(html.replaceAll('\n', ' ')), false)
    assert.deepEqual(
      textsIn(pageData(audit)).filter(text => UNSEEN.test(text)),
      [],
    )
  }
})

test('attack: an audit of another machine that was worded by an attacker', () => {
  for (const text of HOSTILE) {
    const plain = randomAudit(4)
    const audit = {
      ...plain,
      groups: plain.groups.map(group => ({ ...group, title: text, next: text })),
      paths: plain.paths.map(path => ({ ...path, message: text, because: text, rule: text })),
      version: text,
    }
    const html = htmlReport(audit, ASSETS)
    assert.equal(UNSEEN.test(html.replaceAll('\n', ' ')), false)
    assert.deepEqual(
      textsIn(pageData(audit)).filter(found => UNSEEN.test(found)),
      [],
    )
    if (/[<>]/.test(text)) assert.equal(html.includes(text), false)
  }
})

test("the policy names the page's script and style by their hashes, and lets in nothing else", () => {
  const html = htmlReport(randomAudit(1), ASSETS)
  const [, policy = ''] = /Content-Security-Policy" content="([^"]*)"/.exec(html) ?? []
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
  assert.deepEqual(policy.split('; '), [
    "default-src 'none'",
    `script-src ${hash(ASSETS.script)}`,
    `style-src ${hash(ASSETS.style)}`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ])
  // It stands before everything that it is about.
  assert.ok(html.indexOf('Content-Security-Policy') < html.indexOf('<style'))
  assert.doesNotMatch(html, /\son[a-z]+=|\sstyle=|https?:\/\//)
})

test('a script or a style that would end its element is a fault of the build', () => {
  for (const text of ['a</script>', 'a</SCRIPT', '<!--'])
    assert.throws(() => htmlReport(randomAudit(1), { ...ASSETS, script: text }), /would end its element/)
  assert.throws(() => htmlReport(randomAudit(1), { ...ASSETS, style: '</style>' }), /would end its element/)
})

test('the data in the page is the audit, and the same audit makes the same page', () => {
  for (let seed = 0; seed < 30; seed++) {
    const audit = randomAudit(seed)
    const html = htmlReport(audit, ASSETS)
    assert.equal(htmlReport(audit, ASSETS), html)
    const [, packed = ''] = /id="audit">([^<]*)</.exec(html) ?? []
    const data = JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString())
    assert.deepEqual(data, JSON.parse(JSON.stringify(pageData(audit))))
    assert.equal(data.paths.length, audit.paths.length)
    for (const [at, path] of audit.paths.entries()) {
      assert.equal(data.paths[at].path, path.path)
      assert.deepEqual(data.paths[at].references, path.references)
      const isTrusted = ['trusted', 'exempt', 'unasked'].includes(data.paths[at].standing)
      assert.equal(isTrusted, path.outcome === 'trusted')
    }
  }
})

test('the headline counts what was asked for', () => {
  for (let seed = 0; seed < 60; seed++) {
    const audit = randomAudit(seed)
    const asked = audit.paths.filter(({ part }) => part === 'closure')
    const trusted = asked.filter(({ outcome }) => outcome === 'trusted').length
    const { verdict, detail } = headlineOf(audit)
    const all = trusted === asked.length
    assert.match(
      verdict,
      all ? /^(All|The one path)/ : new RegExp(`^${trusted} of ${asked.length} paths? (is|are) trusted\\.$`),
    )
    const refused = asked.filter(({ outcome }) => outcome === 'untrusted').length
    if (refused > 0) assert.ok(detail.startsWith(`${refused} `))
  }
})

test('an audit of nothing does not say that all is trusted', () => {
  const { verdict, detail } = headlineOf({ ...randomAudit(1), paths: [], unjudged: 0, respite: undefined })
  assert.equal(verdict, 'Nothing was audited.')
  assert.equal(detail, 'What was asked for has no path.')
})

test('a refusal on the page has no command to explain it, which the page does itself', () => {
  const plain = randomAudit(2)
  const message =
    'refused x under rule "default": needs bob, found no signature; next: nixsig explain /nix/store/x'
  const { paths } = pageData({ ...plain, paths: plain.paths.map(path => ({ ...path, message })) })
  assert.ok(paths.length > 0)
  for (const path of paths)
    assert.equal(path.message, 'refused x under rule "default": needs bob, found no signature')
})
