// docs/store-plugin.md: what the plugin decides, asked of its own code, over files that the ledger's own writers wrote.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { printContentAddress } from '../../src/formats/nix/content-address.ts'
import { fixedOutputPath, sourcePath, textPath } from '../../src/formats/nix/make-store-path.ts'
import { type Admission, entryFile, writeAdmission } from '../../src/ledger/admissions.ts'
import { expectedFile, expectOutput } from '../../src/ledger/expected.ts'
import { versionOf } from '../../src/ledger/stamp.ts'
import { type AskPlugin, openPlugin, type Row, type Where } from '../support/plugin.ts'
import { sha256 } from '../support/trust.ts'

const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'
const PATH = `/nix/store/${DIGEST}-tool-1.0`
const DRV = `/nix/store/${DIGEST}-tool-1.0.drv`
const NAR_HASH = 'ab'.repeat(32)
const POLICY_DIGEST = 'cd'.repeat(32)
const ROW: Row = { path: PATH, hash: `sha256:${NAR_HASH}` }
const BUILT: Row = { ...ROW, deriver: DRV, isOurs: true }

const ADMISSION: Admission = {
  path: PATH,
  narHash: NAR_HASH,
  policy: POLICY_DIGEST,
  until: undefined,
  stamp: undefined,
  kind: 'output',
  builtHere: false,
  derivation: DRV,
  time: 1_790_000_000,
  rule: 'tools, as we like them',
  claims: [{ key: 'ed25519:x', role: 'builder', graph: undefined, origin: 'a file:3' }],
  build: { inputs: [{ stamp: '1:2', path: DRV }], outputs: [{ name: 'out', path: PATH }] },
}

// Below root's own home: in /tmp everybody may write, which is one of the attacks.
const isRoot = process.getuid?.() === 0
const HOME = mkdtempSync(join(isRoot ? '/root' : (process.env['HOME'] ?? '/tmp'), '.nixsig-test-'))
let ask: AskPlugin
before(() => {
  ask = openPlugin()
})
after(() => {
  ask.close()
  rmSync(HOME, { recursive: true })
})

let serial = 0

interface Settings {
  readonly mode?: string
  readonly sources?: string
}

/** A state directory that knows its policy, and nothing else. */
function stateWith({
  mode = 'enforce',
  sources = 'data',
}: Settings = {}): Where & { readonly snapshot: string } {
  const directory = join(HOME, String(serial++))
  const [state, policy] = [join(directory, 'state'), join(directory, 'policy.toml')]
  for (const room of ['ledger', 'expected']) mkdirSync(join(state, room), { recursive: true })
  writeFileSync(policy, `# ${serial}`)
  const snapshot = join(state, 'policy')
  const lines = [`mode ${mode}`, `sources ${sources}`, `file ${versionOf(policy)} ${policy}`]
  writeFileSync(snapshot, `nixsig1 ${POLICY_DIGEST}\nattestations /etc/a\n${lines.join('\n')}\n`)
  return { state, policy, snapshot }
}

/** One in which the path is admitted. */
function admitting(change: Partial<Admission> = {}, settings: Settings = {}) {
  const where = stateWith(settings)
  const admission = { ...ADMISSION, ...change }
  writeAdmission(where.state, DIGEST, admission)
  return { ...where, entry: entryFile(where.state, DIGEST) }
}

function expecting(allowed: readonly string[] = [], derivation = DRV) {
  const where = stateWith()
  expectOutput(where.state, { digest: DIGEST, path: PATH, derivation, output: 'out', time: 1, allowed })
  return { ...where, record: expectedFile(where.state, DIGEST) }
}

function refuses(where: Where, row: Row, reason: RegExp): void {
  const decided = ask(where, row)
  assert.equal(decided.outcome, 'refused', decided.reason)
  assert.match(decided.reason, reason)
}

function letsIn(where: Where, row: Row): void {
  assert.deepEqual(ask(where, row), { outcome: 'let-in', reason: '' })
}

const UNKNOWN = /^the ledger does not have it, and nobody answers at \/nonexistent who could judge it/

test('P2: what the ledger has is let in, whatever it was admitted as', () => {
  for (const kind of ['output', 'fetched-source', 'local-source', 'derivation', 'signature'] as const) {
    letsIn(admitting({ kind }), ROW)
  }
  letsIn(admitting({ until: 4_000_000_000, build: undefined, claims: [], stamp: '123:456' }), ROW)
})

