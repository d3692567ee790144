// A list from its first day on, on three machines. Three people keep it, each with a key at home, and
// any two of them decide. Two of the machines subscribe to it by HTTPS, under the oldest and the
// newest Nix.
// takes: 1 minute
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as nix from '../support/expressions.ts'
import {
  beginTogether,
  type KeeperAtHome,
  PUBLISHED,
  publishTogether,
  withKeepers,
} from '../support/lists/keepers-at-home.ts'
import { assertBuilt, instantiate, isValid, nixBuild, quarantined } from '../support/scene.ts'
import { nixsig } from '../support/setup-world.ts'
import { makeCertificates, serveNginx } from '../support/tls-servers.ts'
import {
  byDefault,
  POLICY,
  policyText,
  publish,
  released,
  type Signer,
  setPolicy,
  sha256,
  signer,
} from '../support/trust.ts'
import { type World, withWorld } from '../support/world.ts'

const HOST = 'lists.example.org'
const URL = `https://${HOST}/list`
const [HONEST, HOSTILE] = ['127.0.4.20', '127.0.4.66']

/** Developers, whose keys nobody has but themselves. */
const dora = signer('dora')
const doraNew = signer('dora2')
const erik = signer('erik')

const sourceOf = (name: string) => nix.fetchurl(name, `file:///srv/${name}`, sha256(`${name}\n`))

/** A release that a developer signs, wherever it is used. Its path. */
async function release(machines: readonly World[], name: string, by: Signer): Promise<string> {
  const paths = await Promise.all(
    machines.map(async world => {
      world.write(`/srv/${name}`, `${name}\n`)
      const narHash = (await world.output(`nix-store --dump /srv/${name} | sha256sum`)).slice(0, 64)
      const { out } = await instantiate(world, sourceOf(name))
      publish(world, out, released(by, { path: out, narHash }))
      return out
    }),
  )
  assert.equal(new Set(paths).size, 1)
  return paths[0] ?? assert.fail()
}

/** Builds something of these sources. Its path. */
async function use(world: World, name: string, ...sources: readonly string[]): Promise<string> {
  const { out } = await instantiate(world, nix.withInputs(name, sources.map(sourceOf)))
  await assertBuilt(world)
  return out
}

/** Asserts that nothing can be built of a source, and why. */
async function assertRefused(world: World, name: string, source: string, why: RegExp): Promise<void> {
  const { out } = await instantiate(world, nix.withInputs(name, [sourceOf(source)]))
  const { status, stderr } = await nixBuild(world)
  assert.notEqual(status, 0, source)
  assert.match(stderr, why)
  assert.equal(await isValid(world, out), false)
}

/** Does the same on every machine, at the same time. */
async function onEach(machines: readonly World[], act: (world: World) => Promise<void>): Promise<void> {
  await Promise.all(machines.map(act))
}

interface Story {
  readonly t: TestContext
  readonly alice: KeeperAtHome
  readonly bob: KeeperAtHome
  readonly carol: KeeperAtHome
  /** The machines of bob and carol. */
  readonly users: readonly World[]
  /** For files outside the machines. */
  readonly directory: string
  /** Has a server offer a directory, under an address of its own. */
  serve(directory: string, address: string): Promise<void>
}

/** Each user's machine finds the server of the list here. */
function pointTo(address: string, users: readonly World[]): void {
  for (const user of users) user.write('/etc/hosts', `127.0.0.1 localhost\n${address} ${HOST}\n`)
}

async function withStory(t: TestContext, tell: (story: Story) => Promise<void>): Promise<void> {
  const directory = mkdtempSync('/tmp/nixsig-list-story-')
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const certificates = makeCertificates(join(directory, 'certificates'), HOST)
  const serve = (root: string, address: string) =>
    serveNginx(t, join(directory, address), {
      host: address,
      port: 443,
      lines: `root ${root}; ssl_certificate ${certificates.server.certificate}; ssl_certificate_key ${certificates.server.key};`,
    })
  await withWorld('trixie', {}, first =>
    withWorld('bookworm', {}, second =>
      withWorld('sid', {}, third =>
        withKeepers(
          directory,
          { alice: first, bob: second, carol: third },
          async ([alice, bob, carol], repository) => {
            assert.ok(alice && bob && carol)
            const users = [second, third]
            await first.output(`install -d -o alice ${PUBLISHED}`)
            await beginTogether([alice, bob, carol], 2, repository)
            pointTo(HONEST, users)
            for (const user of users) {
              cpSync(certificates.authority, user.path('/etc/ssl/certs/ca-certificates.crt'))
              await setPolicy(user, policyText({}, byDefault('refuse', 'nothing', 'self')))
            }
            await tell({ t, alice, bob, carol, users, directory, serve })
          },
        ),
      ),
    ),
  )
}

