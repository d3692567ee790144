// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are Nix's own.
// Whoever writes a derivation can declare any file to be a signature. That gains them nothing.
// needs: both-judges
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { LEVEL } from '../../src/formats/in-toto/predicates/verification-summary.ts'
import * as nix from '../support/expressions.ts'
import {
  fetchSigned,
  NAME,
  openDevelopers,
  packageOf,
  RELEASE,
  serve,
  trust,
  withLib,
} from '../support/in-band.ts'
import {
  assertBuilt,
  assertRefusedAfterBuild,
  assertRefusedBeforeBuild,
  instantiate,
  isInLedger,
  isValid,
  nixBuild,
} from '../support/scene.ts'
import {
  byDefault,
  contentsOf,
  packaged,
  policyText,
  publish,
  setPolicy,
  sha256,
  signer,
} from '../support/trust.ts'
import { JUDGED, type World, withWorld } from '../support/world.ts'

const developers = openDevelopers()
after(() => developers.remove())
const carol = developers.developer('carol')
const SIGNATURE = carol.sign(RELEASE)

const SCRIPT = '#!/bin/sh\necho owned\n'

/** What is fetched from /srv and said to be a signature. */
function fetchedAsSignature(world: World, name: string, contents: string | Uint8Array): string {
  world.write(`/srv/${name}`, contents)
  const fetched = nix.fetchurl(name, `file:///srv/${name}`, sha256(contents))
  return `(derivation (${fetched}.drvAttrs // { nixsigRole = "signature"; }))`
}

/** Nix: that its own output has a signature, of which this is said. */
function says(attributes: string): string {
  return `builtins.toJSON [ { subject = "out"; ${attributes} } ]`
}

/**
 * A package that is built from these inputs without running them. `signatures`: what it declares
 * about signatures, a Nix expression.
 */
function packageThatSays(inputs: readonly string[], signatures: string): string {
  return nix.derivation('tool', { inputs, attributes: { nixsigSignatures: signatures } })
}

/**
 * A fetch of the release whose derivation says this of signatures, as a Nix expression; `asc` is
 * the right one.
 */
function fetchThatSays(world: World, said: string): string {
  world.write('/srv/x.asc', SIGNATURE)
  serve(world, NAME, RELEASE)
  const fetched = nix.fetchurl(NAME, `file:///srv/${NAME}`, sha256(RELEASE))
  const attributes = `{ nixsigSignatures = ${said}; }`
  return `let asc = "\${/srv/x.asc}"; in derivation (${fetched}.drvAttrs // ${attributes})`
}

const NOT_SIGNATURES: Readonly<Record<string, string | Buffer>> = {
  'a script': SCRIPT,
  'a script that begins as a signed text does': `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${SCRIPT}`,
  'a script that somebody signed in one piece': carol.clearSign(SCRIPT),
  'a signature before a script': Buffer.concat([SIGNATURE, Buffer.from(SCRIPT)]),
  'a script before a signature': Buffer.concat([Buffer.from(SCRIPT), SIGNATURE]),
  'an empty file': '',
  'a signature of half a megabyte': Buffer.concat([SIGNATURE, Buffer.alloc(512 * 1024, '\n')]),
}

