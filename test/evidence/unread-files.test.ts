import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { leftoversOf } from '../../src/evidence/unread-files.ts'
import type { SubjectKind } from '../../src/policy/policy.ts'

const dir = mkdtempSync('/tmp/nixsig-leftovers-')
after(() => rmSync(dir, { recursive: true, force: true }))
const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'
const PATH = `/nix/store/${DIGEST}-hello-2.12.tar.gz`
const part = join(dir, DIGEST.slice(0, 2))

beforeEach(() => {
  rmSync(part, { recursive: true, force: true })
  mkdirSync(part)
})
const put = (...extensions: readonly string[]) => {
  for (const extension of extensions) writeFileSync(join(part, `${DIGEST}${extension}`), '')
}
const found = (kind: SubjectKind) =>
  leftoversOf([dir], PATH, kind).map(({ problem, origin, detail }) => {
    assert.equal(problem, 'unused')
    return `${origin.slice(part.length + 1 + DIGEST.length)}: ${detail}`
  })
const MEANINGLESS = 'a file with an extension that means nothing here'
const NO_SOURCE = 'a detached signature counts for a source in the store, and this is not one'

describe('files beside attestations that nothing reads', () => {
  it('are those with an unknown extension', () => {
    put('.sign', '.ASC', '.asc.bak', '', '.sha256', '.sums.sums', '.sums.intoto.jsonl')
    const names = ['', '.ASC', '.asc.bak', '.sha256', '.sign', '.sums.intoto.jsonl', '.sums.sums']
    assert.deepEqual(
      found('fetched-source'),
      names.map(name => `${name}: ${MEANINGLESS}`),
    )
  })

  it('are developers’ signatures of paths that are not sources', () => {
    put('.asc', '.sums', '.sums.sigstore.json', '.intoto.jsonl', '.narinfo')
    const unread = [`.asc: ${NO_SOURCE}`, `.sums: ${NO_SOURCE}`, `.sums.sigstore.json: ${NO_SOURCE}`]
    assert.deepEqual(found('output'), unread)
    assert.deepEqual(found('derivation'), unread)
    assert.deepEqual(found('fetched-source'), [])
    assert.deepEqual(found('local-source'), [])
  })

  it('are neither those of another path nor those still being written', () => {
    writeFileSync(join(part, '0123456789abcdfghijklmnpqrsvwxyy.odd'), '')
    writeFileSync(join(part, 'index'), '')
    put('.asc.0123456789abcdef~')
    assert.deepEqual(found('output'), [])
  })

  it('are looked for in each directory, also where one is absent', () => {
    put('.odd')
    const origins = leftoversOf([join(dir, 'none'), dir, dir], PATH, 'output').map(({ origin }) => origin)
    assert.deepEqual(origins, [join(part, `${DIGEST}.odd`), join(part, `${DIGEST}.odd`)])
  })
})