/** The list is begun: two developers, published by two keepers. The fingerprint of its first root. */
async function begin({ alice, bob, serve }: Story): Promise<string> {
  await alice.change(`nixsig list add list principal dora --key '${dora.publicKey}'
nixsig list add list principal erik --key '${erik.publicKey}'
nixsig list add list developers libmd --source 'libmd-*.tar' --by dora
nixsig list add list developers tool --source 'tool-*.tar' --by erik`)
  await alice.sign()
  const alone = await alice.refused(`nixsig list publish list ${PUBLISHED}`, 12)
  assert.match(alone, /not published: not signed by enough keepers/)
  assert.match(await alice.run('nixsig list status list'), /signed by alice: 1 of 2 that are needed/)
  const said = await publishTogether(alice, [bob])
  await serve(alice.world.path('/srv/www'), HONEST)
  return /root ([0-9a-f]{64})/.exec(said)?.[1] ?? assert.fail(said)
}

/** Both subscribe, and build what listed developers signed. */
async function subscribe({ users }: Story, root: string): Promise<void> {
  await release(users, 'libmd-1.0.tar', dora)
  await release(users, 'tool-1.0.tar', erik)
  await release(users, 'other-1.0.tar', dora)
  await onEach(users, async user => {
    await assertRefused(user, 'early', 'libmd-1.0.tar', /libmd-1\.0\.tar/)
    const another = `trust subscribe ${URL} --role developer --root ${sha256('another list')}`
    assert.match(await nixsig(user, another, 2), /this is another list, or somebody in between changed it/)
    assert.doesNotMatch(user.read(POLICY), /lists/)
    await nixsig(user, `trust subscribe ${URL} --role developer --root ${root}`)
    user.write(POLICY, user.read(POLICY).replace('"refuse"', '{ developer = "its-developers" }'))
    await use(user, 'early', 'libmd-1.0.tar')
    await use(user, 'app', 'libmd-1.0.tar', 'tool-1.0.tar')
    await assertRefused(user, 'stray', 'other-1.0.tar', /no list names a developer of other-1\.0\.tar/)
  })
}

/** A developer's key is replaced by the list; for half a year both count. */
async function rotateDeveloper({ alice, bob, carol, users }: Story): Promise<void> {
  const end = new Date(Date.now() + 180 * 86_400_000).toISOString().slice(0, 10)
  await carol.change(`nixsig list remove list developers libmd
nixsig list remove list principal dora
nixsig list add list principal dora --key '${dora.publicKey}' --valid-until ${end}
nixsig list add list principal dora --key '${doraNew.publicKey}'
nixsig list add list developers libmd --source 'libmd-*.tar' --by dora`)
  await publishTogether(alice, [carol, bob])
  await release(users, 'libmd-2.0.tar', doraNew)
  await onEach(users, async user => {
    const shown = await nixsig(user, 'trust update', 12)
    assert.match(shown, /ANOTHER DEVELOPER: sources libmd-\*\.tar \(house\/libmd\)/)
    assert.match(shown, /none would fall/)
    await assertRefused(user, 'newer', 'libmd-2.0.tar', /libmd-2\.0\.tar/)
    assert.match(await nixsig(user, 'trust update --yes'), /updated to version 2/)
    await use(user, 'newer', 'libmd-2.0.tar')
    await use(user, 'both', 'libmd-1.0.tar', 'libmd-2.0.tar')
  })
}

/** A developer is revoked, and another one added: the first takes effect before anybody agrees to the second. */
async function revokeDeveloper({ alice, bob, users }: Story): Promise<void> {
  await bob.change(`nixsig list revoke list erik --reason 'laptop stolen'
nixsig keygen gina
nixsig list add list principal gina --key gina.pub
nixsig list add list developers gtk --source 'gtk-*.tar' --by gina`)
  await publishTogether(alice, [bob, alice])
  await onEach(users, async user => {
    const { out: tool } = await instantiate(user, sourceOf('tool-1.0.tar'))
    const said = await nixsig(user, 'trust update', 12)
    assert.match(said, /revoked: principal erik .*laptop stolen/)
    assert.match(said, /admitted paths 2 would fall; 0 would rise$/m)
    assert.match(said, /falls \S+-tool-1\.0\.tar/)
    assert.match(said, /falls \S+-app/)
    assert.doesNotMatch(said, /falls \S+-libmd/)
    assert.match(said, /took its new revocations/)
    assert.match(await nixsig(user, 'trust diff house', 12), /\+ principal house\/gina/)
    assert.equal(await isValid(user, tool), true)
    assert.match(await nixsig(user, `verify ${tool}`, 14), /erik is revoked since .*laptop stolen/)
    await assertRefused(user, 'again', 'tool-1.0.tar', /erik is revoked since .*laptop stolen/)
    await use(user, 'still', 'libmd-1.0.tar')
    // What fell is still in the store; it leaves when the user says so too.
    const reason = "--reason 'the list says so'"
    const taken = await nixsig(user, `revoke house/erik ${reason} --quarantine --yes`)
    assert.match(taken, /falls \S+-tool-1\.0\.tar/)
    assert.equal(await isValid(user, tool), false)
    const kept = (await quarantined(user)).map(({ path }) => path.slice('/nix/store/'.length + 33))
    assert.deepEqual(kept.sort(), ['app', 'tool-1.0.tar'])
    assert.match(await nixsig(user, 'trust update --yes'), /updated to version 3/)
  })
}

