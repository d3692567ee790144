// A process with two stores: while the gate is asked about a path of one, which may take half a
// minute, a transaction of the other has locked its database and must not wait for that.
import assert from 'node:assert/strict'
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { printReply } from '../../src/formats/hook-reply.ts'

const OUT = mkdtempSync(join(tmpdir(), 'nixsig-two-'))
const PLUGIN = join(OUT, 'nixsig-plugin.so')
const PROGRAM = join(OUT, 'two-stores')
const SOCKET = join(OUT, 'socket')
const SIGN = join(OUT, 'asked')
const TABLES = `create table ValidPaths (id integer primary key, path text, hash text, deriver text, narSize integer, ultimate integer, sigs text, ca text);
create table Refs (referrer integer, reference integer);
create table Realisations (id integer);`

function made({ status, stderr }: SpawnSyncReturns<string>): void {
  assert.equal(status, 0, stderr)
}

/** A database like a store's, filled by a shell that does not load the plugin. */
function store(name: string): string {
  const directory = join(OUT, name, 'db')
  mkdirSync(directory, { recursive: true })
  const file = join(directory, 'db.sqlite')
  made(spawnSync('sqlite3', [file, TABLES], { encoding: 'utf8' }))
  return file
}

function insert(name: string): string {
  return `insert into ValidPaths (path, hash, sigs) values ('/nix/store/${'0'.repeat(32)}-${name}', 'sha256:${'ab'.repeat(32)}', 'a:b');`
}

// In a thread of its own, since the tests block. It lets `signed` in with one reference, leaves
// `held` without an answer, and shows signs of life.
const GATE = `const { parentPort, workerData: { socket, sign, signed } } = require('node:worker_threads')
require('node:net').createServer({ allowHalfOpen: true }, connection => {
  connection.on('error', () => {})
  let question = ''
  connection.on('data', data => {
    question += data
    if (question.includes('-signed')) connection.end(signed)
    else if (question.includes('-held')) require('node:fs').writeFileSync(sign, '')
    else connection.end('alive')
  })
}).listen(socket, () => parentPort.postMessage('listens'))`

let gate: Worker | undefined

before(async () => {
  const places = { STATE: join(OUT, 'state'), POLICY: join(OUT, 'policy.toml'), SOCKET }
  const flags = Object.entries(places).map(([name, place]) => `-DNIXSIG_${name}='"${place}"'`)
  const options = ['-s', '-C', join(PROJECT_ROOT, 'nix/plugin'), `OUT=${OUT}`, `CPPFLAGS=${flags.join(' ')}`]
  made(spawnSync('make', [...options, PLUGIN], { encoding: 'utf8' }))
  const source = join(PROJECT_ROOT, 'test/support/two-stores.c')
  const libraries = ['-l:libsqlite3.so.0', '-lpthread']
  made(spawnSync('cc', ['-D_GNU_SOURCE', '-o', PROGRAM, source, ...libraries], { encoding: 'utf8' }))
  const telling = { isByLine: false, versions: [], references: 'cd'.repeat(32) }
  const signed = printReply({ outcome: 'pass', sentence: '', notice: '', telling })
  gate = new Worker(GATE, { eval: true, workerData: { socket: SOCKET, sign: SIGN, signed } })
  await new Promise(resolve => gate?.once('message', resolve))
})
after(async () => {
  await gate?.terminate()
  rmSync(OUT, { recursive: true })
})

const asRoot = { skip: process.getuid?.() === 0 ? false : 'a plain user opens no store that is guarded' }

const TRANSACTIONS: Readonly<Record<string, readonly [first: string, then: string, reason: RegExp]>> = {
  'a path': [
    'begin immediate;',
    insert('other'),
    /refused a path: the gate is being asked about a path of another store of this process; next: try again/,
  ],
  'a realisation': [
    'begin immediate;',
    'insert into Realisations values (1);',
    /refused a realisation: the gate is being asked about a path of another store of this process; next: try again/,
  ],
  'other references than were signed': [
    `begin; ${insert('signed')}`,
    'commit;',
    /refused \S+-signed: its references do not match those that were signed, [^\n]*: the gate is being asked about a path of another store of this process; next: try again/,
  ],
}

for (const [what, [first, then, reason]] of Object.entries(TRANSACTIONS)) {
  test(
    `fault: ${what}, in a transaction while the gate is asked about another store, is refused at once`,
    asRoot,
    () => {
      rmSync(SIGN, { force: true })
      const name = what.replaceAll(' ', '-')
      const file = store(name)
      const { status, stdout, stderr } = spawnSync(
        PROGRAM,
        [file, first, store(`held-${name}`), insert('held'), SIGN, then],
        { encoding: 'utf8', env: { ...process.env, LD_PRELOAD: PLUGIN }, timeout: 60_000 },
      )
      assert.equal(status, 0, `${status} ${stderr}`)
      const [, time = '', code = ''] = /^(\d+) ms, status (\d+): /.exec(stdout) ?? assert.fail(stdout)
      assert.ok(Number(time) < 2000, stdout)
      assert.notEqual(code, '0')
      assert.match(stderr, reason)
      const rows = spawnSync('sqlite3', [file, 'select count(*) from ValidPaths'], { encoding: 'utf8' })
      assert.equal(rows.stdout, '0\n')
    },
  )
}
