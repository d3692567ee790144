// Compares the definition of each kind of detached signature with the other lists of kinds.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { DETACHED_FORMS, DIRECT_SIGNATURES, OWN_KEYS, usual } from '../../src/formats/detached/forms.ts'

const LIB = readFileSync(join(PROJECT_ROOT, 'nix/lib.nix'), 'utf8')
const [, block = ''] = /\n {2}kinds = \{\n([\s\S]*?)\n {2}\};/.exec(LIB) ?? []
/** The kinds in nix/lib.nix, each with its pattern for names. Nix matches the whole name. */
const KINDS = new Map(
  [...block.matchAll(/^ *(\w+) = "(.*)";$/gm)].map(([, kind = '', pattern = '']) => [
    kind,
    new RegExp(`^(?:${pattern})$`),
  ]),
)
const EXTENSIONS = new Set([
  ...DETACHED_FORMS.flatMap(form => [...form.kept, ...form.telling]),
  ...usual('file'),
  ...usual('list'),
  ...usual('tar'),
])

describe('nix/lib.nix', () => {
  it('has all kinds', () => {
    assert.deepEqual([...KINDS.keys()].sort(), DETACHED_FORMS.map(({ kind }) => kind).sort())
  })

  it('recognises a kind by the same extensions, and by no other', () => {
    for (const { kind, telling } of DETACHED_FORMS) {
      for (const extension of EXTENSIONS) {
        const tells = KINDS.get(kind)?.test(`x.tar${extension}`)
        assert.equal(tells, telling.includes(extension), `${kind}: ${extension}`)
      }
    }
  })
})

describe('kinds of detached signatures', () => {
  it('are stored with an extension of their own', () => {
    assert.equal(new Set(DIRECT_SIGNATURES).size, DIRECT_SIGNATURES.length)
    for (const extension of DIRECT_SIGNATURES) assert.match(extension, /^(?:\.[a-z]+){1,2}$/)
  })

  it('have no telling extension that another kind is looked for with', () => {
    for (const { kind, telling } of DETACHED_FORMS) {
      for (const other of DETACHED_FORMS.filter(form => form.kind !== kind)) {
        const places = [...other.kept, ...other.telling, ...other.beside.file, ...other.beside.list]
        assert.deepEqual(
          telling.filter(extension => places.includes(extension)),
          [],
        )
      }
    }
  })

  it('have keys with different prefixes, which docs/policy.md lists', () => {
    const page = readFileSync(join(PROJECT_ROOT, 'docs/policy.md'), 'utf8')
    const prefixes = OWN_KEYS.map(({ keys }) => keys.prefix)
    for (const prefix of prefixes) {
      assert.deepEqual(
        prefixes.filter(other => other.startsWith(prefix)),
        [prefix],
      )
      assert.ok(page.includes(prefix.slice(0, -1)), prefix)
    }
  })
})
