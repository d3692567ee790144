// Whoever a list names for a source: a policy without anybody's key, the books of two lists, and
// sources that their developers signed.
// needs: both-judges
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import {
  carol,
  erin,
  fetchOf,
  guillem,
  ITS,
  install,
  SAYS,
  type Said,
  subscribed,
  verify,
  withList,
} from '../support/lists/books-in-worlds.ts'
import {
  assertBuilt,
  assertRefusedAfterBuild,
  assertRefusedBeforeBuild,
  instantiate,
  isInLedger,
  nixBuild,
} from '../support/scene.ts'
import { contentsOf, packaged, policyText, publish, setPolicy, signer } from '../support/trust.ts'
import { JUDGED, JUDGED_WITH_NIX, type World } from '../support/world.ts'

const alice = signer('alice')

for (const version of JUDGED_WITH_NIX) {
  test(`${version}: a source is admitted by its developer, whom nothing but a list names`, () =>
    withList(version, subscribed() + ITS, async world => {
      const signed = await fetchOf(world, 'libmd/libmd-1.1.0.tar', guillem)
      await assertBuilt(world)
      assert.equal(isInLedger(world, signed.out), true)
      assert.equal((await verify(world, signed.out)).status, 0)

      const unsigned = await fetchOf(world, 'libmd/libmd-1.2.0.tar')
      await assertRefusedBeforeBuild(
        world,
        unsigned.out,
        /needs its developers \(debian\/guillem\) as developer for its source, found no signature/,
      )
      const unknown = await fetchOf(world, 'libmd/other-1.0.tar')
      await assertRefusedBeforeBuild(
        world,
        unknown.out,
        /no list names a developer of other-1\.0\.tar from https:\/\/archive\.example\.org\/libmd\/other-1\.0\.tar \(asked debian\)/,
      )
    }))

  test(`${version}: attack: a source from elsewhere, which the package's own developer signed`, () =>
    withList(version, subscribed() + ITS, async world => {
      const { out } = await fetchOf(world, 'evil/libmd-1.1.0.tar', guillem)
      await assertRefusedAfterBuild(
        world,
        [out],
        /no list names a developer of libmd-1\.1\.0\.tar from https:\/\/archive\.example\.org\/evil\//,
      )
    }))

  test(`${version}: attack: a developer of one package signs another's source`, () =>
    withList(version, subscribed() + ITS, async world => {
      const { out } = await fetchOf(world, 'libmd/libmd-1.1.0.tar', erin)
      await assertRefusedAfterBuild(
        world,
        [out],
        /needs its developers \(debian\/guillem\) as developer for its source, found only signers who are not among them \(minisign key [0-9A-F]+\)/,
      )
    }))

  test(`${version}: a newer book counts at once, and what it takes away is refused`, () =>
    withList(version, subscribed() + ITS, async world => {
      const { out } = await fetchOf(world, 'libmd/libmd-1.1.0.tar', guillem)
      await assertBuilt(world)
      install(world, {
        ...SAYS,
        revocations: [{ principal: 'guillem', date: '2026-01-01T00:00:00Z', reason: 'stolen' }],
      })
      const { status, said } = await verify(world, out)
      assert.equal(status, 14, said)
      assert.match(said, /the key of debian\/guillem is revoked since 2026-01-01/)
      await instantiate(world, nix.withInputs('user', [`(builtins.storePath ${out})`]))
      assert.match((await nixBuild(world)).stderr, /the key of debian\/guillem is revoked/)
    }))
}

/** Policies and books, and what is said of one source, which guillem signed. */
const CASES: Readonly<
  Record<
    string,
    { policy: string; status: number; says?: RegExp; arrange?: (world: World) => void | Promise<void> }
  >
