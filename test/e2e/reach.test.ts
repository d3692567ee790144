// What rests on whom: asked by root and by a plain user, written by two at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { assertBuilt, instantiate } from '../support/scene.ts'
import { assertSchema } from '../support/schema.ts'
import { nixsig } from '../support/setup-world.ts'
import {
  byDefault,
  POLICY,
  packaged,
  policyText,
  publish,
  setPolicy,
  sha256,
  signer,
} from '../support/trust.ts'
import { OLDEST, type World, withWorld } from '../support/world.ts'

const PEOPLE = { alice: signer('alice'), bob: signer('bob') }
const NIXSIG = '/opt/nixsig/nixsig'
const SOURCE = nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256('tool\n'))

function policy(rest: string, source = 'packagers'): string {
  const group = '[groups.packagers]\nmembers = ["alice", "bob"]\nthreshold = 1\n'
  return policyText(
    { alice: [PEOPLE.alice], bob: [PEOPLE.bob] },
    `${group}${rest}${byDefault(source, 'nothing', 'self')}`,
  )
}

/** A fetched source that alice signed, admitted, and something built from it. */
async function withTool(world: World): Promise<{ readonly source: string; readonly made: string }> {
  await setPolicy(world, policy(''))
  world.write('/srv/tool.tar', 'tool\n')
  const { out: source } = await instantiate(world, SOURCE)
  const narHash = (await world.output('nix-store --dump /srv/tool.tar | sha256sum')).slice(0, 64)
  publish(world, source, packaged(PEOPLE.alice, { path: source, narHash }))
  await assertBuilt(world)
  const { out: made } = await instantiate(world, nix.withInputs('made', [SOURCE]))
  await assertBuilt(world)
  return { source, made }
}

for (const version of OLDEST) {
  test(`${version}: policy diff tells what falls and rises, to root; a plain user learns only what the files say`, () =>
    withWorld(version, {}, async world => {
      const { source, made } = await withTool(world)
      world.write('/srv/new.toml', policy('', 'bob'))
      const args = `policy diff ${POLICY} /srv/new.toml`
      const shown = JSON.parse(await nixsig(world, `${args} --json`, 10))
      assertSchema('policy-diff', shown)
      const paths = (list: readonly { path: string }[]) => list.map(({ path }) => path)
      assert.deepEqual(paths(shown.comparison.falls), [source, made].sort())
      assert.deepEqual(shown.comparison.rises, [])
      assert.deepEqual(
        shown.differences.map(({ part }: { part: string }) => part),
        ['rules', 'rules'],
      )
      const back = JSON.parse(await nixsig(world, `policy diff /srv/new.toml ${POLICY} --json`))
      assert.ok(paths(back.comparison.rises).includes(source))
      assert.match(await nixsig(world, `policy diff ${POLICY} ${POLICY}`), /both say the same/)

      const before = await world.output('find /var/lib/nixsig /etc/nixsig -printf "%p %T@\\n" | sort')
      await world.output('chmod 700 /var/lib/nixsig/ledger')
      const user = await world.run(`${NIXSIG} ${args}`, { user: 'mallory' })
      assert.equal(user.status, 20)
      assert.doesNotMatch(user.stdout, /nix\/store/)
      assert.match(user.stderr, /is root's alone, so what falls or rises is not known here/)
      for (const call of ['revoke alice --reason x --yes', 'prune --yes']) {
        const refused = await world.run(`${NIXSIG} ${call}`, { user: 'mallory' })
        assert.notEqual(refused.status, 0, call)
        assert.match(refused.stderr, /only root can run nixsig (revoke|prune)/)
      }
      const dry = await world.run(`${NIXSIG} revoke alice --reason x --dry-run`, { user: 'mallory' })
      assert.match(dry.stderr, /is root's alone, so what was admitted is not known here/)
      assert.doesNotMatch(dry.stdout, /nix\/store/)
      assert.equal(await world.output('find /var/lib/nixsig /etc/nixsig -printf "%p %T@\\n" | sort'), before)
    }))

  test(`${version}: two revocations at once are both written, and the same one by two only once`, () =>
    withWorld(version, {}, async world => {
      await withTool(world)
      const revoke = (who: string) => `${NIXSIG} revoke ${who} --reason "by two" --yes`
      await world.output(`${revoke('alice')} & ${revoke('bob')} & ${revoke('bob')} & wait`)
      const text = world.read(POLICY)
      assert.equal(text.match(/^principal = "alice"$/gm)?.length, 1)
      assert.equal(text.match(/^principal = "bob"$/gm)?.length, 1)
      await nixsig(world, 'policy check')
    }))

  test(`${version}: what suggest asks for makes the path pass; a stranger's key is named and not proposed`, () =>
    withWorld(version, {}, async world => {
      const { source } = await withTool(world)
      await world.output(`rm -r /etc/nixsig/attestations/* /var/lib/nixsig/ledger`)
      const narHash = (await world.output('nix-store --dump /srv/tool.tar | sha256sum')).slice(0, 64)
      publish(world, source, packaged(signer('stranger'), { path: source, narHash }))
      const found = JSON.parse(await nixsig(world, `suggest ${source} --json`, 11))
      assertSchema('suggest', found)
      assert.deepEqual(found.signatures, [{ who: 'alice', role: 'packager', path: source, or: ['bob'] }])
      assert.equal(found.exact, true)
      assert.equal(found.strangers.length, 1)
      assert.match(await nixsig(world, `suggest ${source}`, 11), /which this does not advise/)
      publish(world, source, packaged(PEOPLE.alice, { path: source, narHash }))
      assert.match(await nixsig(world, `suggest ${source}`), /everything passes/)
    }))

  test(`${version}: prune drops the exemption of a path that passes without it, and keeps one that is needed`, () =>
    withWorld(version, {}, async world => {
      const { source } = await withTool(world)
      const { out } = await instantiate(world, nix.withInputs('local', ['(builtins.toFile "own" "x")']))
      const own = (
        await world.output(
          `nix-store -q --references $(nix-store -q --deriver ${out} 2>/dev/null || ls /nix/store/*-local.drv)`,
        )
      )
        .split('\n')
        .find(path => path.endsWith('-own'))
      const exemption = (path: string) =>
        `[[exemptions]]\npath = "${path}"\nreason = "x"\nuntil = 2099-01-01\n`
      world.write(POLICY, `# Mine.\n${policy(`${exemption(source)}${exemption(own ?? '')}`)}`)
      const dry = JSON.parse(await nixsig(world, 'prune --dry-run --json'))
      assertSchema('prune', dry)
      assert.deepEqual(
        dry.dropped.map(({ what }: { what: string }) => what),
        [source],
      )
      await nixsig(world, 'prune --yes')
      const text = world.read(POLICY)
      assert.ok(text.startsWith('# Mine.\n'))
      assert.equal(text.includes(source), false)
      assert.ok(own !== undefined && text.includes(own))
    }))
}
