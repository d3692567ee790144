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
  POLICY_DIGEST,
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
  Record<
    string,
    { make: () => State & { file: string }; row: Row; gone: RegExp; empty: RegExp; whole?: true }
  >
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
    whole: true,
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

for (const [what, { make, row, gone, empty, whole: isReadWhole }] of Object.entries(FILES)) {
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
    // Of the ledger's files only the first line is read.
    const end = isReadWhole ? whole.length : whole.indexOf('\n') + 1
    for (const character of ['\0', '\r', '\n', '\xff']) {
      for (let at = 0; at < end; at++) {
        // The plugin does not check a directory's name, except for line separators.
        const line = whole.slice(0, at).split('\n').at(-1) ?? ''
        if (character === '\xff' && line.startsWith('attestations ')) continue
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

test('a snapshot of the policy is read up to its limit, and not beyond it', () => {
  const where = withFile('what is remembered of the policy')
  const text = readFileSync(where.file, 'utf8')
  const line = 'attestations /x\n'
  const at = text.indexOf('attestations')
  const writeMore = (size: number) => {
    const more = line.repeat(Math.floor((size - text.length) / line.length))
    writeFileSync(where.file, text.slice(0, at) + more + text.slice(at))
  }
  writeMore(64 * 1024)
  letsIn(where, ROW)
  writeMore(64 * 1024 + line.length)
  refuses(where, ROW, /is too long/)
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
        // Of an entry C reads the first line alone.
        if (torn.startsWith(firstLineOf(long))) letsIn(where, row)
        else refuses(where, row, reason)
      }),
      { numRuns: 40 },
    )
  }
})

test('an expectation may have 128 hashes, and no more', () => {
  const hashes = Array.from({ length: 127 }, (_, index) => index.toString(16).padStart(64, '0'))
  const where = expecting({ admits: { kind: 'these', hashes: [...hashes, NAR_HASH] } })
  letsIn(where, BUILT)
  const text = readFileSync(where.record, 'utf8')
  writeFileSync(where.record, text.replace(' these ', ` these sha256:${NAR_HASH} `))
  refuses(where, BUILT, /the record of its build cannot be read/)
})

for (const [what, { make, row, whole }] of Object.entries(FILES)) {
  if (whole) continue
  test(`of ${what} nothing but the first line is read, and that only if it ends`, () => {
    const where = make()
    const line = firstLineOf(readFileSync(where.file, 'utf8'))
    for (const rest of ['', 'x', '\0', `${line}x`, '\xff\n'.repeat(200_000)]) {
      writeFileSync(where.file, line + rest, 'latin1')
      letsIn(where, row)
    }
    writeFileSync(where.file, `${'x'.repeat(16 * 1024)}\n${line}`)
    refuses(where, row, /has no first line/)
  })
}

function firstLineOf(text: string): string {
  return /^.*\n/.exec(text)?.[0] ?? ''
}

