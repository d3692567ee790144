// nix/lib.nix, evaluated by the oldest and the newest Nix: what it writes into derivations, and its
// messages about mistakes.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DETACHED_FORMS, usual } from '../../src/formats/detached/forms.ts'
import { declaredSignatures, isSaidToBeSignature } from '../../src/formats/nix/declared-signatures.ts'
import { parseDerivation } from '../../src/formats/nix/derivation.ts'
import { blockOf } from '../docs/markdown.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import * as nix from '../support/expressions.ts'
import { fetchable, NAME, RELEASE, withLib } from '../support/in-band.ts'
import { instantiate } from '../support/scene.ts'
import { sha256 } from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const URL = `https://example.org/${NAME}`
const SIGNED = 'a signature\n'

const release = fetchable(URL, RELEASE)
const signature = fetchable(`${URL}.asc`, SIGNED)
const good = `${release} signature = { ${signature} };`
const fetched = nix.fetchurl(NAME, URL, sha256(RELEASE))

/** The derivation that an expression comes to, as Nix wrote it. */
async function derivationOf(world: World, expression: string) {
  const { drv, out } = await instantiate(world, withLib(world, expression))
  return { drv, out, derivation: parseDerivation(readFileSync(world.path(drv))) }
}

/** The store path of each file that an expression names, by name. */
async function pathsOf(world: World, drv: string): Promise<ReadonlyMap<string, string>> {
  const references = (await world.output(`nix-store -q --references ${drv}`)).split('\n')
  const paths = await Promise.all(
    references.map(path => (path.endsWith('.drv') ? world.output(`nix-store -q --outputs ${path}`) : path)),
  )
  return new Map(paths.map(path => [path.slice('/nix/store/'.length + 33), path]))
}

const MISTAKES: Readonly<Record<string, string>> = {
  'fetchSigned 1': 'fetchSigned: its argument must be a set of attributes, not of type int',
  [`fetchSigned { ${good} sha256 = "x"; }`]: 'fetchSigned: its argument has no attribute sha256',
  [`fetchSigned { ${release} }`]: 'fetchSigned: there is no signature',
  [`fetchSigned { ${release} signature = [ ]; }`]: 'fetchSigned: signature is an empty list',
  [`fetchSigned { ${release} signature = "x.asc"; }`]:
    'fetchSigned: signature must be a path, something fetched',
  [`fetchSigned { ${release} signature = { url = "file:///x"; }; }`]: 'fetchSigned: signature needs a hash',
  [`fetchSigned { ${release} signature = { ${signature} kind = "gpg"; }; }`]: `fetchSigned: kind of a signature must be one of ${DETACHED_FORMS.map(
    ({ kind }) => kind,
  )
    .sort()
    .join(', ')}`,
  [`fetchSigned { ${release} signature = { ${signature} file = /srv/x; }; }`]:
    'fetchSigned: signature needs either file or url and hash',
  [`fetchSigned { ${release} signature = { ${signature} checksum = /srv/x; }; }`]:
    'fetchSigned: signature has no attribute checksum',
  [`fetchSigned { ${release} signature = { ${signature} checksums = { url = "file:///x"; }; }; }`]:
    'fetchSigned: checksums of a signature needs a hash',
  [`fetchSigned { ${release} signature = ${nix.derivation('made')}; }`]:
    'fetchSigned: signature must be fetched, and made is built',
  [`fetchSigned { ${release} signature = /srv/missing.asc; }`]: 'fetchSigned: there is no /srv/missing.asc',
  [`fetchSigned { ${release} signature = builtins.genList (n: { ${signature} }) 65; }`]:
    'fetchSigned: more signatures than are read (64)',
  [`fetchSigned { ${good} urls = [ "file:///x" ]; }`]: 'fetchSigned: its argument needs either url or urls',
  'fetchSigned { urls = [ ]; hash = ""; signature = null; }':
    'fetchSigned: urls of its argument must be a list of at least one',
  'fetchSigned { url = 1; hash = ""; signature = null; }':
    'fetchSigned: each URL of its argument must be a string',
  [`fetchSigned { url = "${URL}"; hash = "${sha256(RELEASE)}"; signature = { ${signature} }; }`]:
    'fetchSigned: hash of its argument must be of the form sha256-',
  [`fetchSigned { url = "${URL}"; hash = "md5-1B2M2Y8AsgTpgAmY7PhCfg=="; signature = { ${signature} }; }`]:
    'fetchSigned: hash of its argument must be of the form sha256-',
  [`fetchSigned { url = "https://example.org/a%20b"; hash = "sha256-x="; signature = { ${signature} }; }`]:
    'fetchSigned: the source cannot be called "a%20b" in the store: give it another name',
  'withSignature { signature = null; }': 'withSignature: its argument needs a src',
  [`withSignature { src = ${fetched}; }`]: 'withSignature: there is no signature',
  [`withSignature { src = "/srv/${NAME}"; signature = { ${signature} }; }`]:
    'withSignature: src must be a path or something fetched, not of type string',
  [`withSignature { src = /srv/tree; signature = { ${signature} }; }`]:
    'withSignature: src must be one plain file, and /srv/tree is a directory',
  [`withSignature { src = /srv/link; signature = { ${signature} }; }`]:
    'withSignature: src must be one plain file, and /srv/link is a symlink',
  [`withSignature { src = ${nix.derivation('made')}; signature = { ${signature} }; }`]:
    'withSignature: src must be fetched, and made is built',
  [`withSignature { src = ${fetched.replace('"flat"', '"recursive"')}; signature = { ${signature} }; }`]: `withSignature: src must be one file: no detached signature covers a tree, which ${NAME} is`,
  [`withSignature { src = fetchSigned { ${good} }; signature = { ${signature} }; }`]: `withSignature: ${NAME} names signatures already`,
  [`withSignature { src = ${fetched}; name = "x"; signature = { ${signature} }; }`]:
    'withSignature: name is for a src that is a path',
}

