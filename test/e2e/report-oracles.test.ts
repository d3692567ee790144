// What `nixsig audit` writes for others is what others read: cyclonedx-python-lib and spdx-tools of
// Debian sid, Microsoft's SARIF Multitool with its rules for GitHub, and the schema of OASIS.
// needs: sarif-multitool
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Audit } from '../../src/audit/audit.ts'
import type { Recorded } from '../../src/audit/recorded.ts'
import { cycloneDxOf } from '../../src/report/cyclonedx.ts'
import { sarifOf } from '../../src/report/sarif.ts'
import { spdxOf } from '../../src/report/spdx.ts'
import { hasMultitool } from '../../tools/sarif-multitool.mjs'
import {
  problemsOfSarif,
  type Reading,
  readCycloneDx,
  readSpdx,
  sarifSchema,
} from '../support/audits/oracles.ts'
import { randomAudit } from '../support/audits/random.ts'

const PLACES = {
  policy: '/etc/nixsig/policy of ours.toml',
  rules: new Map([['default', 7]]),
  lock: { file: 'flake.lock', lines: new Map() },
}

/** Empty and small ones, ordinary and hostile; at last a larger one: the validator of Python compares each pair. */
function audits(): readonly Audit[] {
  const small = Array.from({ length: 60 }, (_, seed) => {
    const hostile = ([undefined, 'texts', 'paths'] as const)[seed % 3]
    return randomAudit(seed, { paths: seed % 25, ...(hostile === undefined ? {} : { hostile }) })
  })
  return [...small, randomAudit(1, { paths: 400, hostile: 'paths' })]
}

/** Writes a document of each audit, and hands their names to a reader. */
async function withDocuments<T>(
  ending: string,
  make: (audit: Audit) => string,
  use: (directory: string, files: readonly string[]) => Promise<T>,
  of = audits(),
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-reports-'))
  try {
    const files = of.map((audit, index) => {
      const file = join(directory, `${index}.${ending}`)
      writeFileSync(file, make(audit))
      return file
    })
    return await use(directory, files)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function assertRead(readings: readonly Reading[], parts: (audit: Audit) => number): void {
  assert.deepEqual(
    readings,
    audits().map(audit => ({ parts: parts(audit) })),
  )
}

/** With what a store may have about every path, whoever wrote it. */
function cycloneDx(audit: Audit): string {
  const recorded = audit.paths.map(({ path }, index): Recorded => {
    const fetched =
      index % 3 === 0 ? { url: `https://example.org/${path}`, sha256: 'ab'.repeat(32) } : undefined
    const signatures = [`cache-1:${'A'.repeat(86)}==`, `\u202e${path}`]
    return { contentAddress: 'fixed:r:sha256:\u0000', signatures, fetched }
  })
  return cycloneDxOf(audit, recorded)
}

test('CycloneDX: every audit is read, each path as a component', () =>
  withDocuments('cdx.json', cycloneDx, async (directory, files) => {
    assertRead(await readCycloneDx(directory, files), ({ paths }) => paths.length)
  }))

test('SPDX: every audit is read, each path as a package, and one for what was audited', () =>
  withDocuments('spdx.json', spdxOf, async (directory, files) => {
    assertRead(await readSpdx(directory, files), ({ paths }) => paths.length + 1)
  }))

test('the readers of both tell a document that is wrong', async () => {
  const wrong = (text: string, from: string, to: string) => {
    assert.ok(text.includes(from))
    return text.replace(from, to)
  }
  const cyclonedx = (audit: Audit) => wrong(cycloneDxOf(audit), '"dependsOn"', '"dependson"')
  const spdx = (audit: Audit) => wrong(spdxOf(audit), '"DESCRIBES"', '"CONTAINS"')
  const some = audits().slice(2, 8)
  for (const { problem } of await withDocuments('cdx.json', cyclonedx, readCycloneDx, some))
    assert.ok(problem)
  for (const { problem } of await withDocuments('spdx.json', spdx, readSpdx, some)) assert.ok(problem)
})

const skip = hasMultitool ? false : 'the Multitool is for x86-64'

test('SARIF: every audit is taken, by the schema and by the rules for GitHub', { skip }, () => {
  const valid = sarifSchema()
  const make = (audit: Audit) => sarifOf(audit, PLACES)
  for (const audit of audits()) assert.ok(valid(JSON.parse(make(audit))), JSON.stringify(valid.errors))
  const judged = async (directory: string, files: readonly string[]) =>
    assert.deepEqual(await problemsOfSarif(directory, files), [])
  return withDocuments('sarif', make, judged, audits().slice(-12))
})

test('the judges of SARIF tell a document that is wrong', { skip }, () => {
  const make = (audit: Audit) => sarifOf(audit, PLACES).replaceAll('"fullDescription"', '"longDescription"')
  assert.equal(sarifSchema()(JSON.parse(make(randomAudit(1)))), false)
  const judged = async (directory: string, files: readonly string[]) =>
    assert.match(
      (await problemsOfSarif(directory, files)).join('\n'),
      /JSON1005.*longDescription[\s\S]*GH2012/,
    )
  return withDocuments('sarif', make, judged, audits().slice(1, 2))
})
