// What the commands say of people whom lists name, and lists that change while something is built.
import assert from 'node:assert/strict'
import { copyFileSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { storeDeveloperSignature } from '../../src/evidence/signature-files.ts'
import * as nix from '../support/expressions.ts'
import {
  carol,
  erin,
  fetchOf,
  guillem,
  ITS,
  install,
  SAYS,
  subscribed,
  verify,
  withList,
} from '../support/lists/books-in-worlds.ts'
import { assertBuilt, assertQuarantined, instantiate, nixBuild } from '../support/scene.ts'
import { ATTESTATIONS, policyText, setPolicy, sha256 } from '../support/trust.ts'
import { NEWEST, type World } from '../support/world.ts'

const BOOK = '/var/lib/nixsig/lists/debian/book'
const REVOKED = {
  ...SAYS,
  revocations: [{ principal: 'guillem', date: '2026-01-01T00:00:00Z', reason: 'stolen' }],
}

async function nixsig(world: World, args: string): Promise<{ status: number | null; said: string }> {
  const { status, stdout, stderr } = await world.run(`/opt/nixsig/nixsig ${args}`)
  return { status, said: (stdout + stderr).replaceAll(/\s+/g, ' ') }
}

for (const version of NEWEST) {
  test(`${version}: commands name the people of lists`, t =>
    withList(version, subscribed() + ITS, async world => {
      const { out } = await fetchOf(world, 'libmd/libmd-1.1.0.tar', guillem)
      await assertBuilt(world)
      const says = (args: string, ...words: readonly RegExp[]) =>
        t.test(args, async () => {
          const { said } = await nixsig(world, args)
          for (const word of words) assert.match(said, word)
        })
      await says(`verify ${out}`, /trusted/)
      await says(`explain ${out}`, /debian\/guillem as developer, key minisign/)
      await says(
        'policy describe',
        /debian: may speak as developer; version 1, collected by a program, counts until/,
      )
      await says(
        `policy describe --path ${out}`,
        /its-developers as developer: met, by debian\/guillem so it passes, until \d{4}-/,
      )
      await says('policy check', /good .*mode enforce, 0 principals, 0 groups, 0 rules, 1 list,/)

      // Another state of the list, under which nothing was judged yet.
      const principals = { ...SAYS.principals, carol: { keys: [carol.key] } }
      install(world, { ...SAYS, principals }, { version: 2 })
      await says(
        'revoke debian/guillem --reason stolen --dry-run',
        /all keys of debian\/guillem/,
        /libmd-1\.1\.0\.tar/,
      )
      world.write('/etc/nixsig/new.toml', policyText({}, `${subscribed('names = ["x"]\n')}${ITS}`))
      await says(
        'policy diff /etc/nixsig/policy.toml /etc/nixsig/new.toml',
        /lists, and their state here: - debian: may speak as developer; version 2, .* \+ debian: may speak as developer of x;/,
        /libmd-1\.1\.0\.tar/,
      )
      install(world, SAYS, { days: 3, version: 3 })
      await says('doctor', /the list debian ends on \d{4}-/)
      rmSync(world.path(BOOK))
      await says('policy check', /\[lists\.debian\] has no state here .*nixsig trust update debian/)
      await says('doctor', /lists: debian: it was never taken in \(nixsig trust update\)/)
      await says(`explain ${out}`, /the list debian is not here .*nixsig trust update debian/)
    }))

  test(`${version}: what a list's developer did not sign is wanted of them`, t =>
    withList(version, subscribed() + ITS, async world => {
      const { out } = await fetchOf(world, 'libmd/libmd-1.1.0.tar', guillem)
      await assertBuilt(world)
      await world.output('rm -r /etc/nixsig/attestations/* /var/lib/nixsig/ledger')
      const says = (args: string, ...words: readonly RegExp[]) =>
        t.test(args, async () => {
          const { said } = await nixsig(world, args)
          for (const word of words) assert.match(said, word)
        })
      await says(`suggest ${out}`, /debian\/guillem/)
      await says(`verify ${out}`, /needs its developers \(debian\/guillem\) as developer for its source/)
    }))

  test(`${version}: a hand-off takes the signature of whom a list names, or offers the list`, t =>
    withList(version, subscribed() + ITS, async world => {
      const { drv } = await fetchOf(world, 'libmd/libmd-1.1.0.tar')
      const contents = 'released as libmd/libmd-1.1.0.tar\n'
      world.write('/srv/libmd/libmd-1.1.0.tar.minisig', guillem.sign(contents))
      await t.test('asked for', async () => {
        const { status, said } = await nixsig(world, `handoff ${drv} --dry-run`)
        assert.equal(status, 0, said)
      })
      await t.test('attest source', async () => {
        world.write('/srv/tool-1.tar', 'tool\n')
        world.write('/srv/tool-1.tar.minisig', erin.sign('tool\n'))
        await world.output('/opt/nixsig/nixsig keygen bob-1 --own')
        const attest = (name: string) =>
          nixsig(
            world,
            `attest source /srv/tool-1.tar --name ${name} --signature /srv/tool-1.tar.minisig --key bob-1`,
          )
        const { status, said } = await attest('tool-1.tar')
        assert.equal(status, 0, said)
        assert.match(said, /developer's signature: signed by minisign:.* attested /)
        assert.notEqual((await attest('other-1.tar')).status, 0)
      })
      await setPolicy(
        world,
        policyText({ carol: [`"${carol.key}"`] }, subscribed() + ITS.replace('its-developers', 'carol')),
      )
      await t.test('offered', async () => {
        const { status, said } = await nixsig(world, `handoff ${drv} --dry-run`)
        assert.notEqual(status, 0, said)
        assert.match(
          said,
          /list debian \(collected by a program\) names debian\/guillem for it; require\.source = \{ developer = "its-developers" \} would ask for it/,
        )
      })
    }))

  test(`${version}: attack: a list that ends while a source is fetched`, () =>
    withList(version, subscribed() + ITS, async world => {
      const contents = 'slow\n'
      const slow = nix.derivation('tool-1', {
        build: 'sleep 6; printf "slow\\n" > $out',
        attributes: {
          outputHashMode: '"flat"',
          outputHashAlgo: '"sha256"',
          outputHash: nix.nixString(sha256(contents)),
        },
      })
      const { out } = await instantiate(world, slow)
      storeDeveloperSignature(world.path(ATTESTATIONS), out, '.minisig', erin.sign(contents))
      install(world, SAYS, { days: 4 / 86_400 })
      const { status } = await nixBuild(world)
      assert.notEqual(status, 0)
      await assertQuarantined(world, [out], { reason: /the list debian ended / })
    }))

  test(`${version}: attack: an older book, restored from a backup, lets nothing live on that a newer one let in`, () =>
    withList(version, subscribed() + ITS, async world => {
      const book = world.path(BOOK)
      copyFileSync(book, `${book}.backup`)
      const { out } = await fetchOf(world, 'libmd/new-2.tar', carol)
      install(
        world,
        {
          ...SAYS,
          principals: { carol: { keys: [carol.key] } },
          developers: { new: { names: ['new-*'], by: ['carol'], threshold: 1 } },
        },
        { version: 2 },
      )
      await assertBuilt(world)
      copyFileSync(`${book}.backup`, book)
      const found = await verify(world, out)
      assert.equal(found.status, 10, found.said)
      assert.match(found.said, /no list names a developer of new-2\.tar/)
    }))

  test(`${version}: attack: a verdict under the list before its revocation does not outlive the revocation`, () =>
    withList(version, subscribed() + ITS, async world => {
      const { out } = await fetchOf(world, 'libmd/libmd-1.1.0.tar', guillem)
      await assertBuilt(world)
      await world.output(`cp ${BOOK} ${BOOK}.backup`)
      install(world, REVOKED, { version: 2 })
      assert.equal((await verify(world, out)).status, 14)
      // The signature is gone as well: what is remembered of it is judged by the present book.
      await world.output('rm -r /etc/nixsig/attestations/*')
      const { status, said } = await verify(world, out)
      assert.equal(status, 14, said)
      assert.match(said, /the key of debian\/guillem is revoked since 2026-01-01 \(stolen\)/)
    }))
}
