// A packager checks the developer's signature in a git repository and binds it to the files that
// Nix builds from.
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { testRepository } from '../support/git.ts'
import { openGnupg } from '../support/gnupg.ts'
import { ATTESTATIONS, byDefault, policyText, setPolicy } from '../support/trust.ts'
import { NEWEST, type Outcome, type World, withWorld } from '../support/world.ts'

const gnupg = openGnupg()
process.env['GNUPGHOME'] = gnupg.dir
const dir = mkdtempSync('/tmp/nixsig-git-source-')
after(() => {
  gnupg.remove()
  rmSync(dir, { recursive: true, force: true })
})

const alice = gnupg.makeKey('alice')
const mallory = gnupg.makeKey('mallory')

const repository = testRepository(join(dir, 'repository'), { 'user.signingKey': alice })
writeFileSync(join(repository.directory, 'hello.txt'), 'hello\n')
repository.git('add', '-A')
repository.git('commit', '-q', '-S', '-m', 'Release')
repository.git('tag', '-s', 'v1.0', '-m', 'Release 1.0')

const PACKAGE = `derivation {
  name = "hello";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [ "-c" "read line <$src/hello.txt; echo $line >$out" ];
  src = ./tree;
}`

/** A machine with the repository, a checkout of it as Nix would get it, and a package of that. */
function writeAll(world: World, contents = 'hello\n'): void {
  cpSync(repository.directory, `${world.path('/srv')}/repository`, { recursive: true })
  world.write('/srv/tree/hello.txt', contents)
  world.write('/srv/hello.nix', PACKAGE)
  for (const [name, fingerprint] of Object.entries({ alice, mallory })) {
    world.write(`/srv/${name}.pgp`, readFileSync(gnupg.exportTo(join(dir, name), fingerprint)))
  }
}

async function attest(world: World, git: string, key = 'alice'): Promise<Outcome> {
  const path = await world.output('nix-store --add /srv/tree')
  return world.run(
    `/opt/nixsig/nixsig attest source ${path} --git '${git}' --developer-key /srv/${key}.pgp --key bob.secret --out published`,
  )
}

/** What a packager publishes who checked the tag; the packager's public key. */
async function packaged(): Promise<string> {
  return withWorld('bookworm', {}, async world => {
    writeAll(world)
    await world.output('/opt/nixsig/nixsig keygen bob')
    const { status, stdout, stderr } = await attest(world, '/srv/repository#v1.0')
    assert.equal(status, 0, stderr)
    assert.match(
      stdout,
      /^developer's signature: signed by [0-9A-F]{40} .*\(tag v1\.0 of commit [0-9a-f]{40}\)$/m,
    )
    assert.match(stdout, /^attested \S+-tree \(as packager, NIXSIG_DEVELOPER_SIGNATURE_CHECKED\)/m)
    const byUrl = await attest(world, `file:///srv/repository#${repository.git('rev-parse', 'HEAD')}`)
    assert.equal(byUrl.status, 0, byUrl.stderr)
    rmSync(join(dir, 'published'), { recursive: true, force: true })
    cpSync(world.path('/root/published'), join(dir, 'published'), { recursive: true })
    return world.read('/root/bob.pub').trim()
  })
}

for (const version of NEWEST) {
  test(`${version}: a signed git tag, checked by a packager, lets the checkout build`, async () => {
    const bob = await packaged()
    await withWorld(version, {}, async world => {
      writeAll(world)
      await setPolicy(world, policyText({ bob: [`"${bob}"`] }, byDefault('bob', 'nothing', 'self')))
      const refused = await world.run('nix-build /srv/hello.nix')
      assert.match(refused.stderr, /tree \(local source\).*needs bob for its source, found no signature/)
      cpSync(join(dir, 'published'), world.path('/etc/nixsig') + ATTESTATIONS.slice('/etc/nixsig'.length), {
        recursive: true,
      })
      const built = await world.run('nix-build /srv/hello.nix')
      assert.equal(built.status, 0, built.stderr)
    })
  })
}

const REFUSED: Readonly<
  Record<string, { git: string; key?: string; contents?: string; status: number; reason: RegExp }>
> = {
  'attack: files that are not those of the signed tag': {
    git: '/srv/repository#v1.0',
    contents: 'evil\n',
    status: 2,
    reason: /the files of tag v1\.0 .* are not those of \S+-tree: NAR hash sha256:/,
  },
  'a tag that somebody else signed': {
    git: '/srv/repository#v1.0',
    key: 'mallory',
    status: 11,
    reason: /nothing attested: the signature of tag v1\.0 .* is not good: not by /,
  },
  'a tag that is not there': { git: '/srv/repository#v2.0', status: 2, reason: /there is no tag v2\.0/ },
  'a repository that is not there': {
    git: '/srv/nothing#v1.0',
    status: 2,
    reason: /neither a directory nor the URL/,
  },
  'attack: a URL that runs a program': {
    git: 'ext::sh -c id#v1.0',
    status: 2,
    reason: /neither a directory nor the URL/,
  },
}

for (const [title, { git, key, contents, status, reason }] of Object.entries(REFUSED)) {
  test(`nothing is attested: ${title}`, () =>
    withWorld('bookworm', {}, async world => {
      writeAll(world, contents)
      await world.output('/opt/nixsig/nixsig keygen bob')
      const refused = await attest(world, git, key)
      assert.equal(refused.status, status, refused.stderr)
      assert.match(refused.stderr, reason)
      assert.equal(world.exists('/root/published'), false)
    }))
}

test('a hand-off takes a signed git tag for a source that is a tree', () =>
  withWorld('bookworm', {}, async world => {
    writeAll(world)
    await world.output('/opt/nixsig/nixsig keygen bob')
    const handOff = (rest: string) =>
      world.run(
        `script -qec '/opt/nixsig/nixsig handoff /srv/hello.nix --developer-key /srv/alice.pgp --key bob.secret --out published ${rest}' /dev/null`,
        { input: 'y\n', env: { NO_COLOR: '1' } },
      )
    const bare = await handOff('')
    assert.match(bare.stdout, /^tree .*not signed/m)
    assert.match(bare.stdout, /no detached signature covers it \(a signed git tag can\)/)
    const done = await handOff('--git tree=/srv/repository#v1.0')
    assert.match(done.stdout, /^tree +tag v1\.0 of commit \S+ +git +\S+ +good/m)
    assert.equal(done.status, 0, done.stdout)
    assert.match(done.stdout, /^attested \S+-hello\.drv/m)
    world.write('/srv/tree/hello.txt', 'evil\n')
    const evil = await handOff('--git tree=/srv/repository#v1.0 --reviewed why')
    assert.equal(evil.status, 13)
    assert.match(evil.stdout, /nothing was signed/)
  }))
