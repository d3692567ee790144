// docs/ledger.md, "The policy, without its language": when the plugin relies on the recorded
// policy.
import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { readSnapshot } from '../../src/ledger/policy-snapshot.ts'
import {
  asRoot,
  POLICY_DIGEST,
  ROW,
  type State,
  snapshotText,
  UNKNOWN,
  usePlugin,
} from '../support/plugin-state.ts'

const { admitting, ask, letsIn, refuses, stateWith } = usePlugin()

const UNREAD = /the policy was changed and has not been read since/

test('P9: attack: a policy that was changed, replaced or removed is not taken for the one that is known', () => {
  const changed = admitting()
  letsIn(changed, ROW)
  writeFileSync(changed.policy, 'mode = "enforce"')
  refuses(changed, ROW, UNREAD)

  const replaced = admitting()
  letsIn(replaced, ROW)
  copyFileSync(replaced.policy, `${replaced.policy}-new`)
  renameSync(`${replaced.policy}-new`, replaced.policy)
  refuses(replaced, ROW, UNREAD)

  const gone = admitting()
  letsIn(gone, ROW)
  rmSync(gone.policy)
  refuses(gone, ROW, /policy\.toml: No such file/)
})

test('P9: a record that does not say whether decisions are logged is of an older nixsig, and not believed', () => {
  for (const [line, other] of [
    ['decisions kept\n', ''],
    ['decisions kept', 'decisions perhaps'],
  ] as const) {
    const where = admitting()
    letsIn(where, ROW)
    writeFileSync(where.snapshot, snapshotText([where.policy]).replace(line, other))
    refuses(where, ROW, UNREAD)
    assert.equal(readSnapshot(where.state, where.policy), undefined)
  }
  for (const decisions of ['off', 'kept', 'required']) letsIn(admitting({}, { decisions }), ROW)
})

test('P9: attack: what is remembered is of the policy of this machine, and of no other', () => {
  const where = admitting()
  copyFileSync(where.policy, `${where.policy}~`)
  refuses({ ...where, policy: `${where.policy}~` }, ROW, UNREAD)
})

test('P9: a certificate of the policy that was changed or is gone changes the policy', () => {
  const where = admitting({}, { certificates: ['alice.asc', 'bob.asc'] })
  letsIn(where, ROW)
  writeFileSync(join(where.directory, 'bob.asc'), 'another key')
  refuses(where, ROW, UNREAD)
  rmSync(join(where.directory, 'bob.asc'))
  refuses(where, ROW, /bob\.asc: No such file/)
})

test('P9: a policy that a link leads to is known until the link leads elsewhere', () => {
  const where = admitting()
  const [first, second] = [`${where.policy}-1`, `${where.policy}-2`]
  renameSync(where.policy, first)
  copyFileSync(first, second)
  symlinkSync(first, where.policy)
  // As readers of a policy record it: the version of the file that a name leads to, under that
  // name.
  writeFileSync(where.snapshot, snapshotText([first]).replace(` ${first}\n`, ` ${where.policy}\n`))
  assert.equal(readSnapshot(where.state, where.policy)?.digest, POLICY_DIGEST)
  letsIn(where, ROW)
  rmSync(where.policy)
  symlinkSync(second, where.policy)
  refuses(where, ROW, UNREAD)
})

test('P9: attack: a policy that others could have put in its place is not believed', asRoot, () => {
  const attacks: readonly (readonly [(directory: string) => void, RegExp])[] = [
    [directory => chmodSync(directory, 0o777), /is writable by everybody/],
    [directory => chmodSync(directory, 0o1777), /is writable by everybody/],
    [directory => chmodSync(directory, 0o770), /is writable by its group/],
    [directory => chownSync(directory, 1000, 1000), /belongs to user 1000/],
  ]
  for (const [attack, reason] of attacks) {
    const open = stateWith()
    const where = { ...admitting(), policy: open.policy }
    writeFileSync(where.snapshot, snapshotText([open.policy]))
    letsIn(where, ROW)
    attack(dirname(open.policy))
    // A policy that was read is used while no file changes; the directory's owner is checked again
    // only after a change.
    writeFileSync(where.snapshot, snapshotText([open.policy]))
    refuses(where, ROW, reason)
  }
})

