// Hostile keepers of lists, hostile developers in lists, and hostile authors of derivations.
// needs: both-judges
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { storeDeveloperSignature } from '../../src/evidence/signature-files.ts'
import { parseList } from '../../src/formats/lists/document.ts'
import { writeBook } from '../../src/lists/book/write.ts'
import * as nix from '../support/expressions.ts'
import {
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
import { assertBuilt, instantiate, isInLedger, isValid, nixBuild } from '../support/scene.ts'
import {
  ATTESTATIONS,
  contentsOf,
  packaged,
  policyText,
  publish,
  setPolicy,
  sha256,
  signer,
} from '../support/trust.ts'
import { NEWEST } from '../support/world.ts'

const alice = signer('alice')

/** The list, with an entry of erin's for whatever comes from her own server. */
const WITH_ERIN = {
  ...SAYS,
  developers: {
    ...SAYS.developers,
    erins: { names: ['*'], urls: ['https://erin.example/*'], by: ['erin'], threshold: 1 },
  },
}

const PACKAGED = `[default]
require.source = { developer = "its-developers" }
require.derivation = "alice"
require.output = "self"
`

const CONTENTS = 'not what the developer of libmd made\n'

/** A fetch of these contents that says to be from there. */
function fetchFrom(address: string): string {
  const fetch = nix.fetchurl('libmd-9.tar', 'file:///srv/libmd-9.tar', sha256(CONTENTS))
  return fetch.replace(/^ *urls = .*;$/m, `urls = [ ${nix.nixString(address)} ];`)
}

for (const version of NEWEST) {
  test(`${version}: attack: what a refused build says of a source's address is remembered for no other build`, () =>
    withList(
      version,
      subscribed(),
      async world => {
        await setPolicy(world, policyText({ alice: [alice] }, subscribed() + PACKAGED))
        world.write('/srv/libmd-9.tar', CONTENTS)
        const official = fetchFrom('https://archive.example.org/libmd/libmd-9.tar')
        const { out } = await instantiate(world, official)
        storeDeveloperSignature(world.path(ATTESTATIONS), out, '.minisig', erin.sign(CONTENTS))
        assert.equal(await world.output('nix-store --add-fixed sha256 /srv/libmd-9.tar'), out)

        const evil = nix.withInputs('evil', [fetchFrom('https://erin.example/libmd-9.tar')])
        await instantiate(world, evil)
        assert.match(
          (await nixBuild(world)).stderr,
          /evil\.drv \(derivation\).* needs alice for its derivation/,
        )
        assert.equal(isInLedger(world, out), false)

        const { drv } = await instantiate(world, nix.withInputs('user', [official]))
        publish(world, drv, packaged(alice, await contentsOf(world, drv)))
        assert.match(
          (await nixBuild(world)).stderr,
          /libmd-9\.tar .*needs its developers \(debian\/guillem\) .*found only signers who are not among them/,
        )

        // Whoever may say what is built may also say where a source is from: for that build.
        const { drv: signed } = await instantiate(world, evil)
        publish(world, signed, packaged(alice, await contentsOf(world, signed)))
        await assertBuilt(world)
        assert.equal(isInLedger(world, out), false)
      },
      WITH_ERIN,
    ))

  test(`${version}: attack: a team that has the key of its list's own developer takes nothing from them`, () =>
    withList(version, subscribed() + ITS, async world => {
      const raw = Buffer.from(guillem.key.slice('minisign:'.length), 'base64').subarray(10)
      const bytes = (document: object) =>
        Buffer.from(JSON.stringify({ format: 'nixsig-list-1', name: 'any', says: 'vouched', ...document }))
      const main = parseList(
        bytes({ ...SAYS, teams: { zz: { names: ['libmd-*'] }, aa: { names: ['libmd-*'] } } }),
        'list',
      )
      const team = parseList(
        bytes({
          principals: { x: { keys: [`x-1:${raw.toString('base64')}`] } },
          developers: { libmd: { names: ['libmd-*'], by: ['x'], threshold: 1 } },
        }),
        'team',
      )
      const certificate = () => assert.fail('no certificates')
      const now = Math.floor(Date.now() / 1000)
      for (const name of ['zz', 'aa']) {
        writeBook(world.path('/var/lib/nixsig/lists/debian'), {
          name: 'debian',
          parts: [
            { document: main, certificate },
            { document: team, certificate, team: name },
          ],
          version: 1,
          ends: now + 86_400,
          seen: now,
        })
        const { out } = await fetchOf(world, `libmd/libmd-1-${name}.tar`, guillem)
        const { status, stderr } = await nixBuild(world)
        const found = await verify(world, out)
        assert.equal(status, 0, `${name}: ${stderr}`)
        assert.equal(found.status, 0, found.said)
      }
    }))

  test(`${version}: attack: what is remembered of a source outlives neither its list, nor its entry, nor its scope`, t =>
    withList(version, subscribed() + ITS, async world => {
      const { out } = await fetchOf(world, 'libmd/libmd-1.1.0.tar', guillem)
      const book = world.path('/var/lib/nixsig/lists/debian/book')
      const source = world.read('/srv/x.nix')
      let number = 0
      /** What a build that uses the source is told; nothing if it is built. */
      const told = async (): Promise<string> => {
        await instantiate(world, nix.withInputs(`user-${++number}`, [source]))
        const { status, stderr } = await nixBuild(world)
        return status === 0 ? '' : stderr
      }
      const policy = (lists: string) => setPolicy(world, policyText({}, lists + ITS))
      const cases: Readonly<Record<string, [() => unknown, RegExp]>> = {
        'no book': [() => rmSync(book), /the list debian is not here/],
        'another entry': [
          () =>
            install(world, {
              ...SAYS,
              developers: { libmd: { names: ['libmd-*'], by: ['erin'], threshold: 1 } },
            }),
          /needs its developers \(debian\/erin\)/,
        ],
        'another address': [
          () =>
            install(world, {
              ...SAYS,
              developers: {
                libmd: { names: ['libmd-*'], urls: ['https://x.example/*'], by: ['guillem'], threshold: 1 },
              },
            }),
          /no list names a developer of libmd-1\.1\.0\.tar from/,
        ],
        'two instead of one': [
          () =>
            install(world, {
              ...SAYS,
              developers: { libmd: { names: ['libmd-*'], by: ['guillem', 'erin'], threshold: 2 } },
            }),
          /needs 2 of/,
        ],
        'a revocation that is yet to come': [
          () =>
            install(world, {
              ...SAYS,
              revocations: [{ key: guillem.key, date: '2999-01-01T00:00:00Z', reason: 'x' }],
            }),
          /^$/,
        ],
        'a revocation from the past': [
          () =>
            install(world, {
              ...SAYS,
              revocations: [{ key: guillem.key, date: '1970-01-01T00:00:00Z', reason: 'x' }],
            }),
          /the key of debian\/guillem is revoked since 1970/,
        ],
        unsubscribed: [() => policy(''), /"its-developers" needs \[developers\], or one of \[lists\]/],
        'only for other names': [() => policy(subscribed('names = ["x-*"]\n')), /names a developer/],
        'an own entry': [
          () =>
            policy(
              `[principals.erin]\nkeys = ["${erin.key}"]\n[developers.l]\nnames = ["libmd-*"]\nby = "erin"\n${subscribed()}`,
            ),
          /needs its developers \(erin\)/,
        ],
        'only corroborated entries': [() => policy(subscribed('corroborated = true\n')), /names a developer/],
      }
      for (const [name, [change, reason]] of Object.entries(cases))
        await t.test(name, async () => {
          install(world, SAYS)
          await policy(subscribed())
          assert.equal(await told(), '')
          await change()
          assert.match(await told(), reason)
        })
      assert.equal(await isValid(world, out), true)
    }))
}
