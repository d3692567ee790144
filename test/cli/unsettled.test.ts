// needs: dist
/**
 * Commands whose answer never comes, because nothing is left that could bring it: each ends with a failure, and says so.
 * The program is run as it is, with a library around it in which requests, programs and time stand still.
 */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

const STANDSTILL = cli.write(
  'standstill.cjs',
  `const { EventEmitter } = require('node:events')
const { Readable } = require('node:stream')
const silent = () => Object.assign(new EventEmitter(), { end() {}, destroy() {}, write() {}, setTimeout() {} })
const child = () => Object.assign(silent(), { stdout: new Readable({ read() {} }), stderr: new Readable({ read() {} }),
  stdin: silent(), stdio: [], kill() {}, unref() {}, once: () => {} })
for (const name of ['http', 'https']) require('node:' + name).request = silent
for (const name of ['spawn', 'execFile']) require('node:child_process')[name] = child
require('node:net').connect = silent
globalThis.fetch = () => new Promise(() => {})
globalThis.setTimeout = () => ({ unref() {}, ref() {}, refresh() {}, hasRef: () => false })
`,
)

const KEY = cli.run('keygen', 'alice') && cli.read('alice.pub').trim()
const policy = cli.write(
  'policy.toml',
  `version = 1
mode = "enforce"
attestations.sources = [{ url = "http://127.0.0.1:1/alice" }]
principals.alice.keys = ["${KEY}"]
default.require = { source = "alice", derivation = "alice", output = "alice" }
`,
)
const state = join(cli.dir, 'state')
mkdirSync(state, { mode: 0o755 })
const PATH = '/nix/store/0ks1qw2pm5bbzi7jg1xwyrz9cdqwfhv1-hello'
const places = ['--policy', policy, '--state', state]

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  'verify --from': ['verify', PATH, '--from', 'http://127.0.0.1:1', ...places],
  verify: ['verify', PATH, ...places],
  explain: ['explain', PATH, ...places],
  sync: ['sync', ...places],
  handoff: ['handoff', '/nix/store/0ks1qw2pm5bbzi7jg1xwyrz9cdqwfhv1-hello.drv', ...places],
  publish: ['publish', '--from', '.', '--to', 'public', '--as', 'alice'],
  'quarantine list': [
    'quarantine',
    'release',
    '20260101T000000Z-0ks1qw2pm5bbzi7jg1xwyrz9cdqwfhv1',
    ...places,
  ],
}

for (const [name, args] of Object.entries(COMMANDS)) {
  test(`${name} does not end well when no answer ever comes`, () => {
    const { status, stderr, stdout } = cli.runWith({ NODE_OPTIONS: `--require ${STANDSTILL}` }, ...args)
    assert.notEqual(status, null, 'it hangs')
    assert.notEqual(status, 0, `${stdout}${stderr}`)
    assert.match(stderr, /^nixsig: ./m)
  })
}

for (const name of ['verify --from', 'sync'] as const) {
  test(`${name} says that there is no verdict`, () => {
    const { status, stderr } = cli.runWith(
      { NODE_OPTIONS: `--require ${STANDSTILL}` },
      ...(COMMANDS[name] ?? []),
    )
    assert.equal(status, 20)
    assert.match(stderr, /no verdict: an answer never came/)
  })
}

test('what ends well still ends well', () => {
  assert.equal(cli.run('--version').status, 0)
  assert.equal(cli.run('policy', 'check', '--policy', policy).status, 0)
  assert.equal(cli.run('completion').status, 0)
})