test('attack: an entry that breaks off within its first line lets nothing in', () => {
  const where = admitting()
  const line = firstLineOf(readFileSync(where.entry, 'utf8'))
  for (let length = 0; length < line.length; length++) {
    writeFileSync(where.entry, line.slice(0, length))
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

test('attack: an expectation that breaks off within its first line lets nothing in', () => {
  for (const where of [expecting(THESE), expecting()]) {
    const line = firstLineOf(readFileSync(where.record, 'utf8'))
    for (let length = 0; length < line.length; length++) {
      writeFileSync(where.record, line.slice(0, length))
      assert.equal(ask(where, BUILT).outcome, 'refused', `cut after ${length} bytes`)
    }
  }
})

const NO_FORM = /does not have the form of a ledger entry/

const ENTRY_CHANGES: Readonly<Record<string, readonly [from: string | RegExp, to: string, reason: RegExp]>> =
  {
    'is about another path': ['tool-1.0 ', 'tool-1.1 ', /is not about this path/],
    'is of a version to come': ['nixsig4', 'nixsig5', /is not about this path/],
    'is of an older version, whatever its form': ['nixsig4', 'nixsig3', UNKNOWN],
    'is of the third version': [
      /^nixsig4 (\S+ \S+) (\S+) (\S+)\n/,
      'nixsig3 $1\npolicy $2\nuntil $3\n',
      UNKNOWN,
    ],
    'is of the second version': [
      /^nixsig4 (\S+ \S+) (\S+) (\S+)\n/,
      'nixsig2 $1\npolicy $2\nuntil $3\n',
      UNKNOWN,
    ],
    'is of the first version': [
      /^nixsig4 (\S+ \S+) (\S+) (\S+)\n/,
      'nixsig1 $1\npolicy $2\nuntil $3\n',
      UNKNOWN,
    ],
    'is of an older version, but names another path': [
      /^nixsig4 \S+-tool-1.0 /,
      `nixsig3 ${PATH}x `,
      /is not about this path/,
    ],
    'has a word more': [' never\n', ' never x\n', NO_FORM],
    'has a space more at its end': [' never\n', ' never \n', NO_FORM],
    'has two spaces between its words': [' never\n', '  never\n', NO_FORM],
    'has no end': [' never\n', '\n', NO_FORM],
    'has no policy': [/ \S+ never\n/, ' never\n', NO_FORM],
    'has its words in another order': [/ (\S+) never\n/, ' never $1\n', NO_FORM],
    'has an end with a sign': [' never\n', ' -1\n', NO_FORM],
    'has an end that is not a number': [' never\n', ' 1e9\n', NO_FORM],
    'has an end beyond all numbers': [' never\n', ` ${'9'.repeat(16)}\n`, NO_FORM],
    'has a hash in capitals': [/sha256:abab/, 'sha256:ABAB', NO_FORM],
    'has a hash that is too long': [/sha256:abab/, 'sha256:ababab', NO_FORM],
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
  'is about another output': [PATH, PATH.replace('0123', '1023')],
  'names no derivation': [` ${DRV} `, ' '],
  'admits what is unknown': [' these ', ' some '],
  'says twice what it admits': [' these ', ' any these '],
  'does not say what it admits': [/ these .*\n/, '\n'],
  'admits these and names none': [/ these .*\n/, ' these\n'],
  'admits any and names some': [' these ', ' any '],
  'has the plugin ask, and names some': [' these ', ' asked '],
  'admits nothing, and names some': [' these ', ' nothing '],
  'is of a version to come': ['nixsig3', 'nixsig4'],
  'is under no policy': [` ${POLICY_DIGEST} `, ' x '],
  'does not say under which policy': [` ${POLICY_DIGEST} `, ' '],
  'ends at no time': [' never ', ' soon '],
  'does not say when it ends': [' never ', ' '],
  'has a hash that is not one': [/\n/, ' sha256:x\n'],
  'has a hash of another kind': [/\n/, ` sha512:${NAR_HASH}\n`],
  'has a hash that is too long': [/\n/, '0\n'],
  'has a hash without its kind': [' sha256:', ' '],
  'has a space at its end': [/\n/, ' \n'],
}

/** An expectation of an older form, as that was. */
const OLD_RECORD = `${PATH} ${DRV}\nname out\ntime 1\n`
const UNDER = `under ${POLICY_DIGEST} never\n`

/** A record of an older form does not say that something may become valid. */
const SILENT_CHANGES: typeof RECORD_CHANGES = {
  'is of the first form': [/^[\s\S]*$/, `nixsig1 ${OLD_RECORD}`],
  'is of the second form': [
    /^[\s\S]*$/,
    `nixsig2 ${OLD_RECORD}${UNDER}admits these\nallow sha256:${NAR_HASH}\n`,
  ],
  'is of the second form and admits any contents': [/^[\s\S]*$/, `nixsig2 ${OLD_RECORD}${UNDER}admits any\n`],
  'is of the second form and says nothing': [/^[\s\S]*$/, `nixsig2 ${OLD_RECORD}`],
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
    assert.throws(() => readExpected(where.state, DIGEST), /is no record of an expected output/)
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
