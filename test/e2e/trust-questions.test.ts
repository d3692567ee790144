// What `nixsig trust` asks at a terminal, what it says where something else makes the policy, as NixOS
// does, and that what its refusals name as the next step can be called.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NIXSIG, nixsig } from '../support/setup-world.ts'
import { POLICY, policyText, setPolicy, signer } from '../support/trust.ts'
import { NEWEST, type World, withWorld } from '../support/world.ts'

const ME = signer('me')
const DORA = signer('dora')
const SECOND = signer('second')
const RULES = `[default]
require.source = "me"
require.derivation = "nothing"
require.output = "self"
`
const TABLE = '[lists.house]\nurl = "/srv/list"\nroles = ["developer"]\nupdates = "ask"'

const keep = (world: World, script: string) =>
  world.output(`set -e; mkdir -p /srv/keep; cd /srv/keep; PATH=/opt/nixsig:$PATH; ${script}`)
const SIGN = 'nixsig list sign list --key alice.secret --yes; nixsig list publish list /srv/list'

/** A list with dora, and a machine with a policy. The fingerprint of its first root. */
async function begin(world: World): Promise<string> {
  await setPolicy(world, policyText({ me: [ME] }, RULES))
  const said = await keep(
    world,
    `nixsig keygen alice; nixsig list init list --name house --keeper alice=alice.pub
nixsig list add list principal dora --key '${DORA.publicKey}'
nixsig list add list developers libmd --source 'libmd-*' --by dora
${SIGN}`,
  )
  return /root ([0-9a-f]{64})/.exec(said)?.[1] ?? assert.fail(said)
}

/** Runs a command at a terminal, at which this is typed ahead; everything that it showed. */
async function atTerminal(world: World, command: string, typed: string, status: number): Promise<string> {
  const ended = await world.run(
    ['script', '--quiet', '--return', '--command', `${NIXSIG} ${command}`, '/dev/null'],
    { input: typed, env: { NO_COLOR: '1' } },
  )
  assert.equal(ended.status, status, `${command}: ${ended.stdout}`)
  return ended.stdout
}

for (const version of NEWEST) {
  test(`${version}: subscribing asks for the fingerprint and for the roles, and nothing else agrees`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      const root = await begin(world)
      const before = world.read(POLICY)
      const subscribe = 'trust subscribe /srv/list'
      for (const typed of ['n\n', '\n', 'maybe\n', 'developer\n']) {
        const said = await atTerminal(world, `${subscribe} --role developer`, typed, 2)
        assert.match(said, new RegExp(`fingerprint ${root}\r\n`))
        assert.match(said, /is this what its keepers publish elsewhere\? \[y\/N\]/)
        assert.match(said, /nothing was done/)
      }
      assert.match(
        await atTerminal(world, subscribe, 'y\ndevelopers\n', 2),
        /the roles are developer, packager.*next: the same command with --role/,
      )
      assert.match(await atTerminal(world, subscribe, 'y\n\n', 2), /nothing was done: the roles are/)
      assert.equal(world.read(POLICY), before)
      assert.equal(world.exists('/var/lib/nixsig/lists/house'), false)
      // Both lines are typed before the first question is asked.
      assert.match(
        await atTerminal(world, subscribe, 'y\ndeveloper, packager\n', 0),
        /which roles may house speak for[\s\S]*subscribed/,
      )
      assert.match(world.read(POLICY), /roles = \["developer", "packager"\]/)
      assert.match(
        await nixsig(world, `${subscribe} --root ${root} --updates auto`),
        /had \[lists\.house\] already, and what it says there stays as it is/,
      )

      await keep(world, `nixsig list add list principal dora --key '${SECOND.publicKey}'; ${SIGN}`)
      for (const typed of ['n\n', '\n']) {
        const said = await atTerminal(world, 'trust update', typed, 12)
        assert.match(said, /house\/dora would sign for them with a key that was not theirs before: ed25519:/)
        assert.match(said, /take this from house\? \[y\/N\][\s\S]*waits: version 2/)
      }
      assert.match(await nixsig(world, 'trust list'), /house: version 1,.*version 2 waits/)
      assert.match(
        await atTerminal(world, 'trust pin house 2', 'n\n', 2),
        /nobody agreed.*next: nixsig trust pin house 2 --yes/,
      )
      assert.match(await atTerminal(world, 'trust update house', 'y\n', 0), /updated to version 2/)

      await keep(
        world,
        `nixsig keygen bob; nixsig list rotate list all --add bob=bob.pub --threshold 2
${SIGN.replace(';', '; nixsig list sign list --key bob.secret --yes;')}`,
      )
      assert.match(
        await nixsig(world, 'trust update'),
        /house: others keep it from now on, as its keepers signed in root version 2:\n {2}root: 2 of [0-9a-f]{16}, [0-9a-f]{16}\n/,
      )

      assert.match(await atTerminal(world, 'trust unsubscribe house', 'n\n', 0), /nothing was changed/)
      assert.match(await atTerminal(world, 'trust unsubscribe house', 'y\n', 0), /unsubscribed from house/)
      assert.equal(world.read(POLICY).trim(), before.trim())
    }))

  test(`${version}: a policy made elsewhere is not written, and the list counts once it names it`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      const root = await begin(world)
      const own = world.read(POLICY)
      const make = (text: string) =>
        world.output(`cat >/root/policy.toml && ln -sfn "$(nix-store --add /root/policy.toml)" ${POLICY}`, {
          input: text,
        })
      await make(own)
      const subscribe = `trust subscribe /srv/list --role developer --root ${root}`
      const said = await nixsig(world, subscribe, 2)
      assert.ok(said.includes(TABLE.replaceAll('\n', '\nnixsig: ')) || said.includes(TABLE), said)
      assert.match(said, /made by something else\. The list is kept here.*security\.nixsig\.lists\.house/)
      assert.equal(world.read(POLICY), own)
      assert.match(
        await nixsig(world, 'trust list'),
        /subscribes to no list; next: nixsig trust subscribe URL/,
      )

      await make(`${own}\n${TABLE}\n`)
      assert.match(await nixsig(world, 'trust list'), /house: version 1, seen today/)
      assert.match(await nixsig(world, 'trust update'), /version 1 is the newest/)
      assert.match(
        await nixsig(world, 'trust pin house', 2),
        /set updates = "pinned" for house where it is made/,
      )
      assert.match(
        await nixsig(world, 'trust unsubscribe house --yes', 2),
        /take the list house out where it is made/,
      )
      assert.match(await nixsig(world, subscribe), /subscribed/)

      // Taken out where it is made: what is kept of it goes by a command that is named.
      await make(own)
      assert.match(await nixsig(world, 'trust unsubscribe house --forget --yes'), /unsubscribed/)
      assert.equal(world.exists('/var/lib/nixsig/lists/house/book'), false)

      // Named first, as after a new installation: the next step is the whole command.
      await make(`${own}\n${TABLE}\n`)
      const next = 'next: nixsig trust subscribe /srv/list --as house --root FINGERPRINTS'
      assert.ok((await nixsig(world, 'trust update', 20)).includes(next))
      assert.ok((await nixsig(world, 'trust show house', 2)).includes(next))
      assert.match(await nixsig(world, `${next.slice(13).replace('FINGERPRINTS', root)}`), /subscribed/)
      assert.match(await nixsig(world, 'trust list'), /house: version 1/)
    }))
}
