// What plain users learn of a path: the gate tells them what root would see, over a socket that
// every user may ask, and every step that they are told of they can take.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { withGatedWorld } from '../support/gated-world.ts'
import { RESIDENT_COMMAND, type Resident, startResident } from '../support/resident.ts'
import { instantiate, isValid, nixBuild } from '../support/scene.ts'
import { byDefault, policyText, setPolicy } from '../support/trust.ts'
import { type Outcome, VERSIONS, type World, withWorld } from '../support/world.ts'

const ALICE = { user: 'alice' } as const
const SOCKET = '/run/nixsig/ask'

function nixsig(world: World, line: string, options = {}): Promise<Outcome> {
  return world.run(`/opt/nixsig/nixsig ${line}`, options)
}

/** Reads 60 MB of derivations before it can be judged. */
const LARGE = `let
  text = builtins.concatStringsSep "" (builtins.genList (n: "0123456789abcdef0123456789abcdef") 187500);
  of = inputs: name: derivation {
    inherit name inputs text;
    system = builtins.currentSystem;
    builder = "/bin/sh";
  };
in of (map (of [ ]) [ "a" "b" "c" "d" "e" "f" "g" "h" "i" ]) "large"
`

async function withGate(world: World, use: (gate: Resident) => Promise<void>): Promise<void> {
  const gate = await startResident(world, RESIDENT_COMMAND)
  try {
    await use(gate)
  } finally {
    await gate.kill()
  }
}

/** What is built is trusted, but what is called victim, which nobody signs. */
async function withVictim(world: World, mode = 'enforce'): Promise<void> {
  const rule = '[[rules]]\nmatch = { name = "victim*", kind = "output" }\nrequire.output = "alice"\n'
  const key = `"alice-1:${Buffer.alloc(32, 7).toString('base64')}"`
  await setPolicy(
    world,
    policyText({ alice: [key] }, `${rule}${byDefault('nothing', 'nothing', 'self')}`, mode),
  )
}

async function build(world: World, name: string, args = '') {
  const { out } = await instantiate(world, nix.derivation(name))
  return { out, outcome: await nixBuild(world, args) }
}

