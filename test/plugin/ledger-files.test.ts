// docs/ledger.md: every way in which a file that the plugin reads can be broken, missing or written
// by others.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { readExpected } from '../../src/ledger/expected.ts'
import type { Row } from '../support/plugin.ts'
import {
  asRoot,
  BUILT,
  DIGEST,
  DRV,
  HASH,
  isRoot,
  NAR_HASH,
  PATH,
  ROW,
  type State,
  UNKNOWN,
  usePlugin,
} from '../support/plugin-state.ts'
import { afterPowerFailure } from '../support/power-failure.ts'

const { admitting, ask, expecting, letsIn, refuses, stateWith } = usePlugin()

const UNSTARTED = /nobody let its build start/
const UNREAD = /the policy was changed and has not been read since/

/** The files without which a path is not let in, and the reason that is given if one is missing. */
const FILES: Readonly<
  Record<string, { make: () => State & { file: string }; row: Row; gone: RegExp; empty: RegExp }>
> = {
  'an entry of the ledger': {
    make: () => {
      const where = admitting()
      return { ...where, file: where.entry }
    },
    row: ROW,
    gone: UNKNOWN,
    empty: UNKNOWN,
  },
  'an expectation': {
    make: () => {
      const where = expecting(THESE)
      return { ...where, file: where.record }
    },
    row: BUILT,
    gone: UNSTARTED,
    empty: UNSTARTED,
  },
  'what is remembered of the policy': {
    make: () => {
      const where = admitting()
      return { ...where, file: where.snapshot }
    },
    row: ROW,
    gone: /policy: No such file or directory/,
    empty: UNREAD,
  },
}

const THESE = { admits: { kind: 'these', hashes: [NAR_HASH] } } as const

type Damage = readonly [damage: (file: string, where: State) => void, reason: RegExp]

function replacing(put: (file: string) => void): (file: string) => void {
  return file => {
    rmSync(file)
    put(file)
  }
}

const DAMAGES: Readonly<Record<string, Damage>> = {
  'is a directory': [replacing(file => mkdirSync(file)), /is not a regular file/],
  'is a pipe': [replacing(file => execFileSync('mkfifo', [file])), /is not a regular file/],
  'is a symbolic link to what it was': [
    file => {
      renameSync(file, `${file}-real`)
      symlinkSync(`${file}-real`, file)
    },
    /symbolic links/,
  ],
  'may be written to by its group': [file => chmodSync(file, 0o664), /is writable by others/],
  'may be written to by everybody': [file => chmodSync(file, 0o646), /is writable by others/],
  'is longer than such a file may be': [
    file => writeFileSync(file, 'x'.repeat(300_000), { flag: 'a' }),
    /is too long/,
  ],
  'lies in a state directory that its group may write to': [
    (_, { state }) => chmodSync(state, 0o775),
    /state is writable by (?:others|its group)/,
  ],
  'lies in a state directory that everybody may write to': [
    (_, { state }) => chmodSync(state, 0o1777),
    /state is writable by/,
  ],
  'lies in a state directory that a link leads to': [
    (_, { state }) => {
      renameSync(state, `${state}-real`)
      symlinkSync(`${state}-real`, state)
    },
    /state is not a directory/,
  ],
  'lies in a state directory that others could have moved there': [
    (_, { directory }) => chmodSync(directory, 0o777),
    /is writable by everybody/,
  ],
}

const DAMAGES_BY_ROOT: Readonly<Record<string, Damage>> = {
  "is somebody else's": [file => chownSync(file, 1000, 1000), /belongs to another user/],
  'is a device': [replacing(file => execFileSync('mknod', [file, 'c', '1', '5'])), /is not a regular file/],
  "lies in somebody else's state directory": [
    (_, { state }) => chownSync(state, 1000, 1000),
    /state belongs to user 1000/,
  ],
}