test('P2: an admission of other contents, under another policy or past its end is none', () => {
  refuses(admitting({ narHash: 'ba'.repeat(32) }), ROW, UNKNOWN)
  refuses(admitting({ policy: 'dc'.repeat(32) }), ROW, UNKNOWN)
  refuses(admitting({ until: 1 }), ROW, UNKNOWN)
})

const DAMAGES: Readonly<Record<string, readonly [(entry: string) => void, RegExp]>> = {
  'is gone': [entry => rmSync(entry), UNKNOWN],
  'is empty, as after a loss of power': [entry => truncateSync(entry), UNKNOWN],
  'is about another path': [
    entry => writeFileSync(entry, readFileSync(entry, 'utf8').replace('tool-1.0 ', 'tool-1.1 ')),
    /is not about this path/,
  ],
  'has a line more': [
    entry => writeFileSync(entry, 'more\n', { flag: 'a' }),
    /a line that it should not have/,
  ],
  'has a claim of a role that is none': [
    entry => writeFileSync(entry, readFileSync(entry, 'utf8').replace('claim builder', 'claim boss')),
    /has a bad claim/,
  ],
  'is longer than an entry may be': [
    entry => writeFileSync(entry, 'x'.repeat(300_000), { flag: 'a' }),
    /is too long/,
  ],
  'is a directory': [
    entry => {
      rmSync(entry)
      mkdirSync(entry)
    },
    /is not a regular file/,
  ],
  'is a symbolic link': [
    entry => {
      renameSync(entry, `${entry}-real`)
      symlinkSync(`${entry}-real`, entry)
    },
    /symbolic links/,
  ],
  'is a pipe': [
    entry => {
      rmSync(entry)
      spawnSync('mkfifo', [entry])
    },
    /is not a regular file/,
  ],
  'may be written to by its group': [entry => chmodSync(entry, 0o664), /is writable by others/],
  'may be written to by everybody': [entry => chmodSync(entry, 0o646), /is writable by others/],
  'lies in a ledger that everybody may write to': [
    entry => chmodSync(dirname(dirname(entry)), 0o777),
    /ledger is writable by/,
  ],
  'lies in a state directory that others may write to': [
    entry => chmodSync(dirname(dirname(dirname(entry))), 0o775),
    /is writable by/,
  ],
}

for (const [what, [damage, reason]] of Object.entries(DAMAGES)) {
  test(`attack: an entry of the ledger that ${what} lets nothing in`, () => {
    const where = admitting()
    letsIn(where, ROW)
    damage(where.entry)
    refuses(where, ROW, reason)
  })
}

test('attack: an entry of somebody else lets nothing in', {
  skip: !isRoot && 'only root can give files away',
}, () => {
  const where = admitting()
  chownSync(where.entry, 1000, 1000)
  refuses(where, ROW, /belongs to another user/)
})

test('attack: an entry that breaks off at any byte lets nothing in', () => {
  const where = admitting()
  const whole = readFileSync(where.entry)
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(where.entry, whole.subarray(0, length))
    assert.equal(ask(where, ROW).outcome, 'refused', `cut after ${length} bytes`)
  }
})

test('P1: what was let start is let in with any contents, or with those that builders attested', () => {
  letsIn(expecting(), BUILT)
  letsIn(expecting([NAR_HASH, 'ba'.repeat(32)]), BUILT)
  refuses(
    expecting(['ba'.repeat(32)]),
    BUILT,
    /contents that no trusted builder attested: found sha256:abab.*of the 1 that they/,
  )
})

test('P1, P4: a build that nobody let start, or of another derivation, is refused', () => {
  refuses(stateWith(), BUILT, /nobody let its build start/)
  refuses(expecting([], `/nix/store/${DIGEST}-other.drv`), BUILT, /nobody let its build start/)
})

test('P1: attack: what is copied in takes no advantage of a build that is expected', () => {
  refuses(expecting(), { ...BUILT, isOurs: false }, UNKNOWN)
})

test('attack: an expectation that is damaged lets nothing in', () => {
  const where = expecting()
  const whole = readFileSync(where.record, 'utf8')
  for (const text of [
    whole.slice(0, -1),
    `${whole}x`,
    whole.replace('name', 'nome'),
    `${whole}allow sha256:x\n`,
  ]) {
    writeFileSync(where.record, text)
    refuses(where, BUILT, /the record of its build cannot be read/)
  }
  writeFileSync(where.record, whole)
  chmodSync(where.record, 0o666)
  refuses(where, BUILT, /is writable by others/)
})

