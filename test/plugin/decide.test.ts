// docs/store-plugin.md: the plugin's decisions, made by its own code over files that the ledger's
// own writers wrote.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { printContentAddress } from '../../src/formats/nix/content-address.ts'
import { fixedOutputPath, sourcePath, textPath } from '../../src/formats/nix/make-store-path.ts'
import type { Row } from '../support/plugin.ts'
import {
  BUILT,
  DIGEST,
  DRV,
  HASH,
  NAR_HASH,
  OTHER_HASH,
  PATH,
  POLICY_DIGEST,
  ROW,
  UNKNOWN,
  usePlugin,
} from '../support/plugin-state.ts'
import { sha256 } from '../support/trust.ts'

const { admitting, ask, expecting, home, letsIn, refuses, stateWith } = usePlugin()

test('P2: what the ledger has is let in, whatever it was admitted as', () => {
  for (const kind of ['output', 'fetched-source', 'local-source', 'derivation', 'signature'] as const) {
    letsIn(admitting({ kind }), ROW)
  }
  letsIn(admitting({ until: 4_000_000_000, build: undefined, claims: [], stamp: '123:456:7:8:9' }), ROW)
})

test('P2: an admission of other contents, under another policy or past its end is none', () => {
  refuses(admitting({ narHash: OTHER_HASH }), ROW, UNKNOWN)
  refuses(admitting({ policy: 'dc'.repeat(32) }), ROW, UNKNOWN)
  refuses(admitting({ until: 1 }), ROW, UNKNOWN)
})

test('P1: what was let start is let in with any contents, or with those that builders attested', () => {
  letsIn(expecting(), BUILT)
  letsIn(expecting({ admits: { kind: 'these', hashes: [NAR_HASH, OTHER_HASH] } }), BUILT)
  refuses(
    expecting({ admits: { kind: 'these', hashes: [OTHER_HASH] } }),
    BUILT,
    /contents that no trusted builder attested: found sha256:abab.*of the 1 that they/,
  )
})

test('P1: attack: what was let start under another policy, or holds no longer, is asked about anew', () => {
  const [policy, other] = [POLICY_DIGEST, 'dc'.repeat(32)]
  const these = { admits: { kind: 'these', hashes: [NAR_HASH] } } as const
  for (const change of [{}, these]) {
    for (const found of [
      { policy: other, until: undefined },
      { policy, until: 1 },
      { policy: other, until: 4_000_000_000 },
    ])
      refuses(expecting({ ...change, found }), BUILT, UNKNOWN)
    letsIn(expecting({ ...change, found: { policy, until: 4_000_000_000 } }), BUILT)
  }
})

test('P1, P4: a build that nobody let start, or of another derivation, is refused', () => {
  refuses(stateWith(), BUILT, /nobody let its build start/)
  refuses(expecting({ derivation: `/nix/store/${DIGEST}-other.drv` }), BUILT, /nobody let its build start/)
})

test('P1: a build that was refused before it started has nothing let in, but with a warning', () => {
  const nothing = { admits: { kind: 'nothing' } } as const
  refuses(expecting(nothing), BUILT, /no contents of it may become valid: its build was refused/)
  const warned = ask(expecting(nothing, { mode: 'warn' }), BUILT)
  assert.equal(warned.outcome, 'warned')
  assert.match(warned.reason, /no contents of it may become valid/)
})

test('P1: where a signature over the bytes decides, sources are data, or somebody is asked who can read them', () => {
  const asked = { path: SOURCE, derivation: DRV, admits: { kind: 'asked' } } as const
  const digest = SOURCE.slice('/nix/store/'.length, '/nix/store/'.length + 32)
  const row = { path: SOURCE, hash: HASH, deriver: DRV, isOurs: true }
  letsIn(expecting({ ...asked, digest }), row)
  refuses(expecting({ ...asked, digest }, { sources: 'attested' }), row, UNKNOWN)
  // What is not content-addressed by its name is neither a text nor a source.
  refuses(expecting({ admits: { kind: 'asked' } }), BUILT, /nobody let its build start/)
})

test('P1: attack: what is copied in takes no advantage of a build that is expected', () => {
  refuses(expecting(), { ...BUILT, isOurs: false }, UNKNOWN)
})

