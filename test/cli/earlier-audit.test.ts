// What an audit is compared with, and the files that its reports go to, as somebody names them.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { auditJson } from '../../src/audit/json.ts'
import { printedReport } from '../../src/cli/audit-reports.ts'
import { oddities, readEarlier } from '../../src/cli/earlier-audit.ts'
import { randomAudit } from '../support/audits/random.ts'

const dir = mkdtempSync('/tmp/nixsig-earlier-')
after(() => rmSync(dir, { recursive: true }))

const NONE = {
  ...{ html: undefined, sarif: undefined, cyclonedx: undefined, spdx: undefined, out: undefined },
  ...{ metrics: undefined, json: false },
}

test('an earlier audit that cannot be read is named, with what makes one', () => {
  const file = join(dir, 'monday.json')
  const refused = (why: RegExp) =>
    assert.throws(
      () => readEarlier(file),
      ({ message }: Error) =>
        message.startsWith(`--since ${file} is no audit that can be read: `) &&
        why.test(message) &&
        /; next: nixsig audit --json > FILE makes one$/.test(message),
    )
  refused(/there is no such file/)
  writeFileSync(file, '<!doctype html>')
  refused(/JSON: expected a value/)
  writeFileSync(file, '{"format":"nixsig-audit-2"}')
  refused(/format/)
  rmSync(file)
  mkdirSync(file)
  refused(/is not a regular file/)
  rmSync(file, { recursive: true })
  const audit = randomAudit(1)
  writeFileSync(file, auditJson(audit))
  assert.deepEqual(readEarlier(file), audit)
})

test('attack: an audit of another machine, of other things or of a time to come is compared and told', () => {
  const now = { ...randomAudit(1), unjudged: 0 }
  const machine = { name: 'web-1', key: `ed25519:${'1'.repeat(64)}` } as const
  const before = { ...now, machine, time: now.time - 10 }
  const own = { ...now, machine }
  assert.deepEqual(oddities(before, own), [])
  // Who is not root does not see the key.
  assert.deepEqual(oddities({ ...before, machine: { ...machine, key: undefined } }, own), [])
  for (const [change, words] of [
    [
      { machine: { name: '\u001b[2Jweb-1', key: `ed25519:${'2'.repeat(64)}` as const } },
      /^it is of the machine \S+\{1b\}\[2Jweb-1, and not of web-1 as it is now$/,
    ],
    [{ machine: { name: 'web-2', key: undefined } }, /^it is of the machine web-2, and not of web-1/],
    [{ time: now.time + 10 }, /a time that is still to come$/],
    [{ unjudged: 1 }, /^not all of it was judged$/],
    [
      { asked: { ...now.asked, kind: now.asked.kind === 'store' ? 'paths' : 'store' } as const },
      /^it is of .*, and this one of /,
    ],
  ] as const) {
    const told = oddities({ ...before, ...change }, own)
    assert.equal(told.length, 1)
    assert.match(told[0] ?? '', words)
  }
})

test('two reports are not written to one file, however it is named', () => {
  const file = join(dir, 'report')
  for (const other of [file, join(dir, '.', 'report'), `${dir}//report`])
    assert.throws(() => printedReport({ ...NONE, html: file, out: other }), /--html and --out name one file/)
  assert.equal(printedReport({ ...NONE, html: file, out: `${file}.json` }), undefined)
})
