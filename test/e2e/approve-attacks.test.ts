// needs: both-judges
// What people who are not asked for gain by approvals, and how an approval ends.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  approvalPolicy,
  approve,
  committers,
  DEFAULT_NIX,
  newKey,
  SOURCE,
  sourceRepository,
  writePolicy,
} from '../support/approvals.ts'
import * as nix from '../support/expressions.ts'
import { ATTESTATIONS, sha256 } from '../support/trust.ts'
import { EVERY_VERSION, JUDGED_WITH_NIX, type World, withWorld } from '../support/world.ts'

const people = committers()
after(() => people.remove())

const SIGN = `--key carol.secret --out ${ATTESTATIONS} --yes`
const BUILD = `nix-build --no-out-link ${SOURCE} --argstr system x86_64-linux`
const LIB = '/root/lib'

/** Two people sign these files. */
function signedSource(world: World, files: Readonly<Record<string, string>>, at = SOURCE) {
  const source = sourceRepository(world, at)
  source.commit(files, people.alice)
  source.tag('one', people.bob)
  return source
}

async function assertRefused(world: World, reason: RegExp): Promise<void> {
  const { status, stdout, stderr } = await world.run(BUILD)
  assert.notEqual(status, 0, stdout)
  assert.match(stderr, reason)
}

async function assertBuilds(world: World): Promise<void> {
  const { status, stderr } = await world.run(BUILD)
  assert.equal(status, 0, stderr)
}

const TEXT = { 'default.nix': DEFAULT_NIX, text: 'one\n' }

for (const version of JUDGED_WITH_NIX) {
  test(`${version}: the approval of an approver whose key is revoked afterwards ends`, async () => {
    await withWorld(version, {}, async world => {
      const carol = await newKey(world, 'carol')
      const policy = { approvers: { carol }, by: '"carol"' }
      await writePolicy(world, approvalPolicy(people, policy))
      signedSource(world, TEXT)
      assert.equal((await approve(world, `${SOURCE} -f default.nix ${SIGN}`)).status, 0)
      await assertBuilds(world)
      const drv = await world.output(`nix-instantiate ${SOURCE} --argstr system x86_64-linux 2>/dev/null`)
      const revoked = '[[revocations]]\nprincipal = "carol"\ndate = 2020-01-01\nreason = "lost"\n'
      await writePolicy(world, approvalPolicy(people, { ...policy, rest: revoked }))
      const { status, stdout } = await world.run(`/opt/nixsig/nixsig verify ${drv}`)
      assert.equal(status, 14, stdout)
      assert.match(stdout, /revoked/)
    })
  })

  test(`${version}: an approver's word counts neither for a packager's nor for anybody's without a role`, async () => {
    await withWorld(version, {}, async world => {
      const carol = await newKey(world, 'carol')
      signedSource(world, TEXT)
      for (const [requirement, reason] of [
        ['{ packager = "carol" }', /carol as packager/],
        ['"carol"', /needs carol for its/],
      ] as const) {
        const policy = { approvers: { carol }, by: '"carol"', requirement }
        await writePolicy(world, approvalPolicy(people, policy))
        assert.equal((await approve(world, `${SOURCE} -f default.nix ${SIGN}`)).status, 0)
        await assertRefused(world, reason)
      }
    })
  })

  test(`${version}: what an approved graph fetches is approved with it, and nothing else that is fetched`, async () => {
    await withWorld(version, {}, async world => {
      const carol = await newKey(world, 'carol')
      await writePolicy(world, approvalPolicy(people, { approvers: { carol }, by: '"carol"' }))
      world.write('/srv/file', 'fetched\n')
      const fetched = nix.fetchurl('file', 'file:///srv/file', sha256('fetched\n'))
      const build = (text: string) =>
        `{ system }: derivation { name = "x"; inherit system; builder = "/bin/sh"; from = ${fetched}; args = [ "-c" "${text} $from > $out" ]; }`
      const source = signedSource(world, { 'default.nix': build('cat') })
      assert.equal((await approve(world, `${SOURCE} -f default.nix ${SIGN}`)).status, 0)
      await assertBuilds(world)
      world.write('/srv/other', 'other\n')
      const other = nix.fetchurl('other', 'file:///srv/other', sha256('other\n'))
      world.write('/srv/other.nix', other)
      const { status, stderr } = await world.run('nix-build --no-out-link /srv/other.nix')
      assert.notEqual(status, 0)
      assert.match(stderr, /carol as approver/)
      // Somebody who can write to the directory adds to the list what was not approved.
      const drv = await world.output('nix-instantiate /srv/other.nix 2>/dev/null')
      const flat = await world.output(`sha256sum < ${drv}`)
      await world.output(
        `cd ${ATTESTATIONS}/approvals && (cat *.graph; echo "${drv} ${flat.slice(0, 64)}") | LC_ALL=C sort > new && mv new *.graph`,
      )
      await world.output('rm -r /var/lib/nixsig/approvals/index')
      const added = await world.run('nix-build --no-out-link /srv/other.nix')
      assert.notEqual(added.status, 0)
      assert.match(added.stderr, /carol as approver/)
      const explained = await world.run(`/opt/nixsig/nixsig explain ${drv}`)
      assert.match(explained.stdout, /not the list that was signed, by its SHA-256/)
      source.commit({ 'default.nix': build('head -1') })
      await assertRefused(world, /carol as approver/)
    })
  })

  test(`${version}: root approves for this machine alone, as long as the policy trusts the same people`, async () => {
    await withWorld(version, {}, async world => {
      const text = (rest = '') => approvalPolicy(people, { approvers: {}, by: '"self"', rest })
      await writePolicy(world, text())
      const source = signedSource(world, TEXT)
      await assertRefused(world, /this machine as approver/)
      const user = await approve(world, `${SOURCE} -f default.nix --here --yes`, { user: 'alice' })
      assert.equal(user.status, 2)
      assert.match(user.stderr, /only root can approve for this machine/)
      const here = await approve(world, `${SOURCE} -f default.nix --here --yes`)
      assert.equal(here.status, 0, here.stderr)
      await assertBuilds(world)
      const out = await world.output(BUILD)
      const { stdout } = await world.run(`/opt/nixsig/nixsig explain ${out}`)
      assert.match(stdout, /approved by this machine .*signed by alice, bob/)

      // A change that has nothing to do with the expressions changes nothing.
      const other = '[[exemptions]]\nname = "other"\nreason = "a test"\nuntil = 2099-01-01\n'
      await writePolicy(world, text(other))
      const still = await world.run(`/opt/nixsig/nixsig verify ${out}`)
      assert.equal(still.status, 0, still.stdout)

      // A committer is no longer trusted: what rested on them is not approved any more.
      const drv = await world.output(`nix-instantiate ${SOURCE} --argstr system x86_64-linux 2>/dev/null`)
      const revoked = '[[revocations]]\nprincipal = "bob"\ndate = 2020-01-01\nreason = "lost"\n'
      await writePolicy(world, text(revoked))
      const verified = await world.run(`/opt/nixsig/nixsig verify ${drv}`)
      assert.equal(verified.status, 10, verified.stdout)
      assert.match(verified.stdout, /this machine as approver/)
      const again = await approve(world, `${SOURCE} -f default.nix --here --yes`)
      assert.equal(again.status, 14, again.stdout)

      await writePolicy(world, text())
      source.commit({ text: 'two\n' })
      assert.equal((await approve(world, `${SOURCE} -f default.nix --here --yes`)).status, 10)
      await assertRefused(world, /this machine as approver/)
    })
  })
}

