// A list that two keep and publish by HTTP, and a machine that subscribes to it: sources are judged by
// whom it names, a key is rotated and one revoked, paths fall, and what a mirror makes of it is refused.
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { commandsOf } from '../docs/markdown.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import * as nix from '../support/expressions.ts'
import { assertBuilt, instantiate, isValid, nixBuild } from '../support/scene.ts'
import { assertSchema } from '../support/schema.ts'
import { NIXSIG, nixsig } from '../support/setup-world.ts'
import { POLICY, policyText, publish, released, setPolicy, sha256, signer } from '../support/trust.ts'
import { NEWEST, type World, withWorld } from '../support/world.ts'

const PAGE = 'docs/how-to/subscribe.md'

const RULES = `[default]
require.source = "me"
require.derivation = "nothing"
require.output = "self"
`

const PEOPLE = { me: signer('me'), dora: signer('dora'), second: signer('second') }

/** The rule that needs no rule a package. */
const askDevelopers = (world: World) =>
  world.write(
    POLICY,
    world.read(POLICY).replace('source = "me"', 'source = { developer = "its-developers" }'),
  )

const sourceOf = (name: string) => nix.fetchurl(name, `file:///srv/${name}`, sha256(`${name}\n`))

/** A server of a directory that can be changed, as a mirror can. */
async function serving<T>(use: (url: string, serve: (directory: string) => void) => Promise<T>): Promise<T> {
  let served = ''
  const http = createServer((request: IncomingMessage, response: ServerResponse) => {
    readFile(join(served, new URL(request.url ?? '/', 'http://localhost').pathname)).then(
      bytes => response.end(bytes),
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  try {
    return await use(
      `http://127.0.0.1:${(http.address() as AddressInfo).port}/list`,
      directory => (served = directory),
    )
  } finally {
    http.closeAllConnections()
    http.close()
  }
}

const keep = (world: World, script: string) =>
  world.output(`set -e; mkdir -p /srv/keep; cd /srv/keep; PATH=/opt/nixsig:$PATH; ${script}`)

const SIGN =
  'for k in alice bob; do nixsig list sign list --key $k.secret --yes; done; nixsig list publish list /srv/www/list'

/** A list with dora, who signs libmd. The fingerprint of its first root. */
async function begin(world: World): Promise<string> {
  const said = await keep(
    world,
    `nixsig keygen alice; nixsig keygen bob
nixsig list init list --name house --keeper alice=alice.pub --keeper bob=bob.pub --threshold 2
nixsig list add list principal dora --key '${PEOPLE.dora.publicKey}'
nixsig list add list developers libmd --source 'libmd-*' --by dora
${SIGN}`,
  )
  return /root ([0-9a-f]{64})/.exec(said)?.[1] ?? assert.fail(said)
}

/** Has a source signed by its developer, and builds it. */
async function signedBy(world: World, who: 'dora' | 'second', name: string): Promise<string> {
  world.write(`/srv/${name}`, `${name}\n`)
  const { out } = await instantiate(world, sourceOf(name))
  const narHash = (await world.output(`nix-store --dump /srv/${name} | sha256sum`)).slice(0, 64)
  publish(world, out, released(PEOPLE[who], { path: out, narHash }))
  return out
}

for (const version of NEWEST) {
  test(`${version}: from a subscription to a revoked key`, () =>
    withWorld(version, {}, world =>
      serving(async (url, serve) => {
        const root = await begin(world)
        serve(world.path('/srv/www'))
        await setPolicy(world, policyText({ me: [PEOPLE.me] }, RULES))
        const libmd = await signedBy(world, 'dora', 'libmd-1.0.tar')
        assert.notEqual((await nixBuild(world)).status, 0)

        assert.match(
          await nixsig(world, `trust subscribe ${url} --role developer`, 2),
          new RegExp(`first root has the fingerprint ${root}\n(?:.*\n)*.*nothing was done`),
        )
        assert.match(
          await nixsig(world, `trust subscribe ${url} --role developer --root ${'0'.repeat(64)}`, 2),
          /this is another list, or somebody in between changed it/,
        )
        assert.doesNotMatch(world.read(POLICY), /lists/)
        assert.match(
          await nixsig(world, `trust subscribe ${url} --role developer --root ${root}`),
          /subscribed/,
        )
        assert.match(
          world.read(POLICY),
          new RegExp(`\\[lists.house\\]\nurl = "${url}"\nroles = \\["developer"\\]`),
        )
        askDevelopers(world)
        await assertBuilt(world)
        const other = await signedBy(world, 'dora', 'other-1.0.tar')
        assert.match((await nixBuild(world)).stderr, /no list names a developer of other-1\.0\.tar/)
        assert.equal(await isValid(world, other), false)

        const old = join(world.path('/srv'), 'old')
        cpSync(world.path('/srv/www'), old, { recursive: true })
        await keep(world, `nixsig list add list principal dora --key '${PEOPLE.second.publicKey}'; ${SIGN}`)
        const shown = await nixsig(world, 'trust update', 12)
        assert.match(shown, /ANOTHER DEVELOPER: sources libmd-\* \(house\/libmd\)[\s\S]*waits: version 2/)
        await signedBy(world, 'second', 'libmd-2.0.tar')
        assert.match((await nixBuild(world)).stderr, /libmd-2\.0\.tar/)
        assert.match(await nixsig(world, 'trust diff house', 12), /~ principal house\/dora/)
        assertSchema('trust-diff', (await world.run(`${NIXSIG} trust diff house --json`)).stdout)
        const seen = JSON.parse((await world.run(`${NIXSIG} trust diff house --json`)).stdout)
        await keep(world, `nixsig list add list principal late --key '${signer('late').publicKey}'; ${SIGN}`)
        // Neither this nor subscribing once more takes what nobody was shown.
        assert.match(await nixsig(world, `trust update house --shown ${seen.digest}`, 12), /waits: version 3/)
        await nixsig(world, `trust subscribe ${url} --as house --role developer --root ${root}`)
        assert.match(await nixsig(world, 'trust list'), /house: version 1, .*version 3 waits/)
        const diff = await nixsig(world, 'trust diff house', 12)
        const [, digest] = /--shown ([0-9a-f]{64}) takes it/.exec(diff) ?? []
        const taken = (await world.run(`${NIXSIG} trust update house --shown ${digest} --json`)).stdout
        assertSchema('trust-update', taken)
        assert.deepEqual([JSON.parse(taken).result, JSON.parse(taken).difference.to], ['taken', 3])
        await assertBuilt(world)

        await keep(world, `nixsig list revoke list dora --reason 'laptop stolen'; ${SIGN}`)
        const revoked = await nixsig(world, 'trust update')
        assert.match(revoked, /revoked: house\/|revoked: principal dora/)
        assert.match(revoked, /falls \S+-libmd-1\.0\.tar(?:.*\n)*.*falls \S+-libmd-2\.0\.tar/)
        assert.match(revoked, /updated to version 4/)
        await instantiate(world, nix.withInputs('uselibmd', [sourceOf('libmd-1.0.tar')]))
        const refused = await nixBuild(world)
        assert.notEqual(refused.status, 0)
        assert.match(refused.stderr, /revoked/)
        assert.equal(await isValid(world, libmd), true)

        serve(old)
        // As an update that was killed before it told anybody leaves it.
        world.write('/var/lib/nixsig/policy', '', 0o600)
        assert.match(
          await nixsig(world, 'trust update', 20),
          /goes back: version \d was (?:seen|named by \w+) before/,
        )
        assert.match(world.read('/var/lib/nixsig/policy'), /^file .*lists\/house\/book$/m)
      }),
    ))

  test(`${version}: what has ended is undecided, with the age of its last good state`, () =>
    withWorld(version, {}, async world => {
      const root = await begin(world)
      await setPolicy(world, policyText({ me: [PEOPLE.me] }, RULES))
      await nixsig(world, `trust subscribe /srv/www/list --as ours --role developer --root ${root}`)
      askDevelopers(world)
      await signedBy(world, 'dora', 'libmd-1.0.tar')
      const book = '/var/lib/nixsig/lists/ours/book'
      const bytes = world.path(book)
      const text = await readFile(bytes)
      const end = text.indexOf(10)
      const [format, digest, size, number] = text.toString('latin1', 0, end).split(' ')
      const then = Math.floor(Date.now() / 1000) - 5 * 86_400
      const line = `${format} ${digest} ${size} ${number} ${then} ${then} `
      const sum = crc32(line).toString(16).padStart(8, '0')
      world.write(book, Buffer.concat([Buffer.from(line + sum), text.subarray(end)]))
      assert.match(await nixsig(world, 'trust list', 20), /ours: version 1, seen 5 days ago; ended/)
      const { status, stderr } = await nixBuild(world)
      assert.notEqual(status, 0)
      assert.match(stderr, /the list ours ended/)
      await nixsig(world, 'trust update')
      await assertBuilt(world)
      assertSchema('trust-list', (await world.run(`${NIXSIG} trust list --json`)).stdout)
      assertSchema('trust-show', (await world.run(`${NIXSIG} trust show ours --json`)).stdout)
      assert.match(
        await nixsig(world, 'trust show ours libmd-1.0.tar'),
        /developers ours\/libmd[\s\S]*signed by 1 of ours\/dora/,
      )
      assertSchema('trust-show', (await world.run(`${NIXSIG} trust show ours dora --json`)).stdout)
      assertSchema('trust-update', (await world.run(`${NIXSIG} trust update --json`)).stdout)
      assertSchema('trust-pin', (await world.run(`${NIXSIG} trust pin ours 1 --json`)).stdout)
      assert.match(await nixsig(world, 'trust pin ours 2', 2), /version 2 of ours is not to be had/)
      assert.match(world.read(POLICY), /updates = "pinned"/)
      assert.match(await nixsig(world, 'trust unsubscribe ours --yes', 2), /"its-developers" needs/)
      world.write(POLICY, world.read(POLICY).replace('source = {', 'source = "me" #'))
      const left = await world.run(`${NIXSIG} trust unsubscribe ours --yes --json`)
      assertSchema('trust-unsubscribe', left.stdout)
      assert.doesNotMatch(world.read(POLICY), /lists/)
      assert.equal(world.exists(book), false)
      // As one that was interrupted after it had changed the policy leaves it.
      world.write(book, 'left')
      await nixsig(world, 'trust unsubscribe ours --yes')
      assert.equal(world.exists(book), false)
      await nixsig(world, 'trust unsubscribe ours --forget --yes')
      assert.equal(world.exists('/var/lib/nixsig/lists/ours'), false)
      assert.match(await nixsig(world, 'trust unsubscribe ours --yes', 2), /nothing is kept of it/)
      const again = `${NIXSIG} trust subscribe /srv/www/list --as ours --role developer --root ${root} --json`
      assertSchema('trust-subscribe', (await world.run(again)).stdout)
    }))

  test(`${version}: the page, as it is written`, () =>
    withWorld(version, {}, async world => {
      const root = await begin(world)
      await setPolicy(world, policyText({ me: [PEOPLE.me] }, RULES))
      for (const commands of commandsOf(PAGE)) {
        const script = commands.script
          .replaceAll('https://lists.example.org/house', '/srv/www/list')
          .replaceAll('FINGERPRINT', root)
        const { status, stdout, stderr } = await world.run(`set -e; PATH=/opt/nixsig:$PATH; ${script}`)
        assert.equal(status, commands.refused ? 2 : 0, `${commands.at}: ${stdout}${stderr}`)
        const said = stdout.replaceAll('/srv/www/list', 'https://lists.example.org/house')
        for (const line of commands.answer) assert.match(said, line, commands.at)
        if (commands.section === 'Compare its fingerprint') askDevelopers(world)
        markRun(commands, version)
      }
    }))
}

everyBlockWasRun('e2e/subscribe')