for (const [what, { make, row, gone, empty }] of Object.entries(FILES)) {
  const damages = { 'is gone': [file => rmSync(file), gone], ...DAMAGES } satisfies Record<string, Damage>
  const emptied: Damage = [file => truncateSync(file), empty]
  const all = {
    ...damages,
    'is empty, as after a loss of power': emptied,
    ...(isRoot ? DAMAGES_BY_ROOT : {}),
  }
  for (const [how, [damage, reason]] of Object.entries<Damage>(all)) {
    test(`attack: ${what} that ${how} lets nothing in`, () => {
      const where = make()
      letsIn(where, row)
      damage(where.file, where)
      refuses(where, row, reason)
    })
  }

  test(`attack: ${what} with a NUL, another line end or another character in any place lets nothing in`, () => {
    const where = make()
    const whole = readFileSync(where.file, 'latin1')
    for (const character of ['\0', '\r', '\n', '\xff']) {
      for (let at = 0; at < whole.length; at++) {
        // The plugin does not check a claim's origin, a rule or a directory's name, except for line
        // separators.
        const line = whole.slice(0, at).split('\n').at(-1) ?? ''
        if (character === '\xff' && /^(?:rule|claim builder \S+ - \d+ \S+|attestations) /.test(`${line} `))
          continue
        if (whole[at] === character) continue
        writeFileSync(where.file, whole.slice(0, at) + character + whole.slice(at + 1), 'latin1')
        const { outcome } = ask(where, row)
        assert.equal(outcome, 'refused', `${JSON.stringify(character)} at ${at}`)
      }
    }
  })
}

function withFile(name: string): State & { readonly file: string } {
  const made = FILES[name]?.make()
  assert.ok(made !== undefined)
  return made
}

test('attack: a ledger or a room of expectations that others may write to lets nothing in', asRoot, () => {
  for (const { make, row } of [FILES['an entry of the ledger'], FILES['an expectation']].filter(isThere)) {
    for (const change of [
      (room: string) => chmodSync(room, 0o777),
      (room: string) => chownSync(room, 1000, 1000),
    ]) {
      const where = make()
      letsIn(where, row)
      change(join(where.state, row.isOurs ? 'expected' : 'ledger'))
      refuses(where, row, /(?:ledger|expected) (?:is writable by|belongs to user 1000)/)
    }
  }
})

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined
}

test('as long as such a file may be it is read, and beyond that it is not, in whatever form it is', () => {
  const longest: readonly (readonly [
    where: State & { readonly file: string },
    row: Row,
    line: string,
    limit: number,
    lines?: number,
  ])[] = [
    [withFile('an entry of the ledger'), ROW, 'claim builder x - 1 nix y\n', 256 * 1024],
    [withFile('an expectation'), BUILT, `allow sha256:${NAR_HASH}\n`, 16 * 1024, 127],
    [withFile('what is remembered of the policy'), ROW, 'attestations /x\n', 64 * 1024],
  ]
  for (const [where, row, line, limit, lines] of longest) {
    const text = readFileSync(where.file, 'utf8')
    const at = /^(?:claim|allow|attestations) /m.exec(text)?.index ?? 0
    const linesFor = (size: number) => Math.floor((size - text.length) / line.length)
    const writeMore = (count: number) =>
      writeFileSync(where.file, text.slice(0, at) + line.repeat(count) + text.slice(at))
    writeMore(lines ?? linesFor(limit))
    letsIn(where, row)
    writeMore(linesFor(limit + line.length))
    refuses(where, row, /is too long/)
  }
})

test('fault: what was not flushed before a loss of power counts as absent, and lets nothing in', () => {
  for (const [what, row, reason] of [
    ['an entry of the ledger', ROW, UNKNOWN],
    ['an expectation', BUILT, UNSTARTED],
  ] as const) {
    const where = (FILES[what] ?? assert.fail()).make()
    const whole = readFileSync(where.file, 'utf8')
    const long = what === 'an expectation' ? whole : whole.replace(/^rule .*/m, `rule ${'x'.repeat(2000)}`)
    fc.assert(
      fc.property(afterPowerFailure(long), torn => {
        writeFileSync(where.file, torn)
        if (torn === long) letsIn(where, row)
        else refuses(where, row, reason)
      }),
      { numRuns: 40 },
    )
  }
})