const FLAKE = `{
  inputs.lib.url = "git+file://${LIB}";
  outputs = { self, lib }: {
    packages.x86_64-linux.x = derivation {
      name = lib.name; system = "x86_64-linux"; builder = "/bin/sh"; text = "\${lib}/text";
      args = [ "-c" "read line < $text; echo $line > $out" ];
    };
  };
}
`

for (const version of EVERY_VERSION) {
  test(`${version}: an unsigned input, and one with the hash of other files, are not evaluated`, async () => {
    await withWorld(version, {}, async world => {
      const carol = await newKey(world, 'carol')
      const rest = `[[inputs]]\nurl = "file://${LIB}"\nrequire = "committers"\n`
      await writePolicy(world, approvalPolicy(people, { approvers: { carol }, by: '"carol"', rest }))
      const lib = sourceRepository(world, LIB)
      const libFiles = { 'flake.nix': '{ outputs = _: { name = "one"; }; }\n', text: 'of the input\n' }
      lib.commit(libFiles, people.alice)
      const source = sourceRepository(world)
      source.commit({ 'flake.nix': FLAKE })
      await world.output(`nix flake lock ${SOURCE}`)
      const lock = world.read(`${SOURCE}/flake.lock`)
      source.commit({ 'flake.lock': lock }, people.alice)
      source.tag('one', people.bob)

      const unsigned = await approve(world, `${SOURCE}#x ${SIGN}`)
      assert.equal(unsigned.status, 12, unsigned.stdout + unsigned.stderr)
      assert.match(unsigned.stdout, /inputs\.lib .*not-signed-enough/)
      lib.tag('one', people.bob)
      const { status, stdout, stderr } = await approve(world, `${SOURCE}#x ${SIGN}`)
      assert.equal(status, 0, stdout + stderr)
      assert.match(stdout, /input inputs\.lib: commit \w+ of file:\/\/\/root\/lib, signed by alice, bob/)
      const built = await world.run(`nix build --no-link ${SOURCE}#x`)
      assert.equal(built.status, 0, built.stderr)

      // The same commit, and the NAR hash of something else that is in the store.
      world.write('/tmp/evil/source/flake.nix', '{ outputs = _: { name = "evil"; }; }\n')
      world.write('/tmp/evil/source/text', 'evil\n')
      const evil = await world.output('nix-store --add /tmp/evil/source')
      const hash = await world.output(`nix hash path ${evil}`)
      source.commit(
        { 'flake.lock': lock.replace(/"narHash": "[^"]+"/, `"narHash": "${hash}"`) },
        people.alice,
      )
      source.tag('evil', people.bob)
      const forged = await approve(world, `${SOURCE}#x ${SIGN}`)
      assert.equal(forged.status, 13, forged.stdout + forged.stderr)
      assert.match(forged.stdout, /inputs\.lib .*other-contents/)
    })
  })
}
