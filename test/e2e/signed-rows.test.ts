// Paths that are copied in with a builder's signature in Nix's own form: docs/semantics.md, P5.
// takes: 1 minute
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BUILDER, type CopiedWorld, closure, OTHER, STRANGER, withCopies } from '../support/copied-worlds.ts'
import * as nix from '../support/expressions.ts'
import { EVERY_VERSION, NEWEST, VERSIONS } from '../support/world.ts'

/** A signature that names the builder's key, and is over something else. */
const FORGED = /found a signature that does not verify \(builder-1, in the row of the database/
const COPY = 'nix copy --no-check-sigs --from /srv/other'

async function closureOf(world: CopiedWorld['world'], path: string): Promise<readonly string[]> {
  return (await world.output(`nix-store ${OTHER} -qR ${path}`)).split('\n')
}

/** Asserts that a copy fails with this reason, and that the path is not valid then. */
async function refused({ world, isValid }: CopiedWorld, command: string, path: string, reason: RegExp) {
  const { status, stderr } = await world.run(command)
  assert.notEqual(status, 0, `${command} let ${path} in`)
  assert.match(stderr, reason)
  assert.equal(await isValid(path), false)
}

for (const version of EVERY_VERSION) {
  test(`${version}: a closure that a listed builder's Nix key signed is let in, leaf first, each path with its signature`, () =>
    withCopies(version, async copied => {
      const { world, make, sign, isValid } = copied
      const app = await make('app', closure('app'))
      const paths = await closureOf(world, app)
      assert.equal(paths.length, 2)
      await refused(copied, `${COPY} ${app}`, app, /app-library[^\n]*needs builder for its output/)
      await sign(BUILDER, ...paths)
      await world.output(`${COPY} ${app}`)
      for (const path of paths) assert.ok(await isValid(path))
      assert.match(await world.output(`nix-store -q --references ${app}`), /app-library\n/)
      await world.output('nix-store --verify --check-contents')
      // The daemon does the same for a trusted user.
      const more = await make('more', closure('more'))
      await sign(BUILDER, ...(await closureOf(world, more)))
      await world.output(`${COPY} --to daemon ${more}`)
      assert.ok(await isValid(more))
    }))

  test(`${version}: attack: a row whose references lie, too few or too many, is rolled back`, () =>
    withCopies(version, async copied => {
      const { world, make, sign, isValid } = copied
      const app = await make('app', closure('app'))
      const [library = ''] = (await closureOf(world, app)).filter(path => path !== app)
      const evil = await make('evil', nix.derivation('evil'))
      await sign(BUILDER, app, library, evil)
      await world.output(`${COPY} ${evil} ${library}`)
      const database = '/srv/other/nix/var/nix/db/db.sqlite'
      const id = (path: string) => `(select id from ValidPaths where path = '${path}')`
      const lie = (sql: string) => world.output(`sqlite3 ${database} "${sql}"`)
      await lie(`insert into Refs values (${id(app)}, ${id(evil)})`)
      const reason =
        /refused \S+-app: it would be registered with other references \(3\) than those that its signature covers/
      await refused(copied, `${COPY} ${app}`, app, reason)
      await lie(`delete from Refs where referrer = ${id(app)} and reference <> ${id(app)}`)
      await refused(
        copied,
        `${COPY} ${app}`,
        app,
        /refused \S+-app: it would be registered with other references \(1\)/,
      )
      // Nothing of it stays behind that would let the next attempt in.
      await refused(copied, `${COPY} ${app}`, app, /other references \(1\)/)
      await lie(`insert into Refs values (${id(app)}, ${id(library)})`)
      await world.output(`${COPY} ${app}`)
      assert.ok(await isValid(app))
    }))
}

for (const version of VERSIONS) {
  test(`${version}: attack: a stranger's signature, one by a revoked key, one over other contents or another path does not count`, () =>
    withCopies(version, async copied => {
      const { world, make, sign, policy } = copied
      const [one, two] = [await make('one', nix.derivation('one')), await make('two', nix.derivation('two'))]
      await sign(STRANGER, one)
      await refused(copied, `${COPY} ${one}`, one, /needs builder for its output, found .*stranger-1/)
      await sign(BUILDER, two)
      const database = '/srv/other/nix/var/nix/db/db.sqlite'
      const sql = (text: string) => world.output(`sqlite3 ${database} "${text}"`)
      const signature = await sql(`select sigs from ValidPaths where path = '${two}'`)
      await sql(`update ValidPaths set sigs = '${signature}' where path = '${one}'`)
      await refused(copied, `${COPY} ${one}`, one, FORGED)
      // The same path with other bytes, and with its own signature over those that it had.
      await sql(`update ValidPaths set sigs = '', hash = hash where path = '${one}'`)
      await sign(BUILDER, one)
      await world.output(`chmod u+w /srv/other${one}; echo evil >/srv/other${one}`)
      const evil = await world.output(`nix-hash --type sha256 /srv/other${one}`)
      const bytes = (await world.output(`nix-store --dump /srv/other${one} | wc -c`)).trim()
      await sql(`update ValidPaths set hash = 'sha256:${evil}', narSize = ${bytes} where path = '${one}'`)
      await refused(copied, `${COPY} ${one}`, one, FORGED)
      await policy(`[[revocations]]\nprincipal = "builder"\ndate = "2026-01-01"\nreason = "lost"\n`)
      await refused(copied, `${COPY} ${two}`, two, /the key of builder is revoked since 2026-01-01/)
      await policy()
      await world.output(`${COPY} ${two}`)
    }))

  test(`${version}: a path that its contents name without being a reference does not keep it out`, () =>
    withCopies(version, async copied => {
      const { world, make, sign, isValid } = copied
      const lone = await make('lone', nix.derivation('lone'))
      const manual = await make(
        'manual',
        nix.derivation('manual', {
          build: `echo see ${lone} and $inputs >$out`,
          inputs: [nix.derivation('used')],
        }),
      )
      assert.doesNotMatch(await world.output(`nix-store ${OTHER} -q --references ${manual}`), /lone/)
      await sign(BUILDER, lone, ...(await closureOf(world, manual)))
      await world.output(`${COPY} ${lone} ${manual}`)
      assert.ok(await isValid(manual))
    }))
}

for (const version of NEWEST) {
  test(`${version}: beside a stranger's signature, and into another store of root's`, () =>
    withCopies(version, async copied => {
      const { world, make, sign } = copied
      const app = await make('app', closure('app'))
      await sign(STRANGER, ...(await closureOf(world, app)))
      await sign(BUILDER, ...(await closureOf(world, app)))
      await world.output(`nix copy --no-check-sigs --from /srv/other --to /mnt ${app}`)
      await world.output(`nix-store --store /mnt --check-validity ${app}`)
      assert.equal(world.exists(app), false)
    }))

  test(`${version}: in warn mode it is let in, and what would be refused is said`, () =>
    withCopies(version, async copied => {
      const { world, make, sign, policy, isValid } = copied
      await policy('', 'warn')
      const app = await make('app', closure('app'))
      await sign(BUILDER, app)
      const { status, stderr } = await world.run(`${COPY} ${app}`)
      assert.equal(status, 0, stderr)
      assert.match(stderr, /warning, let in: would be refused \S+-app-library/)
      assert.doesNotMatch(stderr, /let in: \S+-app /)
      assert.ok(await isValid(app))
    }))
}

for (const version of NEWEST) {
  test(`${version}: an image that names four paths that are here, and discards these references, is let in`, () =>
    withCopies(version, async ({ world, make, sign, isValid }) => {
      const inputs = nix.independent('dep', 4).join(' ')
      const image = await make(
        'image',
        `derivation {
  name = "image"; system = builtins.currentSystem; builder = "/bin/sh"; __structuredAttrs = true;
  unsafeDiscardReferences.out = true; inputs = [ ${inputs} ];
  args = [ "-c" "echo \${toString [ ${inputs} ]} > \${builtins.placeholder "out"}" ]; }`,
      )
      const named = world.read(`/srv/other${image}`).trim().split(' ')
      assert.equal(named.length, 4)
      await sign(BUILDER, image, ...named)
      await world.output(`${COPY} ${named.join(' ')}`)
      await world.output(`${COPY} ${image}`)
      assert.ok(await isValid(image))
      assert.equal(await world.output(`nix-store -q --references ${image}`), '')
    }))
}
