// What ends has one name in every report: a key as the policy calls it, never its hex alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endingName, labelsOfEnding } from '../../src/audit/ending-name.ts'
import { headlineOf } from '../../src/report/headline.ts'
import { pageData } from '../../src/report/page-data.ts'
import { sarifOf } from '../../src/report/sarif.ts'
import { randomAudit } from '../support/audits/random.ts'

test('each kind of end has its name', () => {
  assert.equal(endingName({ kind: 'key', what: 'ed25519:00', who: 'bo' }, 'bo-1'), 'key bo-1 of bo')
  assert.equal(endingName({ kind: 'key', what: 'ed25519:00', who: undefined }), 'key ed25519:00')
  assert.equal(endingName({ kind: 'list', what: 'debian', who: undefined }), 'list debian')
  assert.equal(endingName({ kind: 'exemption', what: 'line 3', who: undefined }), 'exemption line 3')
  assert.equal(endingName({ kind: 'respite', what: '', who: undefined }), 'respite')
  assert.equal(endingName({ kind: 'respite', what: '\u202ex', who: undefined }), 'respite (\\u{202e}x)')
})

test('SARIF and the page call a key that ends by its label', () => {
  const some = randomAudit(4, { paths: 20 })
  const [key] = some.keys
  assert.ok(key)
  const ending = { kind: 'key', what: key.identity, who: 'bo', at: some.time + 86_400, falls: [0] } as const
  const audit = { ...some, keys: [{ ...key, label: 'bo-1' }, ...some.keys.slice(1)], ends: [ending] }
  assert.equal(labelsOfEnding(audit)(ending), 'bo-1')
  const { runs } = JSON.parse(sarifOf(audit, { policy: 'policy.toml', rules: new Map() }))
  const [found] = runs[0].results.filter(({ ruleId }: { ruleId: string }) => ruleId === 'ends-soon')
  assert.match(found.message.text, /^The key bo-1 of bo ends at /)
  assert.deepEqual(
    pageData(audit).ends.map(({ name }) => name),
    ['key bo-1 of bo'],
  )
  assert.match(headlineOf(audit).facts[1]?.detail ?? '', /^The key bo-1 of bo ends on /)
})