const ROOT = join(HOME, 'root')

/** Puts a file where it lies when its row is about to be written. */
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
  const hash = ROW.hash ?? ''
  letsIn(where, { path: SOURCE, hash })
  letsIn(where, {
    path: SOURCE,
    hash,
    ca: printContentAddress({ method: 'recursive', algorithm: 'sha256', hash: NAR_HASH }),
  })
  for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512'] as const) {
    const digits = { md5: 32, sha1: 40, sha256: 64, sha512: 128 }[algorithm]
    for (const method of ['flat', 'recursive'] as const) {
      const address = { method, algorithm, hash: '5a'.repeat(digits / 2) }
      letsIn(where, {
        path: fixedOutputPath({ name: 'x.tar', ...address }),
        hash,
        ca: printContentAddress(address),
      })
    }
  }
  const text = Buffer.from('a text')
  const ca = printContentAddress({ method: 'text', algorithm: 'sha256', hash: sha256(text) })
  letsIn(where, { path: lay(textPath('note', text, [])), hash, ca, root: ROOT })
  // With references in its name; the hooks hold it against that.
  letsIn(where, { path: lay(textPath('x.drv', text, [PATH])), hash, ca, root: ROOT })
})

test('P3: in the strict mode sources are asked about, and texts are not', () => {
  const where = stateWith({ sources: 'attested' })
  refuses(where, { path: SOURCE, hash: ROW.hash ?? '' }, UNKNOWN)
  const text = Buffer.from('a text')
  const ca = printContentAddress({ method: 'text', algorithm: 'sha256', hash: sha256(text) })
  letsIn(where, { path: lay(textPath('note', text, [])), hash: ROW.hash ?? '', ca, root: ROOT })
})

test('P3: attack: what lies there as a text and can be run, leads elsewhere or is no file is asked about', () => {
  const where = stateWith()
  const text = Buffer.from('a text')
  const ca = printContentAddress({ method: 'text', algorithm: 'sha256', hash: sha256(text) })
  for (const name of ['note', 'x.drv']) {
    const path = textPath(name, text, [])
    const row = { path, hash: ROW.hash ?? '', ca, root: ROOT }
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
  }
})

test('P3: attack: a content address that the name does not bear out makes no data', () => {
  const where = stateWith()
  const lies = [
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
  for (const ca of lies) refuses(where, { ...ROW, ca }, UNKNOWN)
  refuses(where, { ...ROW, path: `${SOURCE}x` }, UNKNOWN)
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
    { ...ROW, hash: `sha256:${NAR_HASH.toUpperCase()}` },
    { ...ROW, hash: `sha512:${NAR_HASH}` },
  ]
  for (const row of rows) refuses(where, row, /no path of \/nix\/store with a NAR hash/)
})

test('P9: attack: a policy that was changed, or is not the one of this machine, is not taken for the one that is known', () => {
  const changed = admitting()
  writeFileSync(changed.policy, 'mode = "enforce"')
  refuses(changed, ROW, /the policy was changed and has not been read since/)

  const other = admitting()
  refuses({ ...other, policy: `${other.policy}~` }, ROW, /has not been read since/)

  const forged = admitting()
  chmodSync(forged.snapshot, 0o666)
  refuses(forged, ROW, /policy is writable by others/)

  const gone = admitting()
  rmSync(gone.snapshot)
  refuses(gone, ROW, /policy: No such file/)

  const open = admitting()
  chmodSync(dirname(open.policy), 0o777)
  refuses(open, ROW, /is writable by everybody/)
})

test('P9: what was let start is let in though the policy was changed since; data are not', () => {
  const where = expecting()
  writeFileSync(where.policy, 'changed')
  letsIn(where, BUILT)
  refuses(where, { path: SOURCE, hash: ROW.hash ?? '' }, /has not been read since/)
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

test('attack: a mode that is neither to enforce nor to warn is no policy', () => {
  refuses(admitting({}, { mode: 'off' }), ROW, /has not been read since/)
  refuses(admitting({}, { sources: 'all' }), ROW, /has not been read since/)
})

test('attack: a question that would be too long is not asked', () => {
  refuses(stateWith(), { ...ROW, ca: 'x'.repeat(2000) }, /too long or malformed/)
  refuses(stateWith(), { ...ROW, deriver: `${DRV} x` }, /too long or malformed/)
})
