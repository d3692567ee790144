// takes: 2 minutes
// What `nixsig adopt` takes over and what it leaves, with the reason. docs/semantics.md, H11 and G14.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { CACHE, RANDOM, REST, top, withOldMachine } from '../support/old-machine.ts'
import { instantiate } from '../support/scene.ts'
import { assertLines } from '../support/schema.ts'
import {
  built,
  contentsOf,
  packaged,
  policyText,
  publish,
  setPolicy,
  sha256,
  signer,
} from '../support/trust.ts'
import { NEWEST, OLDEST, VERSIONS, type World } from '../support/world.ts'

interface Line {
  readonly path: string
  readonly member: boolean
  readonly outcome: string
  readonly causes?: readonly { readonly code: string; readonly path: string; readonly message: string }[]
}

/** The lines of --json by the names of their paths, and the summary. */
function read(stdout: string) {
  assertLines('adopt', stdout)
  const lines = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const found = lines.slice(0, -1).map((line: Line) => [line.path.slice(44), line] as const)
  return { lines: new Map(found), summary: lines.at(-1).summary }
}

function codes(line: Line | undefined) {
  return (line?.causes ?? []).map(({ code, path }) => `${code} ${path.slice(44)}`)
}

test(`${OLDEST[0]}: attack: derivations of a plain user, whose source cannot be had, make the same path`, () =>
  withOldMachine(OLDEST[0] ?? 'bookworm', async ({ world, make, adopt }) => {
    const of = (source: string) =>
      nix.derivation('own', { build: 'read x < $inputs; echo "$x" > $out', inputs: [source] })
    world.write('/srv/tool.tar', 'good')
    const source = nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256('good'))
    const out = await make(of(source))
    const genuine = await instantiate(world, of(source))
    await world.startDaemon()
    const theirs: string[] = []
    while (theirs.length < 64 && !theirs.some(drv => drv < genuine.drv)) {
      world.write(
        '/srv/mine.nix',
        of(nix.fetchurl('tool.tar', `file:///gone/${theirs.length}`, sha256('good'))),
      )
      theirs.push(await world.output('nix-instantiate /srv/mine.nix 2>/dev/null', { user: 'mallory' }))
    }
    assert.equal(await world.output(`nix-store -q --outputs ${theirs[0]}`), out)
    const { out: sourceOut } = await instantiate(world, source)
    await world.output(`nix-store --delete ${sourceOut}`)
    const adopted = await adopt(out)
    assert.equal(adopted.status, 0, adopted.stdout)
    assert.match(adopted.stdout, /1 built again/)
  }))