const ROOT = join(home, 'root')

/** Creates a file where it is when its row is about to be written. */
function lay(path: string, mode = 0o444): string {
  mkdirSync(join(ROOT, 'nix/store'), { recursive: true })
  rmSync(join(ROOT, path), { force: true })
  writeFileSync(join(ROOT, path), 'a text', { mode })
  return path
}

const CONTENTS = sha256('contents')
const SOURCE = sourcePath({ name: 'src', narHash: NAR_HASH })
const FIXED = { method: 'flat', algorithm: 'sha256', hash: CONTENTS } as const

test('P3: what its name proves to be known by its contents is data', () => {
  const where = stateWith()
  letsIn(where, { path: SOURCE, hash: HASH })
  letsIn(where, {
    path: SOURCE,
    hash: HASH,
    ca: printContentAddress({ method: 'recursive', algorithm: 'sha256', hash: NAR_HASH }),
  })
  for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512'] as const) {
    const digits = { md5: 32, sha1: 40, sha256: 64, sha512: 128 }[algorithm]
    for (const method of ['flat', 'recursive'] as const) {
      const address = { method, algorithm, hash: '5a'.repeat(digits / 2) }
      letsIn(where, {
        path: fixedOutputPath({ name: 'x.tar', ...address }),
        hash: HASH,
        ca: printContentAddress(address),
      })
    }
  }
  const text = Buffer.from('a text')
  const ca = printContentAddress({ method: 'text', algorithm: 'sha256', hash: sha256(text) })
  letsIn(where, { path: lay(textPath('note', text, [])), hash: HASH, ca, root: ROOT })
  // With references in its name, which the hooks check.
  letsIn(where, { path: lay(textPath('x.drv', text, [PATH])), hash: HASH, ca, root: ROOT })
})

test('P3: a name of any length is hashed as TypeScript hashes it', () => {
  const where = stateWith()
  for (let length = 1; length <= 211; length++) {
    const name = 'n'.repeat(length)
    letsIn(where, { path: sourcePath({ name, narHash: NAR_HASH }), hash: HASH })
    const address = { method: 'flat', algorithm: 'sha512', hash: '5a'.repeat(64) } as const
    letsIn(where, {
      path: fixedOutputPath({ name, ...address }),
      hash: HASH,
      ca: printContentAddress(address),
    })
  }
})

test('P3: in the strict mode sources are asked about, and texts are not', () => {
  const where = stateWith({ sources: 'attested' })
  refuses(where, { path: SOURCE, hash: HASH }, UNKNOWN)
  const text = Buffer.from('a text')
  const ca = printContentAddress({ method: 'text', algorithm: 'sha256', hash: sha256(text) })
  letsIn(where, { path: lay(textPath('note', text, [])), hash: HASH, ca, root: ROOT })
})

test('P3: attack: what lies there as a text and can be run, leads elsewhere or is no file is asked about', () => {
  const where = stateWith()
  const text = Buffer.from('a text')
  const ca = printContentAddress({ method: 'text', algorithm: 'sha256', hash: sha256(text) })
  for (const name of ['note', 'x.drv']) {
    const path = textPath(name, text, [])
    const row = { path, hash: HASH, ca, root: ROOT }
    lay(path, 0o555)
    refuses(where, row, UNKNOWN)
    rmSync(join(ROOT, path))
    refuses(where, row, UNKNOWN)
    symlinkSync('/etc/passwd', join(ROOT, path))
    refuses(where, row, UNKNOWN)
    rmSync(join(ROOT, path))
    mkdirSync(join(ROOT, path))
    refuses(where, row, UNKNOWN)
    rmSync(join(ROOT, path), { recursive: true })
    letsIn(where, { ...row, path: lay(path) })
    refuses(where, { path, hash: row.hash, ca }, UNKNOWN)
    rmSync(join(ROOT, path))
    execFileSync('mkfifo', ['-m', '444', join(ROOT, path)])
    refuses(where, row, UNKNOWN)
  }
})

