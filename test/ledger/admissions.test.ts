import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import {
  type Admission,
  entryFile,
  isCurrent,
  readAdmission,
  writeAdmission,
} from '../../src/ledger/admissions.ts'
import { afterPowerFailure } from '../support/power-failure.ts'

const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'
const PATH = `/nix/store/${DIGEST}-hello-2.12`
const HASH = 'ab'.repeat(32)
const POLICY = 'cd'.repeat(32)

const admission: Admission = {
  path: PATH,
  narHash: HASH,
  policy: POLICY,
  until: 2_000_000_000,
  stamp: '17:1700000000000000000:4096:1000000000:1700000000000000001',
  kind: 'output',
  builtHere: true,
  derivation: `/nix/store/${DIGEST}-hello-2.12.drv`,
  time: 1_700_000_000,
  rule: 'default',
  build: undefined,
  claims: [
    {
      key: `ed25519:${HASH}`,
      role: 'builder',
      graph: undefined,
      seen: 1_690_000_000,
      trace: 'nix',
      origin: '/etc/a: line 3',
    },
    {
      key: 'openpgp:ABCD',
      role: 'developer',
      graph: `/nix/store/${DIGEST}-top.drv`,
      seen: 1,
      trace: 'openpgp:x',
      origin: 'x.asc',
    },
  ],
}

let state: string
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'nixsig-ledger-'))
})
afterEach(() => rmSync(state, { recursive: true }))

function put(text: string, mode = 0o600): string {
  const file = entryFile(state, DIGEST)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  chmodSync(file, mode)
  return file
}

test('an admission is read back as it was written', () => {
  writeAdmission(state, DIGEST, admission)
  assert.deepEqual(readAdmission(state, DIGEST, PATH), admission)
})

test('an admission without an end, a stamp or a derivation is read back too', () => {
  const bare = { ...admission, until: undefined, stamp: undefined, derivation: undefined, claims: [] }
  writeAdmission(state, DIGEST, bare)
  assert.deepEqual(readAdmission(state, DIGEST, PATH), bare)
})

test('what a path refers to and was built from is read back', () => {
  const known = { ...admission, closure: 'ef'.repeat(32), from: '01'.repeat(32) }
  writeAdmission(state, DIGEST, known)
  assert.deepEqual(readAdmission(state, DIGEST, PATH), known)
})

const input = { stamp: '1:2', path: PATH }
const build = {
  inputs: [input, { stamp: '3:4', path: `/nix/store/${DIGEST}-b` }],
  outputs: [
    { name: 'out', path: PATH, takesAny: true },
    { name: 'dev', path: `/nix/store/${DIGEST}-dev`, takesAny: false },
  ],
}

test('a derivation is read back with its inputs and outputs', () => {
  writeAdmission(state, DIGEST, { ...admission, kind: 'derivation', build })
  assert.deepEqual(readAdmission(state, DIGEST, PATH)?.build, build)
  writeAdmission(state, DIGEST, { ...admission, build: { inputs: [], outputs: [] }, claims: [] })
  assert.deepEqual(readAdmission(state, DIGEST, PATH)?.build, { inputs: [], outputs: [] })
})

test('attack: an entry lacks some of the inputs or outputs that it counts', () => {
  writeAdmission(state, DIGEST, { ...admission, build, claims: [] })
  const text = readFileSync(entryFile(state, DIGEST), 'utf8')
  for (const [from, to] of [
    [/output .*\n/, ''],
    [/input .*\n/, ''],
    [/build 2 2/, 'build 1 3'],
    [/build 2 2/, 'build 4 2'],
    [/output any out/, 'output any out out'],
    [/output any out/, 'output out'],
    [/output any out/, 'output some out'],
  ] as const) {
    put(text.replace(from, to))
    assert.throws(() => readAdmission(state, DIGEST, PATH), /lacks some of its inputs or outputs/)
  }
})