test('attack: an entry that breaks off at any byte lets nothing in', () => {
  const where = admitting()
  const whole = readFileSync(where.entry)
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(where.entry, whole.subarray(0, length))
    assert.equal(ask(where, ROW).outcome, 'refused', `cut after ${length} bytes`)
  }
})

test('attack: what is remembered of the policy and breaks off at any byte is not believed', () => {
  const where = admitting()
  const whole = readFileSync(where.snapshot)
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(where.snapshot, whole.subarray(0, length))
    assert.equal(ask(where, ROW).outcome, 'refused', `cut after ${length} bytes`)
  }
})

test('attack: an expectation that breaks off anywhere lets nothing in', () => {
  const where = expecting(THESE)
  const whole = readFileSync(where.record, 'utf8')
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(where.record, whole.slice(0, length))
    assert.equal(ask(where, BUILT).outcome, 'refused', `cut after ${length} bytes`)
  }
  const { record, ...anything } = expecting()
  const open = readFileSync(record, 'utf8')
  for (let length = 0; length < open.length; length++) {
    writeFileSync(record, open.slice(0, length))
    assert.equal(ask(anything, BUILT).outcome, 'refused', `any, cut after ${length} bytes`)
  }
})

const ENTRY_CHANGES: Readonly<Record<string, readonly [from: string | RegExp, to: string, reason: RegExp]>> =
  {
    'is about another path': ['tool-1.0 ', 'tool-1.1 ', /is not about this path/],
    'is of a version to come': ['nixsig3', 'nixsig4', /is not about this path/],
    'is of the first version, which kept less than it judged': ['nixsig3', 'nixsig1', UNKNOWN],
    'is of the second version, which did not say what outputs may become': ['nixsig3', 'nixsig2', UNKNOWN],
    'says of an output what is unknown': ['output any', 'output some', /lacks some of its outputs/],
    'does not say what an output may become': ['output any out', 'output out', /lacks some of its outputs/],
    'has a line more': [/$/, 'more\n', /a line that it should not have/],
    'has a claim of a role that is none': ['claim builder', 'claim boss', /has a bad claim/],
    'has a claim without an origin': [/^claim .*\n/m, 'claim builder x - 1 nix\n', /has a bad claim/],
    'has a claim of the first version': [/^claim .*\n/m, 'claim builder x - y\n', /has a bad claim/],
    'is of a kind that is none': ['kind output', 'kind outputs', /does not have the form/],
    'has a line twice': [/^(kind .*\n)/m, '$1$1', /does not have the form/],
    'has its lines in another order': [/^(policy .*\n)(until .*\n)/m, '$2$1', /does not have the form/],
    'has an end with a sign': ['until never', 'until -1', /does not have the form/],
    'has an end that is no number': ['until never', 'until 1e9', /does not have the form/],
    'has an end beyond all numbers': ['until never', `until ${'9'.repeat(16)}`, /does not have the form/],
    'counts more inputs than it has': ['build 1 1', 'build 2 1', /lacks some of its inputs/],
    'counts fewer outputs than it has': ['build 1 1', 'build 1 0', /a line that it should not have/],
    'counts what is no number': ['build 1 1', 'build 1 -1', /does not have the form/],
    'has a hash in capitals': [/sha256:abab/, 'sha256:ABAB', /does not have the form/],
    'has no line end at its end': [/\n$/, '', /lacks some of its outputs/],
  }

for (const [how, [from, to, reason]] of Object.entries(ENTRY_CHANGES)) {
  test(`attack: an entry of the ledger that ${how} lets nothing in`, () => {
    const where = admitting()
    const text = readFileSync(where.entry, 'utf8')
    const changed = text.replace(from, to)
    assert.notEqual(changed, text)
    writeFileSync(where.entry, changed)
    refuses(where, ROW, reason)
  })
}

