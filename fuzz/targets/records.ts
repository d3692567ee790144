import { strict as assert } from 'node:assert'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { wholeRecord } from '../../src/files/owned-file.ts'
import { FileError } from '../../src/files/regular-file.ts'
import { type Admission, entryFile, readAdmission, writeAdmission } from '../../src/ledger/admissions.ts'
import { type Expected, expectOutput, type NewExpected, readExpected } from '../../src/ledger/expected.ts'
import { readSnapshot } from '../../src/ledger/policy-snapshot.ts'
import { printable } from '../../src/primitives/printable.ts'
import { entryDirectory, readEntry, writeEntry } from '../../src/quarantine/entries.ts'
import { DERIVATION, DIGEST, NAR_HASH, NOW, OTHER_PATH, PATH } from '../seeds.ts'
import { formatTarget, type Target } from '../target.ts'

const refusals = [FileError]
const POLICY_DIGEST = 'cd'.repeat(32)
const STAMP = '17:1700000000000000000:4096:1000000000:1700000000000000001'
const POLICY = '/etc/nixsig/policy.toml'

/** The most claims that the writer of an entry keeps; the reader accepts more. */
const CLAIM_LIMIT = 64
const BUILD_LIMIT = 512

const ADMISSION: Admission = {
  path: PATH,
  narHash: NAR_HASH,
  policy: POLICY_DIGEST,
  until: NOW,
  stamp: STAMP,
  kind: 'output',
  builtHere: true,
  derivation: DERIVATION,
  time: NOW,
  rule: 'upstream tarballs',
  claims: [
    {
      key: `ed25519:${NAR_HASH}`,
      role: 'builder',
      graph: undefined,
      seen: NOW,
      trace: 'nix',
      origin: '/etc/a:3',
    },
    {
      key: 'openpgp:ABCD',
      role: 'developer',
      graph: DERIVATION,
      seen: NOW,
      trace: 'openpgp:x',
      origin: 'x.asc',
    },
  ],
  build: undefined,
}
const OF_A_DERIVATION: Admission = {
  ...ADMISSION,
  until: undefined,
  stamp: undefined,
  kind: 'derivation',
  derivation: undefined,
  claims: [],
  build: {
    inputs: [{ stamp: STAMP, path: OTHER_PATH }],
    outputs: [{ name: 'out', path: PATH, takesAny: false }],
  },
}
const EXPECTED: NewExpected = {
  digest: DIGEST,
  path: PATH,
  derivation: DERIVATION,
  output: 'out',
  time: NOW,
  found: { policy: POLICY_DIGEST, until: NOW },
  admits: { kind: 'these', hashes: [NAR_HASH, POLICY_DIGEST] },
}
const REFUSED = {
  path: PATH,
  narHash: NAR_HASH,
  narSize: 120,
  references: [PATH, OTHER_PATH],
  derivation: DERIVATION,
  builtHere: true,
  registered: NOW,
  refused: NOW,
  outcome: 'untrusted',
  reason: 'no signature by anybody',
} as const

const LINES: readonly string[] = [
  ...[
    'nixsig1 ',
    'nixsig2 ',
    'nixsig3 ',
    'nixsig4 ',
    ' never any\n',
    ` never these sha256:${NAR_HASH}\n`,
    ` ${POLICY_DIGEST} never\n`,
    'admits any\n',
    'admits these\n',
    'output any ',
    'policy ',
    'until never\n',
    'stamp none\n',
    'kind output\n',
    'built here\n',
    'derivation none\n',
    'time 0\n',
  ],
  ...[
    'build unknown\n',
    'build 1 1\n',
    'build 0 0\n',
    'rule \n',
    'claim builder a - 1 nix b\n',
    `input ${STAMP} ${PATH}\n`,
  ],
  ...[
    `output out ${PATH}\n`,
    `allow sha256:${NAR_HASH}\n`,
    'name x\n',
    '\n',
    ' ',
    '\r',
    '\u2028',
    '\\',
    '/',
    'file 1:2 /etc/passwd\n',
  ],
]

/** The files in nixsig's state directory. `state`: a directory for these targets alone. */
export function recordTargets(state: string): readonly Target[] {
  return [ledgerEntry(state), expectation(state), policySnapshot(state), quarantineEntry(state)]
}

function ledgerEntry(state: string): Target {
  const file = entryFile(state, DIGEST)
  const print = (entry: Admission) => {
    writeAdmission(state, DIGEST, entry)
    return readFileSync(file)
  }
  return formatTarget({
    name: 'ledger entry',
    seeds: [print(ADMISSION), print(OF_A_DERIVATION)],
    tokens: LINES,
    read: input => {
      writeFileSync(file, input)
      const entry = readAdmission(state, DIGEST, PATH)
      const isTorn = wholeRecord(Buffer.from(input)) === undefined
      assert.equal(entry === undefined, isTorn, 'a file is not an entry if, and only if, it is torn')
      return entry
    },
    print: entry => (entry === undefined ? '' : isKeptWhole(entry) ? print(entry) : undefined),
    refusals,
  })
}

/** Whether the writer keeps an entry completely, without dropping or escaping anything. */
function isKeptWhole({ claims, build, rule }: Admission): boolean {
  const { inputs = [], outputs = [] } = build ?? {}
  const isPlain = (text: string) => printable(text) === text
  return (
    claims.length <= CLAIM_LIMIT &&
    inputs.length + outputs.length <= BUILD_LIMIT &&
    [rule, ...claims.map(({ origin }) => origin)].every(isPlain)
  )
}

function expectation(state: string): Target {
  const file = join(state, 'expected', DIGEST)
  const print = (expected: NewExpected) => {
    expectOutput(state, expected)
    return readFileSync(file)
  }
  return formatTarget({
    name: 'expectation',
    seeds: [print(EXPECTED), print({ ...EXPECTED, admits: { kind: 'any' } })],
    tokens: LINES,
    read: input => {
      writeFileSync(file, input)
      return readExpected(state, DIGEST)
    },
    print: expected => (expected === undefined ? '' : isNew(expected) ? print(expected) : undefined),
    refusals,
  })
}

/** Whether an expectation is of the present format. */
function isNew(expected: Expected): expected is NewExpected {
  return expected.found !== undefined
}

function policySnapshot(state: string): Target {
  const file = join(state, 'policy')
  return formatTarget({
    name: 'policy snapshot',
    seeds: [
      `nixsig1 ${POLICY_DIGEST}\nattestations /etc/nixsig/attestations\nfile 1:2 /etc/hostname\nfile 1:3 /etc\n`,
    ],
    tokens: LINES,
    read: input => {
      writeFileSync(file, input, { mode: 0o600 })
      return readSnapshot(state, POLICY)
    },
    refusals,
  })
}

function quarantineEntry(state: string): Target {
  const id = writeEntry(state, REFUSED)
  const file = join(entryDirectory(state, id), 'entry.json')
  return formatTarget({
    name: 'quarantine entry',
    seeds: [readFileSync(file)],
    tokens: [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      'null',
      '"path"',
      '"references"',
      '"outcome"',
      'untrusted',
      '0',
      '-1',
      '1.5',
      PATH,
    ],
    read: input => {
      writeFileSync(file, input)
      return readEntry(state, id)
    },
    print: entry => `${JSON.stringify(entry)}\n`,
    refusals,
  })
}
