// `nixsig fleet report`, as users have it.
// needs: dist
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, symlinkSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Audit } from '../../src/audit/audit.ts'
import { auditJson } from '../../src/audit/json.ts'
import { machine, path, refused } from '../fleet/audits.ts'
import { assertSchema } from '../support/schema.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

const now = Math.floor(Date.now() / 1000)
let count = 0

/** A directory with these audits of just now. */
function fleetOf(...audits: readonly Audit[]): string {
  const name = `fleet-${count++}`
  mkdirSync(join(cli.dir, name))
  for (const [index, audit] of audits.entries()) {
    cli.write(join(name, `${index}.json`), `${auditJson({ ...audit, time: now })}\n`)
  }
  return name
}

test('machines that are alike', () => {
  const { status, stdout } = cli.run('fleet', 'report', fleetOf(machine('a'), machine('b')))
  assert.equal(status, 0, stdout)
  assert.match(stdout, /^2 machines, 2 paths; no differences\n\nMachines\n {2}machine {2}audited/)
})

test('different bytes are told first, and give status 13', () => {
  const odd = machine('b', { paths: [path('a', { ...refused, narHash: 'cd'.repeat(32) }), path('b')] })
  const fleet = fleetOf(machine('a'), odd)
  const { status, stdout } = cli.run('fleet', 'report', fleet, '--html', 'fleet.html')
  assert.equal(status, 13)
  const lines = stdout.split('\n')
  assert.match(lines[2] ?? '', /^Different bytes under one path \(1\)$/)
  assert.match(lines[4] ?? '', /^ {4}(?:ab){32} on a$/)
  assert.match(lines[5] ?? '', /^ {4}(?:cd){32} on b$/)
  assert.match(stdout, /1 path: trusted on a, refused on b\n.*: nobody signed it\n {2}next: on a machine/)
  assert.match(cli.read('fleet.html'), /default-src 'none'.*Different bytes under one path \(1\)/s)
  const json = cli.run('fleet', 'report', fleet, '--json', '--fail-on', 'verdict')
  assert.equal(json.status, 12)
  assertSchema('fleet-report', json.stdout)
  assert.equal(cli.run('fleet', 'report', fleet, '--fail-on', 'never').status, 0)
  assert.equal(cli.run('fleet', 'report', fleet, '--fail-on', 'old').status, 0)
  assert.equal(cli.run('fleet', 'report', fleet, '--fail-on', 'old, verdict').status, json.status)
  for (const [kinds, problem] of [
    ['old,missing', /--fail-on missing needs .*--expect FILE/],
    ['unexpected', /--fail-on unexpected needs .*--expect FILE/],
    ['old,gone', /--fail-on takes bytes, .*, never, and not "gone"/],
  ] as const) {
    const { status, stderr } = cli.run('fleet', 'report', fleet, '--fail-on', kinds)
    assert.equal(status, 2)
    assert.match(stderr, problem)
  }
})

test('a hostile name steers no terminal and no page', () => {
  const fleet = fleetOf(machine('\u001b[2J<script>\u202e'), machine('b'))
  const { stdout } = cli.run('fleet', 'report', fleet, '--html', 'hostile.html')
  assert.ok(stdout.includes('\\u{1b}[2J<script>\\u{202e}'))
  assert.doesNotMatch(stdout + cli.read('hostile.html'), /\u001b|\u202e/)
  assert.doesNotMatch(cli.read('hostile.html'), /<script/)
})

test('machines that are missing give status 20', () => {
  cli.write('machines.txt', '# ours\na\n\nc\n')
  const { status, stdout } = cli.run('fleet', 'report', fleetOf(machine('a')), '--expect', 'machines.txt')
  assert.equal(status, 20)
  assert.match(stdout, /Machines without an audit \(1\)\n {2}c\n/)
})

test('files that are no audit, links among them, hide no other and give status 20', () => {
  const fleet = fleetOf(machine('a'))
  cli.write(join(fleet, 'x.json'), '{"format":"nixsig-audit-1"}')
  symlinkSync('/etc/passwd', join(cli.dir, fleet, 'y.json'))
  cli.write(join(fleet, 'notes.txt'), 'no audit')
  const { status, stdout } = cli.run('fleet', 'report', fleet)
  assert.equal(status, 20)
  assert.match(stdout, /Files that are no audit \(2\)\n {2}x\.json\n {4}audit: field "time" is missing/)
  assert.match(stdout, /y\.json\n {4}cannot read .*y\.json: /)
})

test('attack: pipes, directories, devices, and a file that takes memory, hide no other machine', () => {
  const odd = machine('b', { paths: [path('a', { narHash: 'cd'.repeat(32) })] })
  const fleet = fleetOf(machine('a'), odd)
  const at = (name: string) => join(cli.dir, fleet, name)
  execFileSync('mkfifo', [at('pipe.json')])
  mkdirSync(at('directory.json'))
  symlinkSync('/dev/zero', at('device.json'))
  cli.write(join(fleet, 'large.json'), '')
  truncateSync(at('large.json'), 1024 ** 4)
  cli.write(join(fleet, 'deep.json'), '['.repeat(1_000_000))
  cli.write(join(fleet, 'empty.json'), '')
  cli.write(join(fleet, 'lists.json'), `{"format":"nixsig-audit-1","x":[${'{},'.repeat(15_000_000)}{}]}`)
  const begun = performance.now()
  const { status, stdout } = cli.run('fleet', 'report', fleet)
  assert.equal(status, 13, 'different bytes, whatever else there is')
  assert.match(stdout, /Files that are no audit \(7\)\n/)
  for (const why of [
    /pipe\.json\n {4}.* is not a regular file/,
    /directory\.json\n {4}.* is not a regular file/,
    /device\.json\n {4}cannot read /,
    /large\.json\n {4}.* is larger than 67108864 bytes/,
    /deep\.json\n {4}JSON: nested deeper than 16/,
    /lists\.json\n {4}JSON: more than 2000000 objects and lists/,
  ])
    assert.match(stdout, why)
  assert.ok(performance.now() - begun < 60_000)
})

test('attack: a page in place of a device or of a link', () => {
  const fleet = fleetOf(machine('a'))
  cli.write('kept.txt', 'kept')
  symlinkSync('kept.txt', join(cli.dir, 'link.html'))
  for (const file of ['/dev/null', 'link.html', fleet]) {
    const { status, stderr } = cli.run('fleet', 'report', fleet, '--html', file)
    assert.equal(status, 2)
    assert.match(stderr, /--html \S+: there is something else than a file/)
  }
  assert.equal(cli.read('kept.txt'), 'kept')
  assert.ok(lstatSync('/dev/null').isCharacterDevice())
})

test('a thousand machines are compared', () => {
  const fleet = fleetOf(...Array.from({ length: 1000 }, (_, number) => machine(`machine-${number}`)))
  const { status, stdout } = cli.run('fleet', 'report', fleet, '--fail-on', 'bytes')
  assert.equal(status, 0)
  assert.match(stdout, /^1000 machines, 2 paths; /)
})

test('what cannot be asked for', () => {
  for (const [args, why] of [
    [['nowhere'], /nowhere is no directory; next: /],
    [[fleetOf()], /has no file \*\.json/],
    [[fleetOf(machine('a')), '--older-than', '8'], /--older-than 8 is no span such as 36h or 8d/],
    [[fleetOf(machine('a')), '--expect', 'nowhere'], /nowhere is not there/],
  ] as const) {
    const { status, stderr } = cli.run('fleet', 'report', ...args)
    assert.equal(status, 2, stderr)
    assert.match(stderr, why)
  }
})
