// axe finds nothing on the page of an audit: in each view, both colours, on a wide screen and on a
// narrow one.
//
// needs: browser
// takes: 1 minute
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { fleetHtml } from '../../src/fleet/html.ts'
import { openMerge } from '../../src/fleet/merge.ts'
import type { PageAssets } from '../../src/report/html.ts'
import { randomAudit } from '../support/audits/random.ts'
import { baseOf, goTo, pageAssets, Reader } from './reader.ts'

let reader: Reader
let assets: PageAssets
before(async () => {
  ;[reader, assets] = await Promise.all([Reader.start(), pageAssets()])
})
after(() => reader.end())

const audit = randomAudit(3, { paths: 200 })
const refused = audit.paths.find(({ outcome, part }) => outcome === 'untrusted' && part === 'closure')
const trusted = audit.paths.find(({ derivation, claims }) => derivation !== undefined && claims.length > 0)

const FRAGMENTS = [
  '#',
  '#by=signer&show=refused.undecided',
  `#path=${baseOf(refused?.path ?? '')}`,
  `#path=${baseOf(trusted?.path ?? '')}`,
  '#view=table',
  '#view=people',
  '#view=refused',
  '#view=ends',
  '#view=disk',
]

async function violations(page: Page): Promise<readonly string[]> {
  const found = (await page.evaluate('axe.run()')) as axe.AxeResults
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html.slice(0, 200)}: ${failureSummary}`),
  )
}

for (const colours of ['light', 'dark'] as const) {
  for (const width of [400, 1600]) {
    test(`axe finds nothing in ${colours} colours, ${width} pixels wide`, async () => {
      const address = reader.write(audit, assets)
      const { page } = await reader.open(address, { colours, width })
      await page.evaluate(axe.source)
      for (const fragment of FRAGMENTS) {
        await goTo(page, fragment)
        assert.deepEqual(await violations(page), [], fragment)
      }
      await page.context().close()
    })
  }
}

function fleetPage(): string {
  const merge = openMerge(audit.time)
  for (const seed of [1, 2, 3]) merge.add(`${seed}.json`, randomAudit(seed, { paths: 60, hostile: 'paths' }))
  merge.addUnreadable('x.json', 'audit: must be an object')
  return fleetHtml(merge.report({ oldAfter: 60, expected: ['a'] }))
}

for (const colours of ['light', 'dark'] as const) {
  for (const width of [400, 1600]) {
    test(`axe finds nothing on the page of a fleet in ${colours} colours, ${width} pixels wide`, async () => {
      const page = await reader.blank()
      await page.emulateMedia({ colorScheme: colours })
      await page.setViewportSize({ width, height: 900 })
      await page.goto(reader.keep(fleetPage()))
      await page.evaluate(axe.source)
      assert.deepEqual(await violations(page), [])
      const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
      assert.ok(Number(wide) <= 0, 'nothing but tables scrolls sideways')
      await page.context().close()
    })
  }
}