test('a build with more inputs than an entry may keep is not recorded at all', () => {
  const inputs = Array<typeof input>(512).fill(input)
  writeAdmission(state, DIGEST, { ...admission, build: { ...build, inputs }, claims: [] })
  assert.equal(readAdmission(state, DIGEST, PATH)?.build, undefined)
})

test('the first line is all that another program has to compare', () => {
  writeAdmission(state, DIGEST, admission)
  const [first] = readFileSync(entryFile(state, DIGEST), 'utf8').split('\n')
  assert.equal(first, `nixsig4 ${PATH} sha256:${HASH} ${POLICY} 2000000000`)
})

test('a path that was never admitted has no entry', () => {
  assert.equal(readAdmission(state, DIGEST, PATH), undefined)
})

test('attack: the entry of one path in the place of another', () => {
  writeAdmission(state, DIGEST, admission)
  const other = `/nix/store/${DIGEST}-hello-2.13`
  assert.throws(() => readAdmission(state, DIGEST, other), /is not about \/nix\/store\/.*-hello-2\.13/)
})

test('attack: a made-up name with the hash of an admitted path does not have root remove the entry', () => {
  writeAdmission(state, DIGEST, admission)
  assert.throws(
    () => readAdmission(state, DIGEST, `/nix/store/${DIGEST}-made-up`),
    /is not about \S+-made-up, but about \S+; next: give the name that "ls \/nix\/store" shows; if it shows \S+-made-up, have/,
  )
})

