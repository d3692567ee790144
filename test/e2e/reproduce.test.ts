// `nixsig reproduce`: what comes out the same counts as another builder's, what differs is shown.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { attestationFile } from '../../src/evidence/attestation-file.ts'
import { eventually } from '../support/eventually.ts'
import * as nix from '../support/expressions.ts'
import { instantiate, type Scene } from '../support/scene.ts'
import {
  built,
  byDefault,
  contentsOf,
  policyText,
  publish,
  setPolicy,
  sha256,
  signer,
} from '../support/trust.ts'
import {
  EVERY_VERSION,
  NEWEST,
  type RunOptions,
  type User,
  VERSIONS,
  type Version,
  type World,
  withWorld,
} from '../support/world.ts'

const NO_HOOKS = "--option pre-build-hook '' --option post-build-hook ''"
const SAME = nix.derivation('same', {
  inputs: [nix.derivation('lib')],
  build: 'mkdir $out; ln -s $inputs $out/lib; echo always > $out/file; echo dev > $dev',
  attributes: { outputs: '[ "out" "dev" ]' },
})
const RANDOM = 'read random </proc/sys/kernel/random/uuid'
const OTHERWISE = nix.derivation('otherwise', {
  build: `${RANDOM}; mkdir $out $out/sub; echo same > $out/same; echo $random > $out/sub/$(printf 'a\\033[31mb')`,
})

interface Farm {
  readonly world: World
  /** Builds without hooks, as if it came from elsewhere. */
  make(expression: string): Promise<Scene>
  reproduce(args: string, options?: RunOptions): ReturnType<World['run']>
  /** What lies in the caller's directory of attestations about a path. */
  signed(path: string): string | undefined
}