test('P9: attack: a policy that a link leads to, where others could have put it, is not believed', () => {
  const where = admitting()
  const open = join(where.directory, 'open')
  mkdirSync(open)
  renameSync(where.policy, join(open, 'policy.toml'))
  symlinkSync(join(open, 'policy.toml'), where.policy)
  const remember = () => {
    const text = snapshotText([join(open, 'policy.toml')])
    writeFileSync(where.snapshot, text.replace(` ${open}/`, ` ${where.directory}/`))
  }
  remember()
  letsIn(where, ROW)
  chmodSync(open, 0o777)
  remember()
  refuses(where, ROW, /open is writable by everybody/)
})

test('attack: a mode that others could have put there does not let in with a warning', () => {
  const where = stateWith({ mode: 'warn' })
  chmodSync(where.state, 0o777)
  refuses(where, ROW, /state is writable by (?:others|everybody)/)
})

test('a policy of more files than the plugin keeps is left to the gate, all others are known', () => {
  const names = Array.from({ length: 32 }, (_, index) => `${index}.asc`)
  letsIn(admitting({}, { certificates: names.slice(1) }), ROW)
  refuses(admitting({}, { certificates: names }), ROW, UNREAD)
})

const CHANGES: Readonly<Record<string, readonly [from: string | RegExp, to: string, reason?: RegExp]>> = {
  'of a version to come': ['nixsig1', 'nixsig2'],
  'with a digest that is none': [POLICY_DIGEST, POLICY_DIGEST.slice(1)],
  'with another digest': [POLICY_DIGEST, 'dc'.repeat(32), UNKNOWN],
  'in a mode that is none': ['mode enforce', 'mode off'],
  'without a mode': [/^mode .*\n/m, ''],
  'in two modes': [/^(mode .*\n)/m, '$1mode warn\n'],
  'with sources that are neither data nor attested': ['sources data', 'sources all'],
  'without a word on sources': [/^sources .*\n/m, ''],
  'of no file': [/^file .*\n/m, ''],
  'with a line that is not known': [/^(mode )/m, 'other x\n$1'],
  'with another line behind its files': [/$/, 'mode warn\n'],
  'with a stamp that is none': [/^file \S+/m, 'file none'],
  'with a stamp that begins as the right one does': [/^(file \S+)/m, '$10'],
  'with a stamp that is longer by a zero in front': [/^file /m, 'file 0'],
  'with a name that goes on': [/\n$/, '/x\n', /Not a directory/],
  'with a name from here': [/^(file \S+) .*\n/m, '$1 policy.toml\n', /No such file/],
  'without a line end': [/\n$/, ''],
}

for (const [how, [from, to, reason = UNREAD]] of Object.entries(CHANGES)) {
  test(`attack: what is remembered of a policy ${how} admits nothing`, () => {
    const where = admitting()
    letsIn(where, ROW)
    const text = readFileSync(where.snapshot, 'utf8')
    const changed = text.replace(from, to)
    assert.notEqual(changed, text)
    writeFileSync(where.snapshot, changed)
    refuses(where, ROW, reason)
  })
}

test('a policy that only warns lets in with a warning, and only while it is known', () => {
  const where = stateWith({ mode: 'warn' })
  const warned = (state: State) => {
    const { outcome, reason } = ask(state, ROW)
    assert.equal(outcome, 'warned')
    return reason
  }
  assert.match(warned(where), UNKNOWN)
  writeFileSync(where.policy, 'changed')
  refuses(where, ROW, UNREAD)
  writeFileSync(where.snapshot, snapshotText([where.policy], { mode: 'warn' }))
  assert.match(warned(where), UNKNOWN)
  chmodSync(where.snapshot, 0o666)
  refuses(where, ROW, /policy is writable by others/)
})

test('two files of one policy are both looked at, in whatever order they come', () => {
  const where = admitting({}, { certificates: ['alice.asc'] })
  const alice = join(where.directory, 'alice.asc')
  writeFileSync(where.snapshot, snapshotText([alice, where.policy]))
  refuses(where, ROW, UNREAD)
  writeFileSync(where.snapshot, snapshotText([where.policy, alice]))
  letsIn(where, ROW)
})