test('attack: an entry that others may write', () => {
  writeAdmission(state, DIGEST, admission)
  chmodSync(entryFile(state, DIGEST), 0o666)
  assert.throws(() => readAdmission(state, DIGEST, PATH), /is writable by others \(chmod go-w/)
})

test('attack: a symbolic link in place of an entry', () => {
  const elsewhere = join(state, 'elsewhere')
  writeFileSync(elsewhere, 'nixsig1')
  const file = put('')
  rmSync(file)
  symlinkSync(elsewhere, file)
  assert.throws(() => readAdmission(state, DIGEST, PATH), /cannot read .*ELOOP/)
})

test('attack: line breaks in a rule or an origin cannot add lines to an entry', () => {
  const origin = `evil\nclaim builder ed25519:${'00'.repeat(32)} - forged`
  const claims = [
    { key: 'openpgp:AB', role: 'developer', graph: undefined, seen: 1, trace: 'nix', origin } as const,
  ]
  writeAdmission(state, DIGEST, { ...admission, rule: 'a\nuntil never', claims })
  const read = readAdmission(state, DIGEST, PATH)
  assert.equal(read?.claims.length, 1)
  assert.equal(read?.until, admission.until)
})

const good = () => {
  writeAdmission(state, DIGEST, admission)
  return readFileSync(entryFile(state, DIGEST), 'utf8')
}

test('an entry that is cut off anywhere but between two claims is refused as a whole', () => {
  const text = good()
  const whole = text.indexOf('claim builder')
  for (let length = 1; length < text.length; length++) {
    const part = text.slice(0, length)
    put(part)
    const isPrefixOfLines = part.endsWith('\n') && length >= whole
    if (isPrefixOfLines) assert.equal(readAdmission(state, DIGEST, PATH)?.narHash, HASH)
    else if (length % 512 === 0) assert.equal(readAdmission(state, DIGEST, PATH), undefined)
    else assert.throws(() => readAdmission(state, DIGEST, PATH), { name: 'FileError' }, `cut at ${length}`)
  }
})

test('fault: an entry as a power failure leaves it admits nothing and causes no error', () => {
  const long = good().replace('rule default', `rule ${'x'.repeat(3000)}`)
  fc.assert(
    fc.property(afterPowerFailure(long), torn => {
      put(torn)
      const found = readAdmission(state, DIGEST, PATH)
      assert.equal(found === undefined, torn !== long)
    }),
  )
})

for (const [what, from, to] of [
  ['the NAR hash is not one', HASH, `${HASH}00`],
  ['the policy digest is not one', POLICY, 'z'],
  ['the end is not a number', ' 2000000000\n', ' soon\n'],
  ['an unknown kind', 'kind output', 'kind image'],
  ['a field twice', 'rule default', 'rule default\nrule default'],
  ['an unknown role', 'claim builder', 'claim owner'],
  ['a claim without its time', ' 1690000000 ', ' '],
  ['a version to come', 'nixsig4', 'nixsig5'],
] as const) {
  test(`a malformed entry is refused: ${what}`, () => {
    put(good().replace(from, to))
    assert.throws(
      () => readAdmission(state, DIGEST, PATH),
      /ledger entry .* (does not have the form|has a bad claim|lacks some)/,
    )
  })
}

test('an entry larger than its limit is refused without being read', () => {
  put(`nixsig1 ${PATH} sha256:${HASH}\n${'x'.repeat(270_000)}`)
  assert.throws(() => readAdmission(state, DIGEST, PATH), /is larger than 262144 bytes/)
})

const OLD = `nixsig1 ${PATH} sha256:${HASH}
policy ${POLICY}
until never
stamp 17:1700000000000000000
kind output
built here
derivation /nix/store/${DIGEST}-hello-2.12.drv
time 1700000000
build 1 1
rule default
claim builder ed25519:${HASH} - /etc/nixsig/attestations:3
input 1:2 ${PATH}
output out ${PATH}
`

test('attack: an entry of the first format, which kept less than it judged, is stale under every policy', () => {
  put(OLD)
  const read = readAdmission(state, DIGEST, PATH)
  assert.ok(read !== undefined)
  for (const policy of [POLICY, read.policy]) assert.equal(isCurrent(read, policy, 0), false)
  assert.deepEqual([read.narHash, read.builtHere, read.kind], [HASH, true, 'output'])
  assert.deepEqual([read.claims, read.build], [[], undefined])
})

/** An entry of this admission in the second or third format. */
function oldEntry(version: 'nixsig2' | 'nixsig3'): string {
  const outputs = [{ name: 'out', path: PATH, takesAny: true }]
  writeAdmission(state, DIGEST, { ...admission, build: { ...build, outputs } })
  const text = readFileSync(entryFile(state, DIGEST), 'utf8')
  const start = `${version} ${PATH} sha256:${HASH}\npolicy ${POLICY}\nuntil never\n`
  return text.replace(/^.*\n/, start)
}

test('attack: an entry of the second format, which did not say what outputs may become, is stale under every policy', () => {
  put(oldEntry('nixsig2').replace('output any', 'output'))
  const read = readAdmission(state, DIGEST, PATH)
  assert.ok(read !== undefined)
  for (const policy of [POLICY, read.policy]) assert.equal(isCurrent(read, policy, 0), false)
  assert.deepEqual(read.claims, admission.claims)
  assert.deepEqual(read.build?.outputs, [{ name: 'out', path: PATH, takesAny: false }])
  put(oldEntry('nixsig2'))
  assert.throws(() => readAdmission(state, DIGEST, PATH), /lacks some of its inputs or outputs/)
})

test('an entry of the third format is judged anew under every policy, with what it says as evidence', () => {
  put(oldEntry('nixsig3'))
  const read = readAdmission(state, DIGEST, PATH)
  assert.ok(read !== undefined)
  for (const policy of [POLICY, read.policy]) assert.equal(isCurrent(read, policy, 0), false)
  assert.deepEqual([read.claims, read.narHash, read.builtHere], [admission.claims, HASH, true])
})

test('an entry is in force only under its own policy and before its end', () => {
  assert.equal(isCurrent(admission, POLICY, 1_999_999_999), true)
  assert.equal(isCurrent(admission, POLICY, 2_000_000_000), false)
  assert.equal(isCurrent(admission, HASH, 1_700_000_000), false)
  assert.equal(isCurrent({ ...admission, until: undefined }, POLICY, 9_999_999_999), true)
})