test('P3: attack: an address that only begins as the right one does is another', () => {
  const where = stateWith()
  const address = { method: 'flat', algorithm: 'sha256', hash: CONTENTS } as const
  const path = fixedOutputPath({ name: 'x', ...address })
  const ca = printContentAddress(address)
  letsIn(where, { path, hash: HASH, ca })
  for (const other of [`${ca}0`, `${ca}x`, ca.slice(0, -1), ca.replace('sha256:', 'sha256:0'), `x${ca}`]) {
    refuses(where, { path, hash: HASH, ca: other }, UNKNOWN)
  }
})

test('P3: attack: a content address that the name does not bear out makes no data', () => {
  const where = stateWith()
  const ofOthers = { method: 'text', algorithm: 'sha256', hash: sha256('a text') } as const
  const lies = [
    printContentAddress(ofOthers),
    `${printContentAddress(ofOthers)}x`,
    printContentAddress(FIXED),
    printContentAddress({ ...FIXED, method: 'recursive' }),
    printContentAddress({ ...FIXED, method: 'text' }),
    printContentAddress({ ...FIXED, method: 'git' }),
    'fixed:r:sha256:',
    'fixed:sha256',
    `fixed:r:r:sha256:${'0'.repeat(52)}`,
    `text:md5:${'0'.repeat(26)}`,
    `fixed:sha256:${'z'.repeat(52)}`,
    'fixed:r:sha256:e',
    'x',
  ]
  // A regular file is there, so that only the name speaks against each.
  lay(PATH)
  for (const ca of lies) refuses(where, { ...ROW, ca, root: ROOT }, UNKNOWN)
  refuses(where, { ...ROW, path: lay(`${SOURCE}x`), root: ROOT }, UNKNOWN)
})

test('attack: a row that is no path with a NAR hash is refused', () => {
  const where = admitting()
  const rows: readonly Row[] = [
    {},
    { path: PATH },
    { hash: `sha256:${NAR_HASH}` },
    { ...ROW, path: '/nix/store' },
    { ...ROW, path: `/gnu/store/${DIGEST}-tool-1.0` },
    { ...ROW, path: `${PATH}/bin` },
    { ...ROW, path: `/nix/store/${DIGEST}-` },
    { ...ROW, path: `/nix/store/${DIGEST}-${'x'.repeat(212)}` },
    { ...ROW, path: `/nix/store/${DIGEST.replace('0', 'e')}-tool-1.0` },
    { ...ROW, path: `/nix/store/${DIGEST}-to\x1bol` },
    { ...ROW, hash: NAR_HASH },
    { ...ROW, hash: `sha256:${NAR_HASH}0` },
    { ...ROW, hash: `sha256:${NAR_HASH} ` },
    { ...ROW, hash: `sha256:${NAR_HASH.slice(1)}` },
    { ...ROW, hash: `sha256:${NAR_HASH.toUpperCase()}` },
    { ...ROW, hash: `sha512:${NAR_HASH}` },
  ]
  for (const row of rows) refuses(where, row, /not a path of \/nix\/store with a NAR hash/)
})

test('P9: while the policy was changed since, what was let start is asked about, and data are not let in', () => {
  const where = expecting()
  writeFileSync(where.policy, 'changed')
  refuses(where, BUILT, UNKNOWN)
  refuses(where, { path: SOURCE, hash: HASH }, /has not been read since/)
})

test('P9: whether what was refused before it started is only warned of, a policy says that is not read yet', () => {
  const where = expecting({ admits: { kind: 'nothing' } })
  writeFileSync(where.policy, 'changed')
  refuses(where, BUILT, UNKNOWN)
})

test('a policy that only warns lets everything in, and says what it was about to refuse', () => {
  const where = stateWith({ mode: 'warn' })
  const unknown = ask(where, ROW)
  assert.equal(unknown.outcome, 'warned')
  assert.match(unknown.reason, UNKNOWN)
  const built = ask(where, BUILT)
  assert.equal(built.outcome, 'warned')
  assert.match(built.reason, /nobody let its build start/)
})

test('attack: a question that would be too long is not asked', () => {
  refuses(stateWith(), { ...ROW, ca: 'x'.repeat(2000) }, /too long or malformed/)
  refuses(stateWith(), { ...ROW, deriver: `${DRV} x` }, /too long or malformed/)
})