for (const version of JUDGED) {
  for (const [what, contents] of Object.entries(NOT_SIGNATURES)) {
    test(`${version}: attack: ${what}, fetched as a signature, leaves the store`, () =>
      withWorld(version, {}, async world => {
        trust(world, carol)
        const { out } = await instantiate(world, fetchedAsSignature(world, 'x.asc', contents))
        await assertRefusedAfterBuild(world, [out], /named as a signature but is not one \(/)
      }))
  }

  const FILES: Readonly<Record<string, { make: string; reason: RegExp }>> = {
    'a script': {
      make: `printf '%s' '${SCRIPT}' > /srv/x`,
      reason: /is not one \((detached signature|list)/,
    },
    'a directory': {
      make: 'mkdir /srv/x && cp /srv/good /srv/x/',
      reason: /is not one \(\S+ is not a regular file/,
    },
    'a link to one': {
      make: 'ln -s /srv/good /srv/x',
      reason: /is not one \((cannot read|\S+ is not a regular)/,
    },
    'one that can be run': {
      make: 'cp /srv/good /srv/x && chmod +x /srv/x',
      reason: /is not one \(\S+ is executable/,
    },
  }
  for (const [what, { make, reason }] of Object.entries(FILES)) {
    test(`${version}: attack: ${what}, named as a signature, is a source that nobody signed`, () =>
      withWorld(version, {}, async world => {
        trust(world, carol)
        world.write('/srv/good', SIGNATURE)
        await world.output(make)
        const input = `(builtins.storePath ${await world.output('nix-store --add /srv/x')})`
        const { out } = await instantiate(world, packageThatSays([input], says(`signature = ${input};`)))
        await assertRefusedBeforeBuild(world, out, reason)
      }))
  }

  test(`${version}: attack: what one derivation names as a signature is no source to another`, () =>
    withWorld(version, {}, async world => {
      trust(world, carol)
      const release = serve(world, NAME, RELEASE)
      const signature = serve(world, `${NAME}.asc`, SIGNATURE)
      await instantiate(world, withLib(world, packageOf('tool', fetchSigned(release, signature))))
      await assertBuilt(world)
      const [fetched = ''] = (await world.output(`ls -d /nix/store/*-${NAME}.asc`)).split('\n')
      assert.equal(isInLedger(world, fetched), true)

      const unsigned =
        /tool\.tar\.asc \((fetched|local) source\) .*needs dev as developer for its source, found no signature/
      const other = nix.withInputs('other', [fetchedAsSignature(world, `${NAME}.asc`, SIGNATURE)])
      const { out } = await instantiate(world, other)
      await assertRefusedBeforeBuild(world, out, unsigned)
      const local = await instantiate(world, nix.withInputs('local', [`(builtins.storePath ${fetched})`]))
      await assertRefusedBeforeBuild(world, local.out, unsigned)
    }))

  test(`${version}: attack: who signed a build graph did not vouch for what that calls a signature`, () =>
    withWorld(version, {}, async world => {
      const alice = signer('alice')
      const rules = `${byDefault('alice', 'alice', 'self')}accept-graph = true\n`
      await setPolicy(world, policyText({ alice: [alice] }, rules))
      world.write('/srv/x', SCRIPT)
      const local = `(builtins.storePath ${await world.output('nix-store --add /srv/x')})`
      const fetched = fetchedAsSignature(world, 'y.asc', SCRIPT)
      for (const script of [local, fetched]) {
        const said = says('signature = script;')
        const { drv, out } = await instantiate(
          world,
          `let script = ${script}; in ${packageThatSays(['script'], said)}`,
        )
        publish(world, drv, packaged(alice, await contentsOf(world, drv), LEVEL.packagedGraph))
        const { status, stderr } = await nixBuild(world)
        assert.notEqual(status, 0)
        assert.match(
          stderr,
          /named as a signature but is not one \([\s\S]*needs alice for its source, found no signature/,
        )
        assert.equal(await isValid(world, out), false)
      }
    }))

  test(`${version}: attack: an output that carries a signature on to others`, () =>
    withWorld(version, {}, async world => {
      trust(world, carol)
      const asc = fetchedAsSignature(world, `${NAME}.asc`, SIGNATURE)
      const attributes = { nixsigSignatures: says('signature = "${asc}";') }
      const carrier = nix.derivation('carrier', {
        build: 'echo "$inputs" > $out',
        inputs: ['asc'],
        attributes,
      })
      const { out } = await instantiate(world, `let asc = ${asc}; in ${carrier}`)
      await assertRefusedAfterBuild(world, [out], /its input \S+tool\.tar\.asc .*found no signature/)
    }))

  test(`${version}: attack: what was built is no signature, whatever it looks like`, () =>
    withWorld(version, {}, async world => {
      const made = nix.derivation('made', { build: `printf '%s' '${SIGNATURE}' > $out` })
      trust(world, carol)
      await instantiate(world, made)
      await assertBuilt(world)
      trust(world, carol, 'openpgp', '[[rules]]\nmatch.name = "made"\nrequire.output = "dev"\n')
      const tool = packageThatSays(['made'], says('signature = "${made}";'))
      const { out } = await instantiate(world, `let made = ${made}; in ${tool}`)
      await assertRefusedBeforeBuild(
        world,
        out,
        /made \(output\) under rule \S+ 1": needs dev for its output/,
      )
    }))

  const MALFORMED: Readonly<Record<string, { said: string; reason: RegExp }>> = {
    'no JSON': { said: '"[ {"', reason: /JSON: / },
    'no list': { said: '"{}"', reason: /nixsigSignatures: must be a list/ },
    'the same key twice': {
      said: String.raw`"[{\"subject\":\"out\",\"signature\":\"${'${asc}'}\",\"signature\":\"${'${asc}'}\"}]"`,
      reason: /key "signature" is repeated/,
    },
    'a key that there is not': {
      said: says('signature = "${asc}"; trust = true;'),
      reason: /unknown field "trust"/,
    },
    'a path that climbs out of the store': {
      said: says('signature = "/nix/store/../../etc/passwd";'),
      reason: /nixsigSignatures: store path: /,
    },
    'a path elsewhere': { said: says('signature = "/etc/passwd";'), reason: /not in \/nix\/store/ },
    'hundreds of signatures': {
      said: 'builtins.toJSON (builtins.genList (n: { subject = "out"; signature = "${asc}"; }) 300)',
      reason: /more than 64 entries/,
    },
  }
  for (const [what, { said, reason }] of Object.entries(MALFORMED)) {
    test(`${version}: attack: a source whose derivation says ${what} stays undecided`, () =>
      withWorld(version, {}, async world => {
        trust(world, carol)
        const { out } = await instantiate(world, fetchThatSays(world, said))
        await assertRefusedBeforeBuild(world, out, new RegExp(`undecided .*${reason.source}`))
      }))
  }

  test(`${version}: attack: a source whose derivation says another kind of its signature than it is`, () =>
    withWorld(version, {}, async world => {
      trust(world, carol)
      const said = says('signature = "${asc}"; kind = "minisign";')
      const { out } = await instantiate(world, fetchThatSays(world, said))
      await assertRefusedAfterBuild(world, [out], /undecided.*\n.*it is said to be minisign, and is openpgp/)
    }))

  test(`${version}: attack: a signature of something that the derivation is not built from`, () =>
    withWorld(version, {}, async world => {
      trust(world, carol)
      const { out: other } = await instantiate(world, fetchThatSays(world, 'null'))
      const said = `builtins.toJSON [ { subject = "${other}"; signature = "\${asc}"; } ]`
      const { out } = await instantiate(world, fetchThatSays(world, said))
      assert.equal(out, other)
      await assertRefusedBeforeBuild(world, out, /found no signature/)
    }))

  test(`${version}: what a derivation says wrongly of a source's signature does not harm who trusts it otherwise`, () =>
    withWorld(version, {}, async world => {
      const packager = signer('packager')
      const { out } = await instantiate(world, fetchThatSays(world, '"[ {"'))
      await setPolicy(world, policyText({ packager: [packager] }, byDefault('packager', 'nothing', 'self')))
      const narHash = (await world.output(`nix-store --dump /srv/${NAME} | sha256sum`)).slice(0, 64)
      publish(world, out, packaged(packager, { path: out, narHash }))
      await assertBuilt(world)
      const verdict = await world.output(`/opt/nixsig/nixsig verify ${out}`)
      assert.match(verdict, /vouched for by packager\n.*also found: a signature that cannot be read/)
    }))

  test(`${version}: a signature whose own derivation names one is a signature like others`, () =>
    withWorld(version, {}, async world => {
      trust(world, carol)
      const inner = fetchedAsSignature(world, 'inner.asc', carol.sign(SIGNATURE.toString()))
      const outer = fetchedAsSignature(world, 'outer.asc', SIGNATURE).replace(
        'nixsigRole = "signature";',
        `nixsigRole = "signature"; nixsigSignatures = ${says(`signature = "\${${inner}}";`)};`,
      )
      await instantiate(world, fetchThatSays(world, says(`signature = "\${${outer}}";`)))
      await assertBuilt(world)
    }))
}
