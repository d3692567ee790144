// Surprises in a handoff: scripts that read JSON, links, and terminals that are narrow.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { byDefault, policyText, setPolicy, sha256 } from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const RELEASE = 'the developer wrote this\n'
const HANDOFF = '/opt/nixsig/nixsig handoff --key bob.secret --out published'

async function packager(world: World): Promise<void> {
  world.write('/srv/tool.tar', RELEASE)
  const source = nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256(RELEASE))
  world.write('/root/default.nix', nix.derivation('tool', { inputs: [source], build: 'cat $inputs > $out' }))
  await world.output('/opt/nixsig/nixsig keygen bob')
  await setPolicy(world, policyText({}, byDefault('nothing', 'nothing', 'nothing')))
}

/** Signs the release with a key that is new to everybody; gives the option that names it. */
async function sign(world: World): Promise<string> {
  await world.output('minisign -G -W -f -p dev.pub -s dev.key && minisign -S -W -s dev.key -m /srv/tool.tar')
  return '--developer-key dev.pub'
}

for (const version of VERSIONS.slice(0, 1)) {
  test(`${version}: with --json there is nothing but JSON on standard output, also where something is signed`, () =>
    withWorld(version, {}, async world => {
      await packager(world)
      const { status, stdout, stderr } = await world.run(`${HANDOFF} --json --reviewed "read it"`)
      assert.equal(status, 0, stderr)
      assert.equal(JSON.parse(stdout).length, 1)
      assert.match(stderr, /^attested \S+-tool\.tar /m)
    }))

  test(`${version}: a link to a derivation is that derivation`, () =>
    withWorld(version, {}, async world => {
      await packager(world)
      await world.output('nix-instantiate --add-root link.drv')
      const { status, stdout } = await world.run(`${HANDOFF} ./link.drv --reviewed "read it"`)
      assert.equal(status, 0)
      assert.match(stdout, /^attested \S+-tool\.drv /m)
    }))

  test(`${version}: a terminal of 80 columns gets lines of 80 columns, wrapped within each column`, () =>
    withWorld(version, {}, async world => {
      await packager(world)
      const option = await sign(world)
      const call = `stty cols 80; /opt/nixsig/nixsig handoff --dry-run --no-color ${option} 2>/dev/null`
      const { status, stdout } = await world.run(`script -qec '${call}' /dev/null`)
      assert.equal(status, 0, stdout)
      const lines = stdout.split('\r\n')
      assert.ok(
        lines.every(line => line.length <= 80),
        stdout,
      )
      assert.match(stdout, /^tool\.tar +tool\.tar\.mini/m)
    }))

  test(`${version}: a signature that was named and is not there is never passed over by --reviewed`, () =>
    withWorld(version, {}, async world => {
      await packager(world)
      const { status, stderr } = await world.run(
        `${HANDOFF} --signature tool.tar=typo.asc --reviewed "read it"`,
      )
      assert.equal(status, 2)
      assert.match(stderr, /there is no file:\/\/\/root\/typo\.asc/)
      assert.equal(world.exists('/root/published'), false)
    }))
}