for (const version of VERSIONS) {
  test(`${version}: a plain user is told by the gate what root sees`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withVictim(world)
      const { out, outcome } = await build(world, 'good')
      assert.equal(outcome.status, 0, outcome.stderr)
      await world.startDaemon()
      await withGate(world, async () => {
        assert.equal(await world.output(`stat -c '%a %U' ${SOCKET}`), '666 root')
        const verified = await nixsig(world, `verify ${out}`, ALICE)
        assert.equal(verified.status, 0, verified.stdout + verified.stderr)
        assert.match(verified.stdout, /^trusted .*vouched for by this machine/)
        const root = await nixsig(world, `verify ${out}`)
        assert.equal(verified.stdout, root.stdout)
        const [own, roots] = await Promise.all([
          world.output(`/opt/nixsig/nixsig verify --json ${out}`, ALICE),
          world.output(`/opt/nixsig/nixsig verify --json ${out}`),
        ])
        assert.deepEqual(JSON.parse(own), JSON.parse(roots))
        const explained = await nixsig(world, `explain ${out}`, ALICE)
        assert.equal(explained.status, 0, explained.stdout + explained.stderr)
        assert.match(
          explained.stdout,
          /^trusted .*\nstands on:\n.*\nledger:\n {2}admitted .*built here; current/s,
        )
        // What lies on the disk is hashed by the user's own process.
        await world.output(`chmod -R u+w ${out} && echo other > ${out}`)
        const altered = await nixsig(world, `verify ${out}`, ALICE)
        assert.equal(altered.status, 13, altered.stdout)
        assert.match(altered.stdout, /^refused .*what lies on the disk/s)
      })
    }))

  test(`${version}: what was refused and set aside is refused first, never trusted`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withVictim(world)
      // Refused after it was built, for nothing foresaw it.
      const { out } = await build(world, 'victim', "--option pre-build-hook ''")
      assert.equal(await isValid(world, out), false)
      await world.startDaemon()
      await withGate(world, async () => {
        for (const options of [ALICE, {}]) {
          const { status, stdout } = await nixsig(world, `explain ${out}`, options)
          assert.equal(status, 10, stdout)
          assert.match(stdout, /^refused \S+victim .*it is not in the store, but in quarantine\n/)
          assert.match(stdout, /quarantine:\n {2}refused .*: entry \S+\n/)
        }
        // Since then, everything is trusted: it would pass, and is still not there.
        await setPolicy(world, policyText({}, byDefault('nothing', 'nothing', 'self')))
        await nixsig(world, 'reload')
        for (const options of [ALICE, {}]) {
          const { status, stdout } = await nixsig(world, `explain ${out}`, options)
          assert.equal(status, 20, stdout)
          assert.match(
            stdout,
            /^refused .*in quarantine\n {2}judged anew, nothing that is known here speaks against it/,
          )
          assert.doesNotMatch(stdout, /^trusted/m)
          assert.match(stdout, /take it back into the store: nixsig quarantine release/)
        }
        const user = await nixsig(world, `explain ${out}`, ALICE)
        assert.match(user.stdout, /ask an administrator to take it back into the store/)
      })
    }))

  test(`${version}: without a gate a plain user is told so, with a step of their own`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withVictim(world)
      const { out } = await build(world, 'good')
      await world.startDaemon()
      const verified = await nixsig(world, `verify ${out}`, ALICE)
      assert.equal(verified.status, 2)
      assert.match(
        verified.stderr,
        /cannot read \/var\/lib\/nixsig.*no gate answers at \/run\/nixsig\/ask; next: ask an administrator to .*--state DIR/,
      )
      const explained = await nixsig(world, `explain ${out}`, ALICE)
      assert.match(explained.stderr, /no gate answers .*next: ask an administrator to start the gate/)
      assert.match(explained.stdout, /^refused .*needs to be built by this machine/s)
    }))

  test(`${version}: while the policy only warns, everything says "would be refused", once`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withVictim(world, 'warn')
      await world.startDaemon()
      await withGate(world, async gate => {
        const { out, outcome } = await build(world, 'victim')
        assert.equal(outcome.status, 0, outcome.stderr)
        const told = outcome.stderr.split('\n').filter(line => line.includes('refused'))
        assert.equal(told.length, 1, outcome.stderr)
        assert.match(
          told[0] ?? '',
          /nixsig: warning, let pass: would be refused \S+-victim \(output\).*; next: nixsig explain \S+$/,
        )
        assert.doesNotMatch(gate.log(), /"refused/)
        const verified = await nixsig(world, `verify ${out}`, ALICE)
        assert.match(verified.stdout, /^would be refused /)
        assert.equal(verified.status, 10)
        assert.equal((await nixsig(world, `verify --by-mode ${out}`, ALICE)).status, 0)
        const explained = await nixsig(world, `explain ${out}`, ALICE)
        assert.match(
          explained.stdout,
          /^would be refused .*not admitted; refused .*, while the policy only warned, built here/s,
        )
        const both = await nixsig(world, `verify ${out} /nix/store/*.drv`, ALICE)
        assert.match(both.stderr, /^1 trusted, 1 unsigned$/m)
        assert.doesNotMatch(
          (await nixsig(world, `verify --json ${out} ${out}`, ALICE)).stderr,
          /trusted|unsigned/,
        )
      })
    }))

  test(`${version}: attack: a user asks about derivations so large that the gate would answer nobody else`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withVictim(world)
      const { out } = await build(world, 'good')
      await world.startDaemon()
      await withGate(world, async () => {
        world.write('/tmp/large.nix', LARGE)
        const drv = await world.output('nix-instantiate /tmp/large.nix 2>/dev/null', ALICE)
        const began = performance.now()
        const asked = Array.from({ length: 4 }, () => nixsig(world, `explain ${drv}`, ALICE))
        const verified = await nixsig(world, `verify ${out}`, ALICE)
        const took = performance.now() - began
        assert.equal(verified.status, 0, verified.stderr)
        for (const { stdout, stderr } of await Promise.all(asked)) {
          const told = `${stdout}${stderr}`
          assert.match(
            told,
            /more than 8388608 bytes, too many for a question of a user.*ask an administrator/,
          )
        }
        // To read them all would take the gate longer than that, four times.
        assert.ok(took < 20_000, `${took} ms`)
      })
    }))

  test(`${version}: the step after an unreachable cache is one that a plain user can take`, () =>
    withGatedWorld(version, 'on-no-answer = "fail"', async ({ world, caches, trust, gate }) => {
      await trust(1, '[[rules]]\nmatch.name = "own"\nmatch.kind = "output"\nrequire.output = "self"')
      for (const cache of caches) cache.mood = 'down'
      const { out } = await instantiate(world, nix.derivation('own'))
      const build = (args: string) => nixBuild(world, args, ALICE)
      for (let time = 0; time < 3; time++) assert.notEqual((await build('')).status, 0)
      const explained = await nixsig(world, `explain ${out}`, ALICE)
      const [, step = ''] =
        /build it without binary caches: the same nix command with (--option substitute false)/.exec(
          explained.stdout,
        ) ?? assert.fail(explained.stdout)
      const lines = gate.log().match(new RegExp(`"event":"refused","path":"${out.slice(0, 43)}`, 'g'))
      assert.equal(lines?.length, 1, gate.log())
      const { status, stderr } = await build(step)
      assert.equal(status, 0, stderr)
      const { stderr: totals } = await nixsig(world, `verify ${out} --recursive`, ALICE)
      assert.doesNotMatch(totals, /trusted/)
    }))
}
