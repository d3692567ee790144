// The plugin in another process than Nix: SQLite's shell, in which any statement can be tried on a
// store's tables.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'

const OUT = mkdtempSync(join(tmpdir(), 'nixsig-guard-'))
const PLUGIN = join(OUT, 'nixsig-plugin.so')
const NO_STATE = join(OUT, 'no-state')
const COLUMNS =
  '(id integer primary key, path text, hash text, registrationTime integer, deriver text, narSize integer, ultimate integer, sigs text, ca text)'
const PATH = `/nix/store/${'0'.repeat(32)}-evil`
const INSERT = `insert into ValidPaths (path, hash) values ('${PATH}', 'sha256:${'ab'.repeat(32)}');`

/** A database like a store's, filled by a shell that does not load the plugin. */
function store(name: string, statements = `create table ValidPaths ${COLUMNS};`): string {
  const directory = join(OUT, name, 'db')
  mkdirSync(directory, { recursive: true })
  const file = join(directory, 'db.sqlite')
  const made = spawnSync('sqlite3', [file, statements], { encoding: 'utf8' })
  assert.equal(made.status, 0, made.stderr)
  return file
}

/** Runs statements as root in a process that has loaded the plugin. */
function run(file: string, statements: string) {
  const env = { ...process.env, LD_PRELOAD: PLUGIN }
  const { status, stderr } = spawnSync('sqlite3', ['-bail', file, statements], { encoding: 'utf8', env })
  const count = spawnSync('sqlite3', [file, 'select count(*) from ValidPaths'], { encoding: 'utf8' })
  return { status, stderr, rows: Number(count.stdout) }
}

before(() => {
  const options = [
    '-s',
    '-C',
    join(PROJECT_ROOT, 'nix/plugin'),
    `OUT=${OUT}`,
    `CPPFLAGS=-DNIXSIG_STATE='"${NO_STATE}"'`,
  ]
  const made = spawnSync('make', [...options, PLUGIN], { encoding: 'utf8' })
  assert.equal(made.status, 0, made.stderr)
})
after(() => rmSync(OUT, { recursive: true }))

const isRoot = process.getuid?.() === 0
const asRoot = { skip: isRoot ? false : 'a plain user opens no store that is guarded' }

const ATTEMPTS: Readonly<Record<string, readonly [statements: string, reason: RegExp]>> = {
  'a new row': [INSERT, /nixsig: refused .*-evil: the ledger does not have it/],
  'a row in place of another': [
    `insert or replace into ValidPaths (id, path, hash) values (1, 'a', 'b');`,
    /nixsig: refused a: /,
  ],
  'a row without a hash': [
    `insert into ValidPaths (path) values ('${PATH}');`,
    /not a path of \/nix\/store with a NAR hash/,
  ],
  'a row without a path': [`insert into ValidPaths (hash) values ('x');`, /refused a path without a name/],
  'a row whose path has more behind a NUL': [
    `insert into ValidPaths (path, hash) values ('${PATH}' || char(0) || '/x', 'sha256:${'ab'.repeat(32)}');`,
    /refused a path without a name/,
  ],
  'a row in a transaction': [`begin; ${INSERT} commit;`, /nixsig: refused/],
  'the triggers dropped': [`drop trigger temp.nixsig_new_path; ${INSERT}`, /not authorized/],
  'the table dropped and made again': [
    `drop table ValidPaths; create table ValidPaths ${COLUMNS}; ${INSERT}`,
    /not authorized/,
  ],
  'the table renamed, another in its place': [
    `alter table ValidPaths rename to Old; create table ValidPaths ${COLUMNS}; ${INSERT}`,
    /not authorized/,
  ],
  'the table made again if it is not there': [
    `create table if not exists ValidPaths ${COLUMNS}; ${INSERT}`,
    /nixsig: refused/,
  ],
  'a schema that is not trusted': [`pragma trusted_schema = off; ${INSERT}`, /nixsig: refused/],
  'no recursive triggers': [`pragma recursive_triggers = off; ${INSERT}`, /nixsig: refused/],
  'a realisation': [
    'create table Realisations (id integer); insert into Realisations values (1);',
    /refused a realisation: content-addressed derivations cannot be judged/,
  ],
  'a realisation in a table that was called otherwise': [
    'create table X (id integer); alter table X rename to Realisations; insert into Realisations values (1);',
    /refused a realisation/,
  ],
  'a trace of a build': [
    'create table BuildTraceV3 (id integer); insert into BuildTraceV3 values (1);',
    /refused a realisation/,
  ],
}

for (const [what, [statements, reason]] of Object.entries(ATTEMPTS)) {
  test(`attack: ${what} does not get into a store's database`, asRoot, () => {
    const { status, stderr, rows } = run(store(what.replaceAll(' ', '-')), statements)
    assert.notEqual(status, 0)
    assert.match(stderr, reason)
    assert.equal(rows, 0)
  })
}

test('attack: a store that is made by the very same process is guarded from its first row', asRoot, () => {
  const { status, stderr, rows } = run(
    store('new', 'select 1;'),
    `create table ValidPaths ${COLUMNS}; ${INSERT}`,
  )
  assert.notEqual(status, 0)
  assert.match(stderr, /nixsig: refused/)
  assert.equal(rows, 0)
})

test(
  'attack: a store whose directory of the database is a link to one of another name is guarded',
  asRoot,
  () => {
    const file = store('linked')
    const elsewhere = join(OUT, 'linked', 'on-another-disk')
    renameSync(dirname(file), elsewhere)
    symlinkSync(elsewhere, dirname(file))
    const { status, stderr, rows } = run(file, INSERT)
    assert.notEqual(status, 0)
    assert.match(stderr, /nixsig: refused/)
    assert.equal(rows, 0)
  },
)

test('attack: a valid path does not get other contents', asRoot, () => {
  const row = `insert into ValidPaths (path, hash, ultimate) values ('${PATH}', 'sha256:${'cd'.repeat(32)}', 0);`
  const file = store('update', `create table ValidPaths ${COLUMNS}; ${row}`)
  const changed = run(file, `update ValidPaths set hash = 'sha256:${'ab'.repeat(32)}';`)
  assert.notEqual(changed.status, 0)
  assert.match(changed.stderr, /nixsig: refused .*-evil/)
  // Columns other than path and hash may change.
  assert.equal(run(file, `update ValidPaths set narSize = 5, sigs = 'a:b', hash = hash;`).status, 0)
})

test('a row that is valid already goes as it came, and other databases are left alone', asRoot, () => {
  const row = `insert into ValidPaths (path, hash) values ('${PATH}', 'sha256:${'cd'.repeat(32)}');`
  const gone = run(store('delete', `create table ValidPaths ${COLUMNS}; ${row}`), 'delete from ValidPaths;')
  assert.deepEqual({ status: gone.status, rows: gone.rows }, { status: 0, rows: 0 })
  const free = run(join(OUT, 'binary-cache-v6.sqlite'), `create table ValidPaths ${COLUMNS}; ${INSERT}`)
  assert.deepEqual({ status: free.status, rows: free.rows }, { status: 0, rows: 1 })
  assert.doesNotMatch(free.stderr, /nixsig/)
})