for (const version of VERSIONS) {
  test(`${version}: fetchSigned makes the path that any fetcher makes, and names the signature`, () =>
    withWorld(version, { hooks: false }, async world => {
      const { out: plain } = await instantiate(world, fetched)
      const { drv, out, derivation } = await derivationOf(world, `fetchSigned { ${good} }`)
      assert.equal(out, plain)
      const path = (await pathsOf(world, drv)).get(`${NAME}.asc`)
      assert.deepEqual(declaredSignatures(derivation), [{ subject: 'out', signature: path, kind: 'openpgp' }])
      assert.equal(isSaidToBeSignature(derivation), false)
      const of = (await world.output(`nix-store -q --references ${drv}`)).trim()
      assert.equal(isSaidToBeSignature(parseDerivation(readFileSync(world.path(of)))), true)
    }))

  test(`${version}: the kind of a signature is told by an extension that only one kind has`, () =>
    withWorld(version, { hooks: false }, async world => {
      const forms = DETACHED_FORMS.flatMap(({ kind, telling }) => telling.map(end => [end, kind] as const))
      const told = new Map<string, string>(forms)
      for (const end of new Set([...told.keys(), ...usual('file')])) {
        const named = fetchable(`${URL}${end}`, SIGNED)
        const { derivation } = await derivationOf(
          world,
          `fetchSigned { ${release} signature = { ${named} }; }`,
        )
        assert.equal(declaredSignatures(derivation)[0]?.kind, told.get(end), end)
      }
    }))

  test(`${version}: all that can be said of a signature is written down`, () =>
    withWorld(version, { hooks: false }, async world => {
      world.write('/srv/SHA256SUMS', 'a list\n')
      world.write('/srv/SHA256SUMS.sig', SIGNED)
      const listed = `{ file = /srv/SHA256SUMS.sig; checksums = /srv/SHA256SUMS; fileName = "x.tar"; kind = "signify"; }`
      const both = `fetchSigned { ${release} name = "renamed"; signature = [ ${listed} { ${signature} name = "s"; } ]; }`
      const { drv, out, derivation } = await derivationOf(world, both)
      assert.match(out, /-renamed$/)
      const paths = await pathsOf(world, drv)
      const [checksums, first, second] = ['SHA256SUMS', 'SHA256SUMS.sig', 's'].map(name => paths.get(name))
      assert.deepEqual(declaredSignatures(derivation), [
        { subject: 'out', signature: first, kind: 'signify', checksums, fileName: 'x.tar' },
        { subject: 'out', signature: second },
      ])
    }))

  test(`${version}: withSignature changes nothing of a source but what it says`, () =>
    withWorld(version, { hooks: false }, async world => {
      const { out: plain } = await instantiate(world, fetched)
      const call = `withSignature { src = ${fetched} // { meta = 1; }; signature = { ${signature} }; }`
      const { out, derivation } = await derivationOf(world, call)
      assert.equal(out, plain)
      const added = derivation.env.filter(([name]) => name === 'nixsigSignatures')
      assert.equal(added.length, 1)
      assert.equal(await world.output(`nix-instantiate --eval -E '(import /srv/x.nix).meta'`), '1')
    }))

  test(`${version}: withSignature of a file speaks of the file and of its copy`, () =>
    withWorld(version, { hooks: false }, async world => {
      world.write(`/srv/${NAME}`, RELEASE)
      world.write(`/srv/${NAME}.minisig`, SIGNED)
      const call = `withSignature { src = /srv/${NAME}; signature = /srv/${NAME}.minisig; }`
      const { drv, derivation } = await derivationOf(world, call)
      const paths = await pathsOf(world, drv)
      const named = { signature: paths.get(`${NAME}.minisig`), kind: 'minisign' }
      assert.deepEqual(declaredSignatures(derivation), [
        { subject: paths.get(NAME), ...named },
        { subject: 'out', ...named },
      ])
    }))

  test(`${version}: the example of docs/attestations.md says what it should`, () =>
    withWorld(version, { hooks: false }, async world => {
      const example = blockOf('docs/attestations.md', 'In the derivation itself', 'nix')
      world.write('/srv/nixsig/nix/lib.nix', readFileSync(join(PROJECT_ROOT, 'nix/lib.nix')))
      for (const name of ['hello-2.12.tar.gz', 'hello-2.12.tar.gz.minisig', 'SHA256SUMS', 'SHA256SUMS.sig']) {
        world.write(`/srv/${name}`, name)
      }
      world.write('/srv/x.nix', example.text)
      const count = { fetched: 1, listed: 1, local: 2 }
      for (const [attribute, records] of Object.entries(count)) {
        const drv = await world.output(`nix-instantiate /srv/x.nix -A ${attribute} 2>/dev/null`)
        const derivation = parseDerivation(readFileSync(world.path(drv)))
        assert.equal(declaredSignatures(derivation).length, records, attribute)
      }
      markRun(example, version)
    }))

  test(`${version}: mistakes are named by the function that was called and what is wrong`, () =>
    withWorld(version, { hooks: false }, async world => {
      await world.output(`mkdir /srv/tree && ln -s /srv/tree /srv/link`)
      for (const [mistake, message] of Object.entries(MISTAKES)) {
        world.write('/srv/x.nix', withLib(world, `(${mistake}).drvPath`))
        const { status, stderr } = await world.run('nix-instantiate --eval --strict /srv/x.nix')
        assert.notEqual(status, 0, mistake)
        assert.ok(stderr.includes(`nixsig: ${message}`), `${mistake}: ${stderr}`)
      }
    }))
}

everyBlockWasRun('e2e/nix-lib')
