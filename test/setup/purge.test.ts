import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { leftovers } from '../../src/setup/leftovers.ts'
import { compiledModule } from '../gate/compiled-module.ts'
import { type Machine, makeMachine } from './machine.ts'

let machine: Machine
let secrets: string
beforeEach(() => {
  machine = makeMachine('own')
  secrets = join(dirname(machine.places.policy), 'secrets/from-nix-conf')
  mkdirSync(secrets, { recursive: true, mode: 0o755 })
  writeFileSync(join(secrets, 'cache.example.org'), 'Basic c2VjcmV0\n', { mode: 0o600 })
})
afterEach(() => machine.remove())

for (const what of ['at once', 'by a second run', 'where the policy is gone', 'where all else is gone']) {
  test(`attack: a purge leaves no passwords of nix.conf's, ${what}`, async () => {
    const { policy, state } = machine.places
    if (what !== 'where all else is gone') await machine.setUp()
    if (what === 'by a second run') await machine.takeDown()
    if (what.startsWith('where')) rmSync(policy)
    assert.equal((await machine.takeDown(true)).kind, 'done')
    for (const gone of [secrets, policy, dirname(policy), state]) assert.equal(existsSync(gone), false, gone)
    assert.equal((await machine.takeDown(true)).kind, 'nothing')
  })
}

test('the secrets that are purged are not said to stay, those of others are', () => {
  const said = () => leftovers(machine.places, machine.directory).join('\n')
  assert.doesNotMatch(said(), /with what others put there/)
  writeFileSync(join(dirname(secrets), 'mine'), '')
  assert.match(said(), /with what others put there: secrets/)
})

/** Runs a shell's text where it may mount; undefined if this user may not. */
function whereMounting(script: string, args: readonly string[]) {
  if (spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 't', '/mnt']).status !== 0) return undefined
  return spawnSync('unshare', ['-rm', 'sh', '-ec', script, 'sh', ...args], { encoding: 'utf8' })
}

/** What happens to the state that `script` makes in "$1". */
async function purgeMounted(script: string) {
  const { policy, state } = machine.places
  mkdirSync(state, { mode: 0o755 })
  const module = await compiledModule('src/setup/purge.ts')
  const purge = `const { hasPurgeable, purge } = await import(${JSON.stringify(module)})
const places = ${JSON.stringify({ policy, state })}
console.log(JSON.stringify([hasPurgeable(places), purge(places), hasPurgeable(places)]))`
  const ended = whereMounting(
    `mount -t tmpfs -o mode=755 t "$1"; ${script}; "$2" --input-type=module -e "$3"; find "$1" -type f`,
    [state, process.execPath, purge],
  )
  if (ended === undefined) return undefined
  assert.equal(ended.stderr, '')
  const [line = '', ...files] = ended.stdout.trim().split('\n')
  assert.deepEqual(files, [], 'no file is left')
  return JSON.parse(line)
}

test('attack: state on a mount of its own is emptied, and its directory is named', async context => {
  const files =
    'mkdir -p "$1/ledger/deep"; echo x >"$1/machine.secret"; echo x >"$1/ledger/deep/$(printf "\\377")"'
  const seen = await purgeMounted(files)
  if (seen === undefined) return context.skip('this user may not mount')
  assert.deepEqual(seen, [true, [machine.places.state], false])
})

test('attack: so is a mount inside of it', async context => {
  const seen = await purgeMounted(
    'mkdir "$1/nars"; mount -t tmpfs t "$1/nars"; echo x >"$1/nars/x"; echo x >"$1/x"',
  )
  if (seen === undefined) return context.skip('this user may not mount')
  assert.deepEqual(seen[1], [join(machine.places.state, 'nars')])
})

/** The package's script, for the machine of this test. */
function postrm(): string {
  return readFileSync(join(PROJECT_ROOT, 'tools/debian/postrm'), 'utf8')
    .replaceAll('/etc/nixsig', dirname(machine.places.policy))
    .replaceAll('/var/lib/nixsig', machine.places.state)
    .replaceAll('/opt/nixsig-versions', join(dirname(machine.places.state), 'versions'))
}

test('attack: purging the package deletes the passwords and all state', async () => {
  await machine.setUp()
  const { policy, state } = machine.places
  const { status, stderr } = spawnSync('sh', ['-c', postrm(), 'postrm', 'purge'], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  assert.match(stderr, /policy, passwords, keys, ledger and quarantine are deleted/)
  assert.doesNotMatch(stderr, /mount point/)
  for (const gone of [secrets, policy, dirname(policy), state]) assert.equal(existsSync(gone), false, gone)
})

test('attack: purging the package empties state on a mount of its own, and says what stays', context => {
  const { state } = machine.places
  mkdirSync(state, { mode: 0o755 })
  const ended = whereMounting(
    'mount -t tmpfs t "$1"; echo secret >"$1/machine.secret"; sh -c "$2" postrm purge; find "$1" -type f',
    [state, postrm()],
  )
  if (ended === undefined) return context.skip('this user may not mount')
  assert.equal(ended.status, 0, ended.stderr)
  assert.equal(ended.stdout, '')
  assert.match(ended.stderr, /empty, as it is a mount point/)
  assert.equal(existsSync(secrets), false)
})