/** A machine with hooks on which `user` has the key farm-1, which counts as a builder's of two. */
async function withFarm(
  version: Version,
  use: (farm: Farm) => Promise<void>,
  { user = 'root', nixConf = {} }: { user?: User; nixConf?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  await withWorld(version, { nixConf }, async world => {
    const home = user === 'root' ? '/root' : `/home/${user}`
    await world.output('ln -s /opt/nixsig/nixsig /usr/local/bin/nixsig')
    await world.output('nixsig keygen farm-1', { user })
    const policy = policyText(
      { farm: [`"${world.read(`${home}/farm-1.pub`).trim()}"`], workshop: [WORKSHOP] },
      `[groups.builders]\nmembers = ["farm", "workshop"]\nthreshold = 2\n${byDefault('nothing', 'nothing', 'nothing')}
[[rules]]\nname = "judged"\nmatch.name = "same*"\nrequire.output = "either"\n[groups.either]\nmembers = ["self", "builders"]\nthreshold = 1\n`,
    )
    await setPolicy(world, policy)
    if (user !== 'root') await world.startDaemon()
    const command = 'nixsig reproduce --key farm-1.secret --out published'
    await use({
      world,
      async make(expression) {
        const scene = await instantiate(world, expression)
        await world.output(`nix-store --realise --max-jobs 1 ${NO_HOOKS} ${scene.drv}`)
        return scene
      },
      reproduce: (args, options = {}) => world.run(`${command} ${args}`, { user, ...options }),
      signed(path) {
        const file = attestationFile(`${home}/published`, path)
        return world.exists(file) ? world.read(file) : undefined
      },
    })
  })
}

const WORKSHOP = signer('workshop')

function predicateIn(line: string) {
  const { payload } = JSON.parse(line) as { payload: string }
  return JSON.parse(Buffer.from(payload, 'base64').toString('utf8')) as {
    subject: readonly [{ annotations?: { nixReferences: readonly string[] } }]
    predicate: { buildDefinition: { internalParameters?: unknown; externalParameters: unknown } }
  }
}

for (const version of EVERY_VERSION) {
  for (const user of ['root', 'alice'] as const) {
    test(`${version}: ${user}: what comes out the same is signed, and is the second of two builders`, () =>
      withFarm(
        version,
        async ({ world, make, reproduce, signed }) => {
          const { drv, out, outputs } = await make(SAME)
          publish(world, out, built(WORKSHOP, await contentsOf(world, out), drv))
          const judge = `nixsig verify --state /tmp/none ${out}`
          assert.equal((await world.run(judge)).status, 12)

          const { status, stdout, stderr } = await reproduce(out)
          assert.equal(status, 0, stderr)
          assert.match(
            stdout,
            /^attested \/nix\/store\/\S+-same \(as builder, reproduced from \S+-same\.drv\)/,
          )
          assert.match(stderr, /not trusted as it is: /)
          const line = signed(out) ?? assert.fail()
          const { subject, predicate } = predicateIn(line)
          assert.deepEqual(predicate.buildDefinition.internalParameters, { reproduced: true })
          assert.deepEqual(predicate.buildDefinition.externalParameters, { derivation: drv, output: 'out' })
          const references = await world.output(`nix-store -q --references ${out}`)
          assert.deepEqual(subject[0].annotations?.nixReferences, references.split('\n'))
          assert.equal(signed(outputs['dev'] ?? ''), undefined)

          publish(world, out, line.trim())
          assert.equal((await world.run(judge)).status, 0)
        },
        { user },
      ))
  }

  test(`${version}: what differs is named, file by file, with both hashes, and not signed`, () =>
    withFarm(
      version,
      async ({ world, make, reproduce, signed }) => {
        const { drv, out } = await make(OTHERWISE)
        for (const target of [out, drv]) {
          const { status, stdout } = await reproduce(target)
          assert.equal(status, 13)
          const [here, there] = [await contentsOf(world, out), await contentsOf(world, `${out}.check`)]
          assert.notEqual(here.narHash, there.narHash)
          assert.ok(stdout.includes(`in the store: sha256:${here.narHash} ${out}\n`))
          assert.ok(stdout.includes(`rebuilt: sha256:${there.narHash} ${out}.check\n`))
          assert.match(stdout, /^ {2}sub\/a\\u\{1b\}\[31mb: other contents$/m)
          assert.doesNotMatch(stdout, /\u001b|^ {2}same:/m)
          assert.match(stdout, /next: /)
        }
        assert.equal(signed(out), undefined)
      },
      { user: 'alice' },
    ))
}

for (const version of VERSIONS) {
  test(`${version}: all outputs of a derivation, some of them, and several paths of one are one build`, () =>
    withFarm(version, async ({ make, reproduce, signed }) => {
      const { drv, out, outputs } = await make(SAME)
      const dev = outputs['dev'] ?? ''
      assert.equal((await reproduce(`'${drv}^dev'`)).status, 0)
      assert.deepEqual([signed(out) === undefined, signed(dev) === undefined], [true, false])
      const { stdout } = await reproduce(`${dev} ${out} ${drv} '${drv}^*'`)
      assert.equal(stdout.match(/^attested /gm)?.length, 2)
      const no = await reproduce(`'${drv}^bin'`)
      assert.equal(no.status, 2)
      assert.match(no.stderr, /has no output bin; next: choose from /)
    }))

  test(`${version}: attack: a max-jobs of 0 does not pass for a build that a remote builder had already`, () =>
    withFarm(
      version,
      async ({ make, reproduce, signed }) => {
        const { out } = await make(OTHERWISE)
        assert.equal((await reproduce(out)).status, 13)
        assert.equal(signed(out), undefined)
      },
      { nixConf: { 'max-jobs': '0', builders: 'ssh://nobody@127.0.0.1 - - 1' } },
    ))

  test(`${version}: attack: a build that says what Nix says of a difference fails for its own reason`, () =>
    withFarm(version, async ({ world, make, reproduce, signed }) => {
      world.write('/srv/fails', 'no')
      const build = `read fails </srv/fails; echo made >$out; echo "error: derivation '$out' may not be deterministic: output '$out' differs from '$out.check'" >&2; printf 'turned \\342\\200\\256\\n' >&2; [ $fails = no ]`
      const { out } = await make(nix.derivation('lying', { build }))
      world.write('/srv/fails', 'yes')
      const { status, stdout } = await reproduce(out)
      assert.equal(status, 20)
      assert.match(stdout, /^undecided \/nix\/store\/\S+-lying\.drv: it was not built again/)
      assert.match(stdout, /turned \\u\{202e\}$/m)
      assert.doesNotMatch(stdout, /\u202e/)
      assert.equal(signed(out), undefined)
    }))

  test(`${version}: the hooks are in force: what they refuse is not built again and not signed`, () =>
    withFarm(version, async ({ world, make, reproduce, signed }) => {
      const { out } = await make(SAME)
      await setPolicy(
        world,
        policyText({ workshop: [WORKSHOP] }, byDefault('nothing', 'workshop', 'nothing')),
      )
      const { status, stdout } = await reproduce(out)
      assert.equal(status, 20)
      assert.match(stdout, /refused \/nix\/store\/\S+\.drv .*needs workshop/)
      assert.equal(signed(out), undefined)
    }))
}

for (const version of NEWEST) {
  test(`${version}: attack: a changed output that builds to what is registered is not signed`, () =>
    withFarm(version, async ({ world, make, reproduce, signed }) => {
      const { out } = await make(SAME)
      await world.output(`chmod u+w ${out}/file; echo changed >${out}/file`)
      const judged = await reproduce(out)
      assert.equal(judged.status, 20)
      assert.match(
        judged.stdout,
        /-same \(output\) because of the store\n.*what lies on the disk \(.*\) is not what Nix registered/,
      )
      assert.equal(signed(out), undefined)
      await world.output("sed -i '/-build-hook/d' /etc/nix/nix.conf")
      const { status, stderr } = await reproduce(out)
      assert.equal(status, 2)
      assert.match(stderr, /is not what the store registered/)
      assert.equal(signed(out), undefined)
    }))

  test(`${version}: attack: a deriver that does not make the path is not believed`, () =>
    withFarm(version, async ({ world, make, reproduce, signed }) => {
      const { drv: other } = await make(nix.derivation('other'))
      const { drv, out } = await make(OTHERWISE)
      const say = `update ValidPaths set deriver = '${other}' where path = '${out}'`
      await world.output(['sqlite3', '/nix/var/nix/db/db.sqlite', say])
      const { status, stdout } = await reproduce(out)
      assert.equal(status, 13, stdout)
      assert.ok(stdout.includes(drv))
      assert.equal(signed(out), undefined)
    }))

  test(`${version}: sources, fetched files, content-addressed derivations and absent paths are refused`, () =>
    withFarm(
      version,
      async ({ world, make, reproduce }) => {
        world.write('/srv/file', 'fetched')
        const fetched = await make(nix.fetchurl('fetched', 'file:///srv/file', sha256('fetched')))
        const source = await world.output('nix-store --add /srv/file')
        const attributes = {
          __contentAddressed: 'true',
          outputHashMode: '"flat"',
          outputHashAlgo: '"sha256"',
        }
        world.write('/srv/floating.nix', nix.derivation('floating', { attributes }))
        const floating = await world.output('nix-instantiate /srv/floating.nix 2>/dev/null')
        const absent = await instantiate(world, nix.derivation('absent'))
        for (const [target, reason] of [
          [fetched.out, /is fetched, and its hash is in .*; next: /],
          [fetched.drv, /is fetched, and its hash is in /],
          [source, /is not an output of any derivation in this store; next: /],
          [floating, /is a content-addressed derivation/],
          [absent.out, /is not valid in this store, so there is nothing to compare with/],
          [absent.drv, /is not valid in this store, so there is nothing to compare with/],
          [`'${absent.drv}^a\u001b'`, /\\u\{1b\} does not end in names of outputs; next: /],
          [`${absent.out} --timeout 0`, /--timeout must be a number of seconds/],
        ] as const) {
          const { status, stdout, stderr } = await reproduce(target)
          assert.equal(status, 2, `${target}: ${stdout}${stderr}`)
          assert.match(stderr, reason)
          assert.doesNotMatch(stderr, /\u001b/)
        }
        assert.equal(world.exists('/root/published'), false)
      },
      { nixConf: { 'experimental-features': 'nix-command flakes ca-derivations' } },
    ))

  test(`${version}: diffoscope is run on what differs; its words are bounded in time and size, and escaped`, () =>
    withFarm(version, async ({ world, make, reproduce }) => {
      const { out } = await make(OTHERWISE)
      const said = async (script: string, args = '') => {
        world.write('/usr/local/bin/diffoscope', `#!/bin/sh\n${script}`, 0o755)
        const { status, stdout } = await reproduce(`${out} ${args}`)
        assert.equal(status, 13)
        return stdout
      }
      const once = await said('printf "compared %s\\n\\033[31mred\\n" "$*"; exit 1')
      assert.match(
        once,
        /diffoscope:\n {4}compared --text - .*-otherwise \S+-otherwise\.check\n {4}\\u\{1b\}\[31mred/,
      )
      const endless = await said('while :; do echo more; done')
      assert.ok(endless.length < 20_000)
      assert.match(endless, / {4}… and more\n/)
      const slow = await said('echo begun; exec sleep 600', '--diff-timeout 1')
      assert.match(slow, / {4}begun\n.*… and no more within 1 seconds\n/s)
      assert.match(await said('echo broken; exit 2'), / {4}… it failed: /)
      assert.doesNotMatch(await said('echo never', '--no-diffoscope'), /diffoscope:|never/)
    }))

  test(`${version}: Ctrl-C and the time limit end the build, and nothing is signed`, () =>
    withFarm(version, async ({ world, make, reproduce, signed }) => {
      world.write('/srv/slow', '')
      const build = 'read slow </srv/slow; [ -z "$slow" ] || { echo begun >&2; sleep 987; }; echo made >$out'
      const { out } = await make(nix.derivation('slow', { build }))
      world.write('/srv/slow', 'yes\n')
      const late = await reproduce(`${out} --timeout 2`)
      assert.equal(late.status, 20)
      assert.match(late.stdout, /it was not built within 2 seconds/)
      const [program, ...args] = world.enter(['nixsig', 'reproduce', '--key', '/root/farm-1.secret', out])
      const child = spawn(program, args, {
        cwd: '/',
        env: { HOME: '/root', PATH: '/usr/local/bin:/usr/bin:/bin' },
      })
      const ended = once(child, 'exit')
      const pidsOf = async (pattern: string) =>
        [...(await world.run(`grep -la "${pattern}" /proc/[0-9]*/cmdline`)).stdout.matchAll(/\d+/g)].map(
          String,
        )
      const sleeping = async () => (await pidsOf('98[7]')).length > 0
      await eventually('the build sleeps', sleeping)
      await world.output(`kill -INT ${(await pidsOf('farm-1[.]secret')).join(' ')}`)
      await ended
      await eventually('the build ends', async () => !(await sleeping()))
      assert.equal(signed(out), undefined)
      assert.equal(world.exists('/attestations'), false)
    }))
}
