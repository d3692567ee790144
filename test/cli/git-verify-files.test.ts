// Files without a repository - an unpacked archive, a channel - held against a signed commit.
// needs: dist
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commitFiles, lockWorld } from '../support/lock-world.ts'
import { assertSchema } from '../support/schema.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
const world = lockWorld()
after(() => {
  cli.remove()
  world.remove()
})

const policy = join(world.dir, 'policy.toml')
writeFileSync(policy, world.policyText('[[inputs]]\nurl = "*"\nrequire = "alice"\n'))
const repository = world.repository('tool', {
  'src/main.c': 'int main;\n',
  '.gitattributes': 'ci export-ignore\n',
  'ci/run': 'x\n',
})
const signed = repository.git('rev-parse', 'HEAD')

/** The files of the commit, as a release has them, in a new directory. */
function unpacked(name: string, revision = signed): string {
  const [tar, directory] = [join(world.dir, `${name}.tar`), join(world.dir, name)]
  mkdirSync(directory)
  repository.git('archive', '-o', tar, revision)
  execFileSync('tar', ['-xf', tar, '-C', directory, '--no-same-owner'])
  return directory
}

function verify(files: string, revision = signed, ...more: readonly string[]) {
  return cli.run(
    'git',
    'verify',
    repository.directory,
    revision,
    '--files',
    files,
    '--policy',
    policy,
    ...more,
  )
}

test('an unpacked archive of a signed commit is known by its files', () => {
  const { status, stdout, stderr } = verify(unpacked('release'))
  assert.equal(status, 0, stderr)
  assert.match(
    stdout,
    /the same files \S+release: those of the commit, as an archive has them \(export-ignore\)/,
  )
})

test('a directory with everything that the commit has is known as well, through a link', () => {
  const whole = join(world.dir, 'whole')
  cpSync(repository.directory, whole, { recursive: true, filter: file => !file.endsWith('/.git') })
  symlinkSync(whole, join(world.dir, 'channel'))
  const { status, stdout } = verify(join(world.dir, 'channel'), signed, '--json')
  assertSchema('git-verify', stdout)
  assert.equal(status, 0)
  const { files, narHash } = JSON.parse(stdout)
  assert.deepEqual(files, { path: whole, narHash, matches: 'raw', expected: narHash })
})

const CHANGES: Readonly<Record<string, (directory: string) => void>> = {
  'a byte more': directory => appendFileSync(join(directory, 'src/main.c'), '\n'),
  'a file more': directory => writeFileSync(join(directory, 'default.nix'), ''),
  'a program': directory => chmodSync(join(directory, 'src/main.c'), 0o755),
  'a link': directory => symlinkSync('/etc/passwd', join(directory, 'src/link')),
}
for (const [what, change] of Object.entries(CHANGES)) {
  test(`attack: ${what} in an archive of a signed commit`, () => {
    const directory = unpacked(what.replaceAll(' ', '-'))
    change(directory)
    const { status, stdout } = verify(directory)
    assert.equal(status, 13)
    assert.match(
      stdout,
      /other files .*\n {2}needs NAR sha256:[0-9a-f]{64}, found sha256:[0-9a-f]{64}\n {2}next: /,
    )
  })
}

test('the files of a commit that is not signed enough have the status of the commit', () => {
  const unsigned = commitFiles(repository, { more: 'x' }, false)
  const { status, stdout } = verify(unpacked('unsigned', unsigned), unsigned)
  assert.equal(status, 10)
  assert.match(stdout, /needs alice/)
})

test('what is no directory of plain files is an error that says what to do', () => {
  assert.match(verify(join(world.dir, 'release.tar')).stderr, /is not a directory; next: unpack it/)
  assert.match(verify(repository.directory).stderr, /is a work tree of git; next: nixsig lock verify/)
  const bare = cli.run('git', 'verify', unpacked('alone'), '--policy', policy)
  assert.equal(bare.status, 2)
  assert.match(bare.stderr, /is not a git repository.*git verify takes files without one by --files/)
})
