// H7: a handoff checks what a package declares to be a signature; the declaration alone counts for
// nothing.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { openDevelopers } from '../support/in-band.ts'
import { ATTESTATIONS, byDefault, policyText, setPolicy, sha256 } from '../support/trust.ts'
import { NEWEST, type World, withWorld } from '../support/world.ts'

const developers = openDevelopers()
after(() => developers.remove())
const carol = developers.developer('carol')

const RELEASE = 'the developer wrote this\n'
const SIGNATURE = carol.sign(RELEASE)
const EVIL = 'echo owned\n'
const ROLE = '{ nixsigRole = "signature"; }'

function fetched(world: World, name: string, contents: string | Uint8Array, more = '{ }'): string {
  world.write(`/srv/${name}`, contents)
  return `(derivation (${nix.fetchurl(name, `file:///srv/${name}`, sha256(contents))}.drvAttrs // ${more}))`
}

/** A package that is built from these and says that one of them is the signature of its output. */
function naming(signature: string, inputs: readonly string[]): string {
  const said = `builtins.toJSON [ { subject = "out"; signature = "\${${signature}}"; } ]`
  return nix.derivation('tool', {
    inputs,
    build: 'cat $inputs > $out',
    attributes: { nixsigSignatures: said },
  })
}

/** Packages in which a script is called a signature. */
const LABELLED: Readonly<Record<string, (world: World) => string>> = {
  'what its own derivation calls a signature': world =>
    nix.derivation('tool', { inputs: [fetched(world, 'evil.sh', EVIL, ROLE)], build: 'cat $inputs > $out' }),
  'what is fetched and named as a signature': world => {
    const evil = fetched(world, 'evil.sh', EVIL)
    return naming(evil, [evil])
  },
  'what is fetched, called and named as a signature': world => {
    const evil = fetched(world, 'evil.sh', EVIL, ROLE)
    return naming(evil, [evil])
  },
  'a local file that is named as a signature': world => {
    world.write('/srv/evil.sh', EVIL)
    return naming('/srv/evil.sh', ['/srv/evil.sh'])
  },
  'a list of checksums that is a script': world => {
    world.write('/srv/evil.sh', `${'ab'.repeat(32)}  $(echo owned)\n`)
    return naming('/srv/evil.sh', ['/srv/evil.sh'])
  },
  'a signature with a command in its comment': world => {
    world.write('/srv/evil.sh', carol.minisignOf(RELEASE).toString().replace(/: .*/, ': $(echo owned)'))
    return naming('/srv/evil.sh', ['/srv/evil.sh'])
  },
  'a signature that another derivation uses as a source': world => {
    const asc = fetched(world, 'evil.sh', SIGNATURE, ROLE)
    const other = nix.derivation('other', { inputs: [asc], build: 'cat $inputs > $out' })
    return nix.derivation('tool', { inputs: [naming(asc, [asc]), other], build: 'cat $inputs > $out' })
  },
}

async function packager(world: World, expression: string): Promise<void> {
  world.write('/root/default.nix', expression)
  await world.output('/opt/nixsig/nixsig keygen bob')
  const bob = world.read('/root/bob.pub').trim()
  const rest = 'accept-graph = true\n'
  await setPolicy(world, policyText({ bob: [`"${bob}"`] }, byDefault('bob', 'bob', 'self') + rest))
}

const HANDOFF = `/opt/nixsig/nixsig handoff --key bob.secret --out ${ATTESTATIONS}`

for (const version of NEWEST) {
  for (const [what, make] of Object.entries(LABELLED)) {
    test(`${version}: attack: ${what} is a source that nobody signed`, () =>
      withWorld(version, {}, async world => {
        await packager(world, make(world))
        const { status, stdout, stderr } = await world.run(`${HANDOFF} --recursive`)
        assert.equal(status, 10, stdout + stderr)
        assert.match(stdout, /^evil\.sh .* not signed$/m)
        assert.doesNotMatch(stdout, /^attested /m)
        const built = await world.run('nix-build')
        assert.notEqual(built.status, 0)
        assert.match(built.stderr, /needs bob for its (source|derivation)/)
      }))
  }

  for (const option of ['', '--recursive']) {
    test(`${version}: a signature is fetched, looked into and shown, and nobody vouches for it ${option}`, () =>
      withWorld(version, {}, async world => {
        const asc = fetched(world, 'tool.tar.asc', SIGNATURE, ROLE)
        const said = `builtins.toJSON [ { subject = "out"; signature = "\${${asc}}"; } ]`
        const release = fetched(world, 'tool.tar', RELEASE, `{ asc = ${asc}; nixsigSignatures = ${said}; }`)
        await packager(world, nix.derivation('tool', { inputs: [release], build: 'cat $inputs > $out' }))
        world.write('/root/dev.pgp', carol.certificate)
        const { status, stdout } = await world.run(`${HANDOFF} ${option} --developer-key dev.pgp`)
        assert.equal(status, 0, stdout)
        assert.match(stdout, /^tool\.tar\.asc +- +- +- +is a signature itself/m)
        assert.match(stdout, /^tool\.tar +\S+ +openpgp +\S+ +good/m)
        assert.doesNotMatch(stdout, /^attested \S+-tool\.tar\.asc /m)
        const built = await world.run('nix-build')
        assert.equal(built.status, 0, built.stderr)
      }))
  }

  test(`${version}: a signature that is nowhere to be had is missing, and nothing is signed`, () =>
    withWorld(version, {}, async world => {
      const asc = fetched(world, 'tool.tar.asc', SIGNATURE, ROLE)
      await packager(world, naming(asc, [asc]))
      await world.output('rm /srv/tool.tar.asc')
      const { status, stdout } = await world.run(`${HANDOFF} --recursive`)
      assert.equal(status, 20)
      assert.match(stdout, /^tool\.tar\.asc .* not there$/m)
      assert.doesNotMatch(stdout, /^attested /m)
    }))
}
