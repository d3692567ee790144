// Somebody of a list is revoked by the user: what rested on them is told, refused and taken out of the
// store on request; what a new book of the list would make fall is told by policy diff.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseList } from '../../src/formats/lists/document.ts'
import { writeBook } from '../../src/lists/book/write.ts'
import * as nix from '../support/expressions.ts'
import { assertBuilt, instantiate, isValid, nixBuild } from '../support/scene.ts'
import { nixsig } from '../support/setup-world.ts'
import { POLICY, policyText, publish, released, setPolicy, sha256, signer } from '../support/trust.ts'
import { NEWEST, type World, withWorld } from '../support/world.ts'

const PEOPLE = { me: signer('me'), dora: signer('dora'), erik: signer('erik') }

const RULES = `[lists.house]
url = "https://lists.example.org/house"
roles = ["developer"]

[default]
require.source = { developer = "its-developers" }
require.derivation = "nothing"
require.output = "self"
`

/** A list in which dora signs `one` from one address, and erik `two` from anywhere. */
function takeIn(world: World, state: string, one = 'dora'): void {
  const keys = (name: 'dora' | 'erik') => ({ keys: [PEOPLE[name].publicKey] })
  const list = {
    format: 'nixsig-list-1',
    name: 'house',
    says: 'vouched',
    principals: { dora: keys('dora'), erik: keys('erik') },
    developers: {
      one: { names: ['one-*'], urls: ['https://house.example/*'], by: [one], threshold: 1 },
      two: { names: ['two-*'], by: ['erik'], threshold: 1 },
    },
  }
  const now = Math.floor(Date.now() / 1000)
  writeBook(world.path(`${state}/lists/house`), {
    name: 'house',
    parts: [
      { document: parseList(Buffer.from(JSON.stringify(list)), 'list'), certificate: () => assert.fail() },
    ],
    version: 1,
    ends: now + 86_400,
    seen: now,
  })
}

/** Fetched from this machine's files; it states an address of its developer's as well. */
const sourceOf = (name: string) =>
  nix
    .fetchurl(name, `file:///srv/${name}`, sha256(`${name}\n`))
    .replace(/urls = .*/, `urls = [ "https://house.example/${name}" ];`)

/** A source that its developer signed, with a package, built here. */
async function built(world: World, who: 'dora' | 'erik', name: string): Promise<readonly [string, string]> {
  world.write(`/srv/${name}`, `${name}\n`)
  const { out } = await instantiate(world, sourceOf(name))
  const narHash = (await world.output(`nix-store --dump /srv/${name} | sha256sum`)).slice(0, 64)
  publish(world, out, released(PEOPLE[who], { path: out, narHash }))
  await assertBuilt(world)
  const used = await instantiate(world, nix.withInputs(`use${name.slice(0, 3)}`, [sourceOf(name)]))
  await assertBuilt(world)
  return [out, used.out]
}

const pathsOf = (changed: readonly { readonly path: string }[]) => changed.map(({ path }) => path).sort()

for (const version of NEWEST) {
  test(`${version}: what rested on somebody of a list falls, is refused and leaves the store`, () =>
    withWorld(version, {}, async world => {
      await setPolicy(world, policyText({ me: [PEOPLE.me] }, RULES))
      await world.output('mkdir -p /var/lib/nixsig/lists/house && chmod -R go-w /var/lib/nixsig')
      takeIn(world, '/var/lib/nixsig')
      const [one, useOne] = await built(world, 'dora', 'one-1.tar')
      const [two, useTwo] = await built(world, 'erik', 'two-1.tar')

      for (const who of ['house/dora', `'${PEOPLE.dora.publicKey}'`]) {
        const shown = JSON.parse(await nixsig(world, `revoke ${who} --reason stolen --dry-run --json`))
        assert.deepEqual(pathsOf(shown.comparison.falls), [one, useOne].sort(), who)
        assert.equal(shown.rested, 1)
        const [fallen] = shown.comparison.falls.filter(({ path }: { path: string }) => path === one)
        assert.match(fallen.message, /revoked since .* \(stolen\)/)
      }
      const unknown = await nixsig(world, 'revoke house/nobody --reason x --dry-run', 2)
      assert.match(unknown, /the list house has nobody called house\/nobody; next: nixsig trust show house/)

      // Another policy, with the same book.
      world.write(
        '/root/draft.toml',
        world.read(POLICY).replace('["developer"]', '["developer"]\nnames = ["two-*"]'),
      )
      const diff = await nixsig(world, `policy diff ${POLICY} /root/draft.toml`, 10)
      assert.match(diff, /- house: may speak as developer;.*\n.*\+ house: may speak as developer of two-\*;/)
      assert.match(diff, /2 would fall/)

      await nixsig(world, 'revoke house/dora --reason stolen --quarantine --yes')
      assert.match(world.read(POLICY), /\[\[revocations\]\]\nprincipal = "house\/dora"\n/)
      for (const path of [one, useOne]) assert.equal(await isValid(world, path), false, path)
      for (const path of [two, useTwo]) assert.equal(await isValid(world, path), true, path)
      await instantiate(world, nix.withInputs('again', [sourceOf('one-1.tar')]))
      const refused = await nixBuild(world)
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, /one-1\.tar \(fetched source\).*house\/dora is revoked/s)
      await instantiate(world, nix.withInputs('againtwo', [sourceOf('two-1.tar')]))
      await assertBuilt(world)

      const found = await nixsig(world, 'prune --dry-run')
      assert.match(found, /nothing to drop/)
      assert.doesNotMatch(found, /house/)
    }))
}
