// `nixsig init`: from a nix.conf with keys to a policy under which what the keys signed passes, and
// what nobody signed is refused once it is enforced.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { CACHE, withOldMachine } from '../support/old-machine.ts'
import { assertSchema } from '../support/schema.ts'
import { POLICY } from '../support/trust.ts'
import { NEWEST, OLDEST } from '../support/world.ts'

const ANSWERS = '--build nix-conf --package nobody --source none --unsigned exempt --derivations anybody'

for (const version of [...OLDEST, ...NEWEST]) {
  test(`${version}: from nix.conf with keys to a policy that is enforced`, () =>
    withOldMachine(version, async ({ world, bring, verify }) => {
      const signed = await bring('made-by-the-cache', 'signed')
      const unsigned = await bring('made-by-nobody', 'unsigned')
      await world.output(`rm ${POLICY}; echo 'trusted-public-keys = ${CACHE.publicKey}' >>/etc/nix/nix.conf`)

      const nobody = await world.run('nixsig init </dev/null')
      assert.equal(nobody.status, 2)
      assert.match(
        nobody.stderr,
        /no terminal to ask at, and --build, --package, --source, --unsigned, --derivations are missing/,
      )
      const dry = await world.run('nixsig init --defaults --dry-run')
      assert.equal(dry.status, 0, dry.stderr)
      assert.match(dry.stdout, /^\+ keys = \["cache-1:/m)
      assert.match(dry.stdout, /^of \d+ installed paths \d+ would pass \(\d+ %\)$/m)
      assert.match(dry.stderr, /^nothing was written$/m)
      assert.ok(!existsSync(world.path(POLICY)))

      const made = await world.run(`nixsig init ${ANSWERS} --yes`)
      assert.equal(made.status, 0, made.stderr)
      assert.match(made.stdout, /nobody signed it whose word is enough|no derivation in this store makes it/)
      const checked = await world.run('nixsig policy check')
      assert.equal(checked.status, 0, checked.stderr)
      assert.match(checked.stdout, /mode warn, 1 principal, 2 groups/)
      assert.match(
        await world.output(`nixsig policy describe --path ${signed}`),
        /^the first rule that matches: "default" \(line \d+\)\nfor its output it requires:\n {2}1 of 2 makers: met, by cache-1\nso it passes/m,
      )
      assert.match(
        await world.output(`nixsig policy describe --path ${unsigned}`),
        /makers: not met: needs 1 of 2 makers for its output, found no signature\nso it is refused\nand let pass all the same, with a warning: mode = "warn"/,
      )

      const enforced = await world.run('nixsig enforce')
      assert.equal(enforced.status, 0, enforced.stderr)
      assert.equal((await verify(signed)).status, 0)
      const refused = await verify(unsigned)
      assert.equal(refused.status, 10, refused.stdout)
      assert.match(refused.stdout, /needs 1 of 2 makers for its output/)

      const again = JSON.parse(await world.output('nixsig init --defaults --yes --json'))
      assertSchema('init', again)
      assertSchema('policy-describe', await world.output(`nixsig policy describe --json --path ${signed}`))
      assert.deepEqual([again.changes, again.written, again.mode], [false, false, 'enforce'])
      const before = readFileSync(world.path(POLICY), 'utf8')
      const refined = await world.run('nixsig init --defaults --build self --yes')
      assert.equal(refined.status, 0, refined.stderr)
      assert.match(refined.stdout, /^- require\.output = "makers"\n.*\n?.*\n?\+ require\.output = "self"$/m)
      assert.equal(readFileSync(world.path(`${POLICY}.before-init`), 'utf8'), before)
      // It enforces still: init weakens nothing that it was not asked about.
      assert.match(await world.output('nixsig policy check'), /mode enforce/)
      assert.notEqual((await verify(signed)).status, 0)
    }))
}

test(`${NEWEST[0]}: whoever is not root gets a policy of their own, and the machine's stays`, () =>
  withOldMachine(NEWEST[0] ?? 'sid', async ({ world }) => {
    const before = readFileSync(world.path(POLICY), 'utf8')
    const made = await world.run(
      'export XDG_CONFIG_HOME=$(mktemp -d)/deep; nixsig init --defaults --yes --no-share && nixsig policy check && cat $XDG_CONFIG_HOME/nixsig/policy.toml',
      { user: 'mallory' },
    )
    assert.equal(made.status, 0, made.stderr)
    assert.match(made.stdout, /^good \S+\/nixsig\/policy\.toml: mode warn/m)
    assert.equal(readFileSync(world.path(POLICY), 'utf8'), before)
  }))