const RECORD_CHANGES: Readonly<Record<string, readonly [from: string | RegExp, to: string]>> = {
  'is about another output': ['tool-1.0 ', 'tool-1.1 '],
  'names no output': [/^name .*\n/m, ''],
  'names an output that is none': ['name out', 'name o/ut'],
  'has a line more': [/$/, 'x\n'],
  'admits what is unknown': ['admits these', 'admits some'],
  'says twice what it admits': [/^(admits .*\n)/m, '$1$1'],
  'is of a version to come': ['nixsig2', 'nixsig3'],
  'is under no policy': [/^under \S+/m, 'under x'],
  'ends at no time': [/^(under \S+) .*\n/m, '$1 soon\n'],
  'does not say when it ends': [/^(under \S+) .*\n/m, '$1\n'],
  'has more hashes than are kept': [/$/, `allow sha256:${NAR_HASH}\n`.repeat(128)],
  'has a hash that is none': [/$/, 'allow sha256:x\n'],
  'has a hash of another kind': [/$/, `allow sha512:${NAR_HASH}\n`],
  'has a hash that is too long': [/$/, `allow sha256:${NAR_HASH}0\n`],
  'has its lines in another order': [/^(name .*\n)(time .*\n)/m, '$2$1'],
}

/** A record that does not say that something may become valid admits nothing. */
const SILENT_CHANGES: typeof RECORD_CHANGES = {
  'is of the form before': ['nixsig2', 'nixsig1'],
  'is of the form before, as that was': [/^nixsig2([\s\S]*)admits these\n/, 'nixsig1$1'],
  'does not say under which policy': [/^under .*\n/m, ''],
  'does not say what it admits': [/^admits .*\n/m, ''],
  'says neither, and has no hashes': [/^admits [\s\S]*/m, ''],
  'admits these and names none': [/^allow .*\n/m, ''],
  'admits any and names some': ['admits these', 'admits any'],
  'has the plugin ask, and names some': ['admits these', 'admits asked'],
  'admits nothing, and names some': ['admits these', 'admits nothing'],
}

for (const [how, [from, to]] of Object.entries(SILENT_CHANGES)) {
  test(`attack: an expectation that ${how} allows nothing`, () => {
    const where = expecting(THESE)
    const text = readFileSync(where.record, 'utf8')
    const changed = text.replace(from, to)
    assert.notEqual(changed, text)
    writeFileSync(where.record, changed)
    refuses(where, BUILT, /no contents of it may become valid/)
    assert.deepEqual(readExpected(where.state, DIGEST)?.admits, { kind: 'nothing' })
  })
}

for (const [how, [from, to]] of Object.entries(RECORD_CHANGES)) {
  test(`attack: an expectation that ${how} lets nothing in`, () => {
    const where = expecting(THESE)
    const text = readFileSync(where.record, 'utf8')
    const changed = text.replace(from, to)
    assert.notEqual(changed, text)
    writeFileSync(where.record, changed)
    refuses(where, BUILT, /the record of its build cannot be read/)
  })
}

test('attack: entries that lie under the names of others are about other paths', () => {
  const where = admitting()
  const other = PATH.replace('0123', '1023')
  const moved = where.entry.replaceAll('0123', '1023').replace('/01/', '/10/')
  mkdirSync(dirname(moved), { recursive: true })
  renameSync(where.entry, moved)
  refuses(where, { path: other, hash: HASH }, /is not about this path/)
})

test('attack: a partly written file of a writer that was killed lets nothing in', () => {
  const where = admitting()
  renameSync(where.entry, `${where.entry}.1.2.3~`)
  refuses(where, ROW, UNKNOWN)
})

test('attack: an expectation is of one derivation: neither of none nor of one whose name begins so', () => {
  refuses(expecting(), { ...ROW, isOurs: true }, UNKNOWN)
  refuses(expecting(), { ...BUILT, deriver: `${DRV}x` }, UNSTARTED)
  refuses(expecting({ derivation: `${DRV}x` }), BUILT, UNSTARTED)
})

test('without an expectation what is admitted already may be built again', () => {
  letsIn(admitting(), BUILT)
  refuses(stateWith(), BUILT, UNSTARTED)
})
