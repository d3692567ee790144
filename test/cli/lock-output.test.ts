// What the commands about locks print.
// needs: dist
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { commitFiles, flakeLock, type LockWorld, lockedGit, lockWorld } from '../support/lock-world.ts'
import { assertLines } from '../support/schema.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
let world: LockWorld
before(() => {
  world = lockWorld()
  const rules =
    '[[inputs]]\nurl = "file://*/solo"\nrequire = "alice"\n[[inputs]]\nurl = "*"\nrequire = "two"\n'
  cli.write('policy.toml', world.policyText(rules))
})
after(() => {
  cli.remove()
  world.remove()
})

const run = (...args: readonly string[]) =>
  cli.run(...args, '--policy', join(cli.dir, 'policy.toml'), '--state', join(cli.dir, 'state'))

describe('nixsig lock verify', () => {
  it('prints a table, JSON or SARIF, and exits with the most severe status', () => {
    const repository = world.repository('solo', { file: 'x' })
    const locked = { ...lockedGit(repository), narHash: `sha256-${Buffer.alloc(32).toString('base64')}` }
    const directory = world.project('p', {
      'flake.lock': flakeLock({ lib: locked, dir: { type: 'path', path: '/x' } }),
    })
    const table = run('lock', 'verify', directory, '--inputs-only')
    assert.equal(table.status, 13, table.stderr)
    assert.match(table.stdout, /^input +commit +signed by +verdict$/m)
    assert.match(table.stdout, /^inputs\.lib +[0-9a-f]{12} +alice +other-contents$/m)
    assert.match(table.stdout, /^ {2}flake\.lock:9: inputs\.lib \(file:\/\/.*\): the lock has sha256-A+=/m)
    assert.match(table.stdout, /^ {2}flake\.lock:\d+: inputs\.dir \(path:\/x\): the lock does not pin it/m)
    assert.match(table.stderr, /0 of 2 passed/)
    const json = run('lock', 'verify', directory, '--inputs-only', '--json')
    assertLines('lock-verify', json.stdout)
    const [lib, dir] = json.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.deepEqual(
      [lib.input, lib.line, lib.status, lib.outcome, lib.signers[0].principal, lib.narHash.locked],
      ['inputs.lib', 9, 13, 'refused', 'alice', locked.narHash],
    )
    assert.deepEqual([dir.commit, dir.status, dir.findings[0].code], [null, 12, 'unlocked'])
    const sarif = JSON.parse(run('lock', 'verify', directory, '--inputs-only', '--sarif').stdout)
    const [driver, results] = [sarif.runs[0].tool.driver, sarif.runs[0].results]
    assert.equal(sarif.version, '2.1.0')
    const known = driver.rules.map(({ id }: { id: string }) => id)
    for (const { ruleId } of results) assert.ok(known.includes(ruleId), ruleId)
    assert.deepEqual(results[0].locations[0].physicalLocation, {
      artifactLocation: { uri: 'flake.lock' },
      region: { startLine: 9 },
    })
  })

  it('attack: a lock puts a link into the SARIF that somebody else shows', () => {
    const name = '[all good](https://example.net/x)'
    const directory = world.project('p-link', {
      'flake.lock': flakeLock({ [name]: { type: 'path', path: `/${name}` } }),
    })
    const { stdout } = run('lock', 'verify', directory, '--inputs-only', '--sarif')
    const [{ message }] = JSON.parse(stdout).runs[0].results
    assert.match(message.text, /all good/)
    assert.doesNotMatch(message.text, /\]\(/)
  })

  it('attack: root verifies a tree that somebody else can change before Nix reads it', () => {
    const files = { 'flake.nix': '{ outputs = _: { }; }', 'flake.lock': flakeLock({}) }
    const { directory } = world.repository('not-ours', files)
    chmodSync(world.dir, 0o755)
    const noted = () => run('lock', 'verify', '--inputs-only', directory).stderr
    assert.doesNotMatch(noted(), /others can change/)
    for (const path of ['flake.lock', 'flake.nix', '.', '.git', '.git/HEAD', '.git/objects']) {
      chownSync(join(directory, path), 1234, 1234)
      assert.match(noted(), /others can change this tree after .* belongs to user 1234.* next: verify/, path)
      chownSync(join(directory, path), 0, 0)
    }
    chmodSync(join(directory, '.git'), 0o777)
    assert.match(noted(), /others can change this tree .*\.git is writable by everybody/)
    chmodSync(join(directory, '.git'), 0o755)
    assert.doesNotMatch(noted(), /others can change/)
  })

  it('says what is missing where there is no lock, and what is wrong with a call', () => {
    const empty = join(cli.dir, 'empty')
    mkdirSync(empty)
    const nothing = run('lock', 'verify', empty)
    assert.equal(nothing.status, 2)
    assert.match(nothing.stderr, /no lock in .*: nixsig looks for flake\.lock, npins/)
    assert.match(run('lock', 'verify', '--repo', 'x').stderr, /--repo x: must be URL=DIR/)
    assert.match(run('lock', 'verify', '--pin', 'x').stderr, /--pin: .*must be URL@COMMIT/)
    assert.match(run('lock', 'verify', '--pin', 'ftp://x/y#sha256-AA=').stderr, /--pin: /)
    assert.match(run('lock', 'update', 'lib', empty).stderr, /no .*flake\.lock; next: nix flake lock\n$/)
    assert.match(run('lock', 'verify', '--json', '--sarif').stderr, /--json and --sarif: give one of them/)
    assert.match(run('lock', 'verify', join(empty, 'no')).stderr, /there is no directory .*empty\/no; next: /)
    cli.write('file', '')
    assert.match(run('lock', 'verify', 'file').stderr, /file is a file; next: name its directory/)
  })

  it('refuses a mistyped input, and a repository that is absent or of no input', () => {
    const repository = world.repository('named', { file: 'x' })
    const directory = world.project('p-named', { 'flake.lock': flakeLock({ lib: lockedGit(repository) }) })
    const absent = run('lock', 'update', 'nosuch', directory)
    assert.equal(absent.status, 2)
    assert.match(absent.stderr, /no input nosuch; there are: lib; next: nixsig lock update --help\n$/)
    assert.match(run('lock', 'update', 'lib/x', directory).stderr, /no input lib\/x; it has no inputs/)
    const verify = (repo: string) => run('lock', 'verify', directory, '--inputs-only', '--repo', repo)
    const missing = verify(`file://${repository.directory}=${directory}/none`)
    assert.equal(missing.status, 2)
    assert.match(missing.stderr, /--repo: there is no directory .*\/none/)
    const other = verify(`https://example.org/x=${repository.directory}`)
    assert.equal(other.status, 2)
    assert.match(other.stderr, /--repo https:\/\/example\.org\/x: no input has this URL; there are: file:/)
    assert.equal(verify(`file://${repository.directory}=${repository.directory}`).status, 12)
    assert.match(run('lock', 'update', 'lib', directory, '--depth', '0').stderr, /--depth must be a number/)
  })
})

describe('nixsig lock update', () => {
  it('says what is missing on the newest commit if none meets the rule', () => {
    const repository = world.repository('moving', { file: '1' })
    const directory = world.project('p-moving', { 'flake.lock': flakeLock({ lib: lockedGit(repository) }) })
    const unsigned = commitFiles(repository, { file: '2' })
    const updated = run('lock', 'update', 'lib', directory)
    assert.equal(updated.status, 12, updated.stderr)
    assert.match(updated.stdout, /^not moved lib: none of 2 commits meets the rule; the newest:$/m)
    assert.ok(updated.stdout.includes(unsigned))
    assert.match(updated.stdout, /needs 2 of 2 two/)
  })
})