for (const version of VERSIONS) {
  test(`${version}: what was built under the hooks while the policy warned is not built again`, () =>
    withOldMachine(version, async ({ world, adopt }) => {
      const dep = nix.derivation('dep', { build: `${RANDOM}` })
      world.write('/srv/made.nix', nix.withInputs('made', [dep]))
      await setPolicy(
        world,
        policyText({}, REST.replace('"cache"', '').replace('"nothing", output', '"refuse", output'), 'warn'),
      )
      const { status, stderr } = await world.run('nix-build --no-out-link /srv/made.nix')
      assert.equal(status, 0, stderr)
      assert.match(stderr, /warning, let pass: refused \S+\.drv \(derivation\)/)
      const out = await world.output('nix-store -q --outputs $(nix-instantiate /srv/made.nix 2>/dev/null)')
      const refused = await world.run(`nixsig verify ${out}`)
      assert.equal(refused.status, 12, refused.stdout)

      await setPolicy(world, policyText({ cache: [CACHE] }, REST, 'warn'))
      const adopted = await adopt(out)
      assert.equal(adopted.status, 0, adopted.stdout)
      // It does not build the same twice.
      assert.match(
        adopted.stdout,
        /^adopted: 2 of 2 paths \(0 admitted before, 2 vouched for, 0 built again/m,
      )
    }))

  test(`${version}: sources: signed, unsigned, gone; inputs that are not here any more are had first`, () =>
    withOldMachine(version, async ({ world, make, adopt }) => {
      const alice = signer('alice')
      const fetched = (name: string) => {
        world.write(`/srv/${name}`, name)
        return nix.fetchurl(name, `file:///srv/${name}`, sha256(name))
      }
      const of = (name: string) =>
        nix.derivation(`of-${name}`, {
          build: 'read line <$inputs; echo "$line" > $out',
          inputs: [fetched(name)],
        })
      const tool = nix.derivation('tool')
      const built = nix.derivation('built', { build: 'echo built > $out', inputs: [tool] })
      const out = await make(top([of('signed'), of('unsigned'), of('gone'), built], []))
      await setPolicy(
        world,
        policyText(
          { alice: [alice], cache: [CACHE] },
          REST.replace('source = "nothing"', 'source = "alice"'),
          'warn',
        ),
      )
      const any = '?'.repeat(32)
      const all = (
        await world.output(`cd /nix/store; ls -d $PWD/${any}-signed $PWD/${any}-gone $PWD/${any}-tool`)
      ).split('\n')
      for (const path of all.filter(path => !path.endsWith('-tool')))
        publish(world, path, packaged(alice, await contentsOf(world, path)))
      // The garbage collector took what is only needed to build.
      for (const path of all) await world.output(`nix-store --delete ${path}`)
      await world.output('rm /srv/gone')

      const { status, stdout } = await adopt(`${out} --json`)
      const { lines, summary } = read(stdout)
      assert.equal(status, 10, stdout)
      assert.equal(lines.get('of-signed')?.outcome, 'rebuilt')
      assert.equal(lines.get('built')?.outcome, 'rebuilt')
      assert.deepEqual([lines.get('tool')?.outcome, lines.get('tool')?.member], ['admitted', false])
      assert.deepEqual(codes(lines.get('of-unsigned')), ['no-signature unsigned'])
      assert.deepEqual(codes(lines.get('of-gone')), ['source-gone of-gone'])
      assert.match(lines.get('of-gone')?.causes?.[0]?.message ?? '', /-gone: /)
      assert.deepEqual(summary.exemptions.map(({ path }: { path: string }) => path.slice(44)).sort(), [
        'of-gone',
        'unsigned',
      ])

      const exempt = await adopt(`${out} --exempt --until 2999-01-01`)
      assert.equal(exempt.status, 0, exempt.stdout + exempt.stderr)
      await world.output(`nixsig enforce && nixsig verify --recursive ${out}`)
    }))

  test(`${version}: attack: references that a cache made up are not signed after building again`, () =>
    withOldMachine(version, async ({ world, make, adopt }) => {
      const out = await make(nix.withInputs('honest', [nix.derivation('dep')]))
      const other = await make(nix.derivation('other'))
      const say = `insert into Refs select a.id, b.id from ValidPaths a, ValidPaths b where a.path='${out}' and b.path='${other}';
        update ValidPaths set ultimate = null where path = '${out}'`
      await inDatabase(world, say)
      assert.equal((await adopt(out)).status, 0)
      const statement = (path: string) => {
        const [, digest = ''] = /^\/nix\/store\/([0-9a-z]{32})-/.exec(path) ?? []
        const file = `/var/lib/nixsig/attestations/${digest.slice(0, 2)}/${digest}.intoto.jsonl`
        return JSON.parse(Buffer.from(JSON.parse(world.read(file)).payload, 'base64').toString())
      }
      assert.equal(statement(out).subject[0].annotations?.nixReferences, undefined)
      assert.deepEqual(statement(other).subject[0].annotations?.nixReferences, [])
    }))
}

for (const version of NEWEST) {
  test(`${version}: attack: a label that names another derivation is not believed; without a derivation, it says so`, () =>
    withOldMachine(version, async ({ world, make, bring, adopt }) => {
      const lying = await bring('lying', 'unsigned')
      const other = await instantiate(world, nix.derivation('other'))
      const out = await make(top([], [lying]))
      const say = `update ValidPaths set deriver = '${other.drv}' where path = '${lying}'`
      await inDatabase(world, say)
      const { lines } = read((await adopt(`${out} --json`)).stdout)
      assert.deepEqual(codes(lines.get('lying')), ['no-derivation lying'])
      assert.deepEqual(codes(lines.get('top')), ['no-derivation lying'])
    }))

  test(`${version}: builders who disagree: no exemption is offered, and none would help`, () =>
    withOldMachine(version, async ({ world, make, adopt }) => {
      const out = await make(nix.derivation('disputed'))
      publish(world, out, built(CACHE, { path: out, narHash: sha256('other') }, `${out}.drv`))
      const { status, stdout } = await adopt(`${out} --exempt`)
      assert.equal(status, 13, stdout)
      assert.match(stdout, /^builders or caches disagree about it \(1\):/m)
      assert.doesNotMatch(stdout + world.read('/etc/nixsig/policy.toml'), /\[\[exemptions\]\]/)
    }))

  test(`${version}: a rule that this machine alone does not meet: nothing is built in vain`, () =>
    withOldMachine(version, async ({ world, make, adopt }) => {
      const out = await make(nix.derivation('for-two', { build: 'echo built >&2; echo x > $out' }))
      await setPolicy(
        world,
        policyText({ cache: [CACHE] }, REST.replace('threshold = 1', 'threshold = 2'), 'warn'),
      )
      const { stdout, stderr } = await adopt(`${out} --json`)
      assert.deepEqual(codes(read(stdout).lines.get('for-two')), ['no-signature for-two'])
      assert.doesNotMatch(stderr, /building/)
      publish(world, out, built(CACHE, await contentsOf(world, out), `${out}.drv`))
      const { lines } = read((await adopt(`${out} --json`)).stdout)
      assert.equal(lines.get('for-two')?.outcome, 'rebuilt')
    }))

  test(`${version}: under "enforce", what rests on refused paths is not built, and a failure has its reason`, () =>
    withOldMachine(version, async ({ world, make, bring, adopt }) => {
      const copied = await bring('copied', 'unsigned')
      world.write('/srv/mood', 'well\n')
      const fails = nix.derivation('fails', {
        build: 'read mood </srv/mood; [ $mood = well ] && echo x > $out',
      })
      const out = await make(top([fails], [copied]))
      world.write('/srv/mood', 'badly\n')
      await setPolicy(world, policyText({ cache: [CACHE] }, REST, 'enforce'))
      const { lines, summary } = read((await adopt(`${out} --json`)).stdout)
      assert.deepEqual(codes(lines.get('fails')), ['not-built fails'])
      assert.deepEqual(codes(lines.get('top')).sort(), ['no-derivation copied', 'not-built fails'])
      assert.deepEqual([summary.left, summary.exemptions.length], [3, 2])
      world.write('/srv/mood', 'well\n')
      const later = read((await adopt(`${out} --json`)).stdout)
      assert.equal(later.lines.get('fails')?.outcome, 'rebuilt')
    }))

  test(`${version}: who is not root may see what would be done, and is told who can do it`, () =>
    withOldMachine(version, async ({ world, make }) => {
      const out = await make(nix.derivation('seen'))
      await world.startDaemon()
      const as = { user: 'alice' } as const
      const dry = await world.run(`nixsig adopt ${out} --dry-run`, as)
      assert.equal(dry.status, 0, dry.stderr)
      assert.match(
        dry.stdout,
        /^would be adopted: 1 of 1 path \(0 admitted before, 0 vouched for, 1 to be built/m,
      )
      const refused = await world.run(`nixsig adopt ${out}`, as)
      assert.equal(refused.status, 2)
      assert.match(refused.stderr, /only root can run nixsig adopt/)
      for (const [args, reason] of [
        ['', /CLOSURE/],
        [`${out} --dry-run --exempt`, /--exempt changes the policy/],
        [`${out} --until 2000-01-01`, /is over already/],
        [`${out} --until soon`, /is not a date/],
        [`${out} --timeout 0`, /--timeout must be a number of seconds/],
        [`${out} --state /tmp/x`, /leave out --policy, --state/],
        [`/nix/store/${'0'.repeat(32)}-absent`, /is not valid in this store; next: /],
      ] as const) {
        const { status, stderr } = await world.run(`nixsig adopt ${args}`)
        assert.equal(status, 2, `${args}: ${stderr}`)
        assert.match(stderr, reason)
      }
    }))

  test(`${version}: a policy that is made by something else is left alone: exemptions are printed as NixOS has them`, () =>
    withOldMachine(version, async ({ world, bring, adopt }) => {
      const copied = await bring('copied', 'unsigned')
      await world.output(
        'mv /etc/nixsig/policy.toml /etc/made.toml; ln -s /etc/made.toml /etc/nixsig/policy.toml',
      )
      const { stdout } = await adopt(copied)
      assert.match(stdout, /^security\.nixsig\.exemptions = \[\n {2}\{\n {4}path = "\S+-copied";/m)
      const { status, stderr } = await adopt(`${copied} --exempt`)
      assert.equal(status, 2)
      assert.match(stderr, /is made by something else, .*; next: /)
      assert.doesNotMatch(world.read('/etc/made.toml'), /exemptions/)
    }))
}

for (const version of OLDEST) {
  test(`${version}: a signature that the cache has and the store has not is taken late, if a listed key made it`, () =>
    withOldMachine(version, async ({ world, bring, adopt }) => {
      const late = await bring('late', 'unsigned')
      const forged = await bring('forged', 'unsigned')
      const sign = async (path: string, signature: string) => {
        const file = `/srv/unsigned/${path.slice(11, 43)}.narinfo`
        world.write(file, `${world.read(file)}Sig: ${signature}\n`)
      }
      await world.output(`nix store sign --store file:///srv/unsigned --key-file /root/cache.secret ${late}`)
      const good = /^Sig: (.*)$/m.exec(world.read(`/srv/unsigned/${late.slice(11, 43)}.narinfo`))?.[1] ?? ''
      await sign(forged, good)
      const gate = '[gate]\nupstreams = ["file:///srv/unsigned"]\n'
      await setPolicy(world, policyText({ cache: [CACHE] }, `${gate}${REST}`, 'warn'))
      const roots = `${late} ${forged}`
      const dry = read((await adopt(`${roots} --dry-run --json`)).stdout)
      assert.equal(dry.lines.get('late')?.outcome, 'vouched')
      assert.equal(await signaturesOf(world, late), '')
      const offline = read((await adopt(`${roots} --offline --json`)).stdout)
      assert.deepEqual(codes(offline.lines.get('late')), ['no-derivation late'])
      const { lines } = read((await adopt(`${roots} --json`)).stdout)
      assert.equal(lines.get('late')?.outcome, 'vouched')
      assert.deepEqual(codes(lines.get('forged')), ['no-derivation forged'])
      assert.equal(await signaturesOf(world, late), good)
      assert.equal(await signaturesOf(world, forged), '')
    }))

  test(`${version}: attack: a store that was filled with a circle of paths and derivations ends`, () =>
    withOldMachine(version, async ({ world, make, adopt }) => {
      const lower = await make(nix.derivation('lower'))
      const upper = await make(nix.withInputs('upper', [`(builtins.storePath ${lower})`]))
      const say = `insert into Refs select a.id, b.id from ValidPaths a, ValidPaths b where a.path='${lower}' and b.path='${upper}'`
      await inDatabase(world, say)
      const { status, stdout } = await adopt(upper)
      assert.notEqual(status, 0, stdout)
      assert.match(stdout, /it is built from itself/)
    }))
}

function signaturesOf(world: World, path: string): Promise<string> {
  return inDatabase(world, `select coalesce(sigs, '') from ValidPaths where path = '${path}'`)
}

function inDatabase(world: World, say: string): Promise<string> {
  return world.output(['sqlite3', '/nix/var/nix/db/db.sqlite', say])
}