> = {
  "an own entry decides, and the lists' people count no more": {
    policy: `[principals.carol]\nkeys = ["${carol.key}"]
[developers.libmd]\nnames = ["libmd-*"]\nby = "carol"\n${subscribed()}${ITS}`,
    status: 11,
    says: /needs its developers \(carol\) as developer for its source, found only signers who are not among them/,
  },
  'an own entry names people of a list': {
    policy: `[developers.libmd]\nnames = ["libmd-*"]\nby = "debian/guillem"\n${subscribed()}${ITS}`,
    status: 0,
  },
  'an own revocation of a name in a list': {
    policy: `${subscribed()}${ITS}[[revocations]]\nprincipal = "debian/guillem"\ndate = 2026-01-01\n`,
    status: 14,
    says: /the key of debian\/guillem is revoked since 2026-01-01/,
  },
  'an own revocation of a key in a list': {
    policy: `${subscribed()}${ITS}[[revocations]]\nkey = "${guillem.key}"\ndate = 2026-01-01\nreason = "stolen"\n`,
    status: 14,
    says: /the key of debian\/guillem is revoked since 2026-01-01 \(stolen\)/,
  },
  'a list that may not speak for developers': {
    policy: subscribed('roles = ["packager"]\n') + subscribed('names = ["x-*"]\n', 'arch') + ITS,
    status: 10,
    says: /nothing names a developer of libmd-1\.1\.0\.tar from \S+ \(no list was asked; \[lists\.debian\] may not speak for developers; \[lists\.arch\] may not speak of this name\)/,
  },
  'a list that ended, within its grace': {
    policy: subscribed('grace = 5\n') + ITS,
    arrange: world => install(world, SAYS, { days: -3 }),
    status: 0,
  },
  'a list that ended, and its grace': {
    policy: subscribed('grace = 2\n') + ITS,
    arrange: world => install(world, SAYS, { days: -3 }),
    status: 20,
    says: /the list debian ended \S+, and its grace \S+; its last good state is 10 days old \(\S+\): as root, or by asking who has root here, take in a newer one with "nixsig trust update debian"/,
  },
  'a list without a book': {
    policy: subscribed() + ITS,
    arrange: world => rmSync(world.path('/var/lib/nixsig/lists/debian/book')),
    status: 20,
    says: /the list debian is not here \(it was never taken in\): as root, or by asking who has root here, take it in with "nixsig trust update debian"/,
  },
  'a damaged book': {
    policy: subscribed() + ITS,
    arrange: async world => {
      const book = world.path('/var/lib/nixsig/lists/debian/book')
      writeFileSync(book, readFileSync(book).subarray(0, -1))
    },
    status: 20,
    says: /the list debian is not here .*is not whole.*nixsig trust update debian/,
  },
  "attack: another list's book in the place of this one's": {
    policy: subscribed() + ITS,
    arrange: world => install(world, SAYS, { name: 'arch', at: 'debian' }),
    status: 20,
    says: /the list debian is not here .*is the book of another list, "arch".*nixsig trust update debian/,
  },
  'attack: a book that others may write': {
    policy: subscribed() + ITS,
    arrange: async world => void (await world.output('chmod 666 /var/lib/nixsig/lists/debian/book')),
    status: 20,
    says: /the list debian is not here .*nixsig trust update debian/,
  },
  'two lists that name somebody for one source: either is enough': {
    policy: subscribed() + subscribed('', 'arch') + ITS,
    arrange: world => install(world, naming('erin'), { name: 'arch' }),
    status: 0,
  },
  'two lists, of which one ended: the other is enough': {
    policy: subscribed() + subscribed('', 'arch') + ITS,
    arrange: world => install(world, naming('erin'), { name: 'arch', days: -1 }),
    status: 0,
  },
  'attack: one key in two lists is one person': {
    policy: subscribed() + subscribed('', 'arch') + both('arch/guillem'),
    arrange: world => install(world, SAYS, { name: 'arch' }),
    status: 12,
    says: /needs 2 of 2 both as developer for its source, found 1 \(debian\/guillem\)/,
  },
  'a packager as well as its developers, who is missing': {
    policy: `[principals.alice]\nkeys = ["${alice.publicKey}"]\n${subscribed()}${withPackager()}`,
    status: 10,
    says: /needs alice as packager for its source, found no signature/,
  },
  'a packager as well as its developers, who signed': {
    policy: `[principals.alice]\nkeys = ["${alice.publicKey}"]\n${subscribed()}${withPackager()}`,
    arrange: async world => {
      const [out = ''] = (await world.output('ls -d /nix/store/*-libmd-1.1.0.tar')).split('\n')
      publish(world, out, packaged(alice, await contentsOf(world, out)))
    },
    status: 0,
  },
}

/** The list, with somebody else for libmd. */
function naming(who: string): Said {
  return { ...SAYS, developers: { libmd: { names: ['libmd-*'], by: [who], threshold: 1 } } }
}

function both(other: string): string {
  return `[groups.both]\nmembers = ["debian/guillem", "${other}"]\nthreshold = 2
${ITS.replace('its-developers', 'both')}`
}

function withPackager(): string {
  return ITS.replace('"its-developers"', '"its-developers", packager = "alice"')
}

for (const version of JUDGED) {
  test(`${version}: what a policy, a list and its state make of one source`, async t =>
    withList(version, subscribed() + ITS, async world => {
      const { out } = await fetchOf(world, 'libmd/libmd-1.1.0.tar', guillem)
      await assertBuilt(world)
      for (const [name, { policy, status, says, arrange }] of Object.entries(CASES)) {
        await t.test(name, async () => {
          rmSync(world.path('/var/lib/nixsig/lists'), { recursive: true })
          install(world, SAYS)
          await setPolicy(world, policyText({}, policy))
          await arrange?.(world)
          const found = await verify(world, out)
          assert.equal(found.status, status, found.said)
          if (says !== undefined) assert.match(found.said, says)
        })
      }
    }))
}
