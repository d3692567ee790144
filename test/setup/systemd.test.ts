// What is asked of systemd, with a systemctl that notes it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { compiledModule } from '../gate/compiled-module.ts'

const root = mkdtempSync(join(tmpdir(), 'nixsig-systemctl-'))
after(() => rmSync(root, { recursive: true }))

/**
 * Calls a function of src/setup/systemd.ts; what it returned, and what it asked of a systemctl that
 * says these states and fails where `fails` matches, with these words.
 */
async function asking(call: string, states: readonly string[], fails = '-', words = 'it failed') {
  const log = join(root, 'log')
  writeFileSync(log, '')
  const script = `#!/bin/sh
echo "$*" >>${log}
case "$*" in
${fails}) printf '%b\\n' "${words}" >&2; exit 1 ;;
is-failed*) printf '%s\\n' ${states.join(' ')} ;;
is-active*) [ ${states.at(-1)} = active ] ;;
esac
`
  writeFileSync(join(root, 'systemctl'), script, { mode: 0o755 })
  const program = `const units = await import(${JSON.stringify(await compiledModule('src/setup/systemd.ts'))})
console.log(JSON.stringify({ said: await units.${call} }))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    env: { NIXSIG_PROGRAMS: root },
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  const asked = readFileSync(log, 'utf8').trimEnd().split('\n')
  return { said: JSON.parse(stdout).said, asked: asked.filter(line => !line.startsWith('is-')) }
}

test('attack: a nix-daemon that failed while the programs were gone is started again', async () => {
  const both = ['failed', 'failed']
  assert.deepEqual(await asking('restartDaemon()', both), {
    said: undefined,
    asked: [
      'reset-failed nix-daemon.socket nix-daemon.service',
      'start nix-daemon.socket nix-daemon.service',
    ],
  })
  const { asked } = await asking('restartDaemon()', ['inactive', 'failed'])
  assert.deepEqual(asked, ['reset-failed nix-daemon.service', 'start nix-daemon.service'])
  const { said } = await asking('restartDaemon()', both, 'start*')
  assert.match(said, /^systemctl start .*: it failed; journalctl -u nix-daemon says why/)
})

test('what systemctl says in several lines is one line of a report', async () => {
  const { said } = await asking('restartDaemon()', ['active', 'active'], 'try-*', 'Job failed.\\nSee status.')
  assert.equal(said, 'systemctl try-restart nix-daemon.service: Job failed.; See status.')
})

test('a nix-daemon that was stopped stays so, and one that runs is restarted', async () => {
  assert.deepEqual((await asking('restartDaemon()', ['inactive', 'inactive'])).asked, [])
  assert.deepEqual((await asking('restartDaemon()', ['active', 'active'])).asked, [
    'try-restart nix-daemon.service',
  ])
})

const FRESH = [
  'daemon-reload',
  'enable nixsig.socket nixsig.service',
  'stop nixsig.socket nixsig.service',
  'start nixsig.socket',
  'restart nixsig.service',
]

test('attack: a socket that listens stays open while the gate restarts, so nobody can take its address', async () => {
  assert.deepEqual((await asking("startGate('renewed')", ['active'])).asked, FRESH)
  assert.deepEqual((await asking('startGate()', ['inactive'])).asked, FRESH)
  const { asked } = await asking('startGate()', ['active'])
  assert.deepEqual(
    asked,
    FRESH.filter(line => !/^(?:stop|start) /.test(line)),
  )
})

test('attack: an address that is taken is told with who to look for, and the gate is not started', async () => {
  const { said, asked } = await asking("startGate('renewed')", ['inactive'], 'start*')
  assert.match(said, /^systemctl start nixsig\.socket: it failed; .*ss -ltnp .* listen of \[gate\]/)
  assert.equal(asked.at(-1), 'start nixsig.socket')
})

test('a unit of the user’s is enabled and started again only as it was', async () => {
  const resume = async (was: string) => (await asking(`resumeUnit('nixsig.service', ${was})`, ['-'])).asked
  assert.deepEqual(await resume('["enabled","active"]'), [
    'daemon-reload',
    'enable nixsig.service',
    'start nixsig.service',
  ])
  assert.deepEqual(await resume('["active"]'), ['daemon-reload', 'start nixsig.service'])
})