/** Carol's key is lost. The two others put a new one in its place, and nobody else has to do anything. */
async function replaceKeeper(story: Story): Promise<void> {
  const { alice, bob, carol, users } = story
  const policies = users.map(user => user.read(POLICY))
  await carol.run('mv carol.secret found-by-somebody.secret; nixsig keygen new-carol')
  const key = carol.world.read('/home/alice/new-carol.pub').trim()
  await alice.change(`nixsig list rotate list all --remove carol --add 'carol=${key}'`)
  assert.match(await publishTogether(alice, [alice, bob]), /published root/)
  await onEach(users, async user => {
    assert.match(await nixsig(user, 'trust update'), /version \d+ is the newest/)
  })

  // What the lost key signs counts nothing. With the new one carol ends the time of dora's old key.
  await carol.change(`nixsig list remove list developers libmd
nixsig list remove list principal dora
nixsig list add list principal dora --key '${doraNew.publicKey}'
nixsig list add list developers libmd --source 'libmd-*.tar' --by dora`)
  const found = await carol.run('nixsig list sign list --key found-by-somebody.secret --yes')
  assert.match(found, /there is nothing for the key carol to sign/)
  await carol.sign('new-carol')
  await publishTogether(alice, [bob])
  await onEach(users, async user => {
    const said = await nixsig(user, 'trust update --yes')
    assert.match(said, /updated to version/)
    assert.match(said, /falls \S+-libmd-1\.0\.tar/)
    assert.doesNotMatch(said, /falls \S+-libmd-2\.0\.tar/)
    await assertRefused(user, 'outdated', 'libmd-1.0.tar', /only signers who are not/)
    await use(user, 'current', 'libmd-2.0.tar')
  })
  assert.deepEqual(
    users.map(user => user.read(POLICY)),
    policies,
  )
}

/** A server with the right certificate offers the list as it was at first, and then a list of its own. */
async function assertHostileServerRefused({ alice, users, directory, serve }: Story): Promise<void> {
  await serve(join(directory, 'old'), HOSTILE)
  pointTo(HOSTILE, users)
  const assertUnharmed = (why: RegExp) =>
    onEach(users, async user => {
      const book = () => user.read('/var/lib/nixsig/lists/house/book')
      const before = book()
      assert.match(await nixsig(user, 'trust update --yes', 20), why)
      assert.equal(book(), before)
      await assertRefused(user, 'replayed', 'tool-1.0.tar', /erik is revoked/)
      await use(user, 'unharmed', 'libmd-2.0.tar')
    })
  await assertUnharmed(/house: not updated: .*goes back/)

  const made = `set -e; PATH=/opt/nixsig:$PATH; nixsig keygen mallory
nixsig list init list --name house --keeper mallory=mallory.pub
nixsig list add list principal erik --key '${erik.publicKey}'
nixsig list add list developers tool --source 'tool-*.tar' --by erik
nixsig list sign list --key mallory.secret --yes
nixsig list publish list published`
  await alice.world.output(made, { user: 'mallory' })
  rmSync(join(directory, 'old/list'), { recursive: true })
  cpSync(alice.world.path('/home/mallory/published'), join(directory, 'old/list'), { recursive: true })
  await assertUnharmed(/house: not updated: timestamp metadata: needs 1 signatures by its keys, has 0/)
}

test('kept by three, subscribed by two', t =>
  withStory(t, async story => {
    const root = await begin(story)
    await subscribe(story, root)
    const { directory, alice } = story
    mkdirSync(join(directory, 'old'))
    cpSync(alice.world.path(PUBLISHED), join(directory, 'old/list'), { recursive: true })
    await rotateDeveloper(story)
    await revokeDeveloper(story)
    await replaceKeeper(story)
    await assertHostileServerRefused(story)
  }))
