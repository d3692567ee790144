// Packages that declare where their developers' signatures are: their users need only a trusted
// list.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { entryFile } from '../../src/ledger/admissions.ts'
import * as nix from '../support/expressions.ts'
import {
  type Developer,
  fetchable,
  fetchSigned,
  NAME,
  openDevelopers,
  packageOf,
  RELEASE,
  serve,
  TAMPERED,
  trust,
  withLib,
} from '../support/in-band.ts'
import {
  assertBuilt,
  assertQuarantined,
  assertRefusedAfterBuild,
  instantiate,
  nixBuild,
  type Scene,
} from '../support/scene.ts'
import { serveDirectory } from '../support/static-server.ts'
import { POLICY, sha256 } from '../support/trust.ts'
import { OLDEST, type World, withWorld } from '../support/world.ts'

const developers = openDevelopers()
after(() => developers.remove())
const carol = developers.developer('carol')
const dave = developers.developer('dave')
const past = developers.developer('past', { at: '20200101T000000', expire: '1y' })

const BY_CAROL = carol.sign(RELEASE)

/**
 * The source that an expression's derivation is built from, and where its signature comes to lie.
 */
async function sourceOf(world: World, { drv }: Scene): Promise<{ source: string; signature: string }> {
  const named = await world.output(`nix-store -q --references ${drv} | grep ${NAME}.drv | head -n 1`)
  const signature = await world.output(`nix-store -q --references ${named}`)
  return {
    source: await world.output(`nix-store -q --outputs ${named}`),
    signature: signature.endsWith('.drv')
      ? await world.output(`nix-store -q --outputs ${signature}`)
      : signature,
  }
}

function kindInLedger(world: World, path: string): string | undefined {
  const digest = path.slice('/nix/store/'.length, '/nix/store/'.length + 32)
  const file = entryFile('/var/lib/nixsig', digest)
  return world.exists(file) ? /^kind (.*)$/m.exec(world.read(file))?.[1] : undefined
}

/** A fixed output of a shell that finds its attributes in a file of JSON alone. */
function structuredFetcher(hash: string): string {
  const build = `read -r json < .attrs.json
json=\${json#*'"outputs":{"out":"'}
printf '%s\\n' '${RELEASE.trim()}' > "\${json%%\\"*}"`
  const attributes = {
    __structuredAttrs: 'true',
    outputHashMode: '"flat"',
    outputHashAlgo: '"sha256"',
    outputHash: nix.nixString(hash),
    // As the attributes of some packages have them.
    fraction: '0.5',
  }
  return nix.derivation(NAME, { build, attributes })
}

for (const version of OLDEST) {
  test(`${version}: a signed package is refused for whoever does not list its developer, and builds for who does`, () =>
    withWorld(version, {}, async world => {
      const call = fetchSigned(serve(world, NAME, RELEASE), serve(world, `${NAME}.asc`, BY_CAROL))
      const scene = await instantiate(world, withLib(world, packageOf('tool', call)))
      const { source, signature } = await sourceOf(world, scene)

      trust(world, dave)
      const { status } = await nixBuild(world)
      assert.notEqual(status, 0)
      await assertQuarantined(world, [source], {
        reason: /found only signers who are not in the trusted list/,
      })
      assert.equal(kindInLedger(world, signature), 'signature')

      trust(world, carol)
      assert.equal(await world.output(`nix-store --realise ${scene.drv} 2>/dev/null`), scene.out)
      assert.equal(world.read(scene.out), RELEASE)
      assert.equal(kindInLedger(world, source), 'fetched-source')
      assert.equal(kindInLedger(world, signature), 'signature')
      assert.equal(world.exists('/etc/nixsig/attestations'), false)

      // Another package from the same source, once more the source alone, and what the command line
      // says of it.
      await instantiate(world, withLib(world, packageOf('other', call)))
      await world.output('nix build --no-link -f /srv/x.nix')
      const verdict = await world.output(`/opt/nixsig/nixsig verify ${source}`)
      assert.match(verdict, /trusted .*tool\.tar \(fetched source\).*vouched for by dev/)
      const told = await world.output(`/opt/nixsig/nixsig explain ${source}`)
      assert.match(told, /dev as developer, .*-tool\.tar\.asc, as tool\.tar\.drv says/)
      const ofSignature = await world.run(`/opt/nixsig/nixsig explain ${signature}`)
      assert.match(ofSignature.stdout, /let in .* as a signature, which is not a source/)
      assert.equal(ofSignature.status, 10)
    }))

  test(`${version}: fetchSigned fetches over HTTP`, () =>
    withWorld(version, {}, async world => {
      world.write(`/srv/${NAME}`, RELEASE)
      // The signature says when it was made, so a second one is another file.
      const minisig = carol.minisignOf(RELEASE)
      world.write(`/srv/${NAME}.minisig`, minisig)
      const server = await serveDirectory(world.path('/srv'))
      try {
        const release = fetchable(`${server.url}/${NAME}`, RELEASE)
        const signature = fetchable(`${server.url}/${NAME}.minisig`, minisig)
        await instantiate(world, withLib(world, packageOf('tool', fetchSigned(release, signature))))
        trust(world, carol, 'minisign')
        await assertBuilt(world)
      } finally {
        await server.close()
      }
    }))

  test(`${version}: withSignature names the signature of a file of the expression's own`, () =>
    withWorld(version, {}, async world => {
      world.write(`/srv/${NAME}`, RELEASE)
      world.write(`/srv/${NAME}.asc`, BY_CAROL)
      const call = `(withSignature { src = /srv/${NAME}; signature = /srv/${NAME}.asc; })`
      const scene = await instantiate(world, withLib(world, packageOf('tool', call)))
      trust(world, dave)
      const refused = await nixBuild(world)
      assert.notEqual(refused.status, 0)
      assert.match(
        refused.stderr,
        /tool\.tar \(local source\) .*found only signers who are not in the trusted list/,
      )
      trust(world, carol)
      await assertBuilt(world)
      assert.equal(world.read(scene.out), RELEASE)
      const [local = ''] = (await world.output(`ls -d /nix/store/*-${NAME}`)).split('\n')
      assert.match(await world.output(`/opt/nixsig/nixsig verify ${local}`), /vouched for by dev/)
    }))

  test(`${version}: a derivation can name the signature of a file that it is built from without any copy`, () =>
    withWorld(version, {}, async world => {
      world.write(`/srv/${NAME}`, RELEASE)
      world.write(`/srv/${NAME}.asc`, BY_CAROL)
      const says = `nixsigSignatures = builtins.toJSON [{ subject = "\${/srv/${NAME}}"; signature = "\${/srv/${NAME}.asc}"; }];`
      await instantiate(world, packageOf('tool', `/srv/${NAME}`, says))
      trust(world, carol)
      await assertBuilt(world)
    }))

  for (const [what, fetcher] of Object.entries({
    "Nix's own fetchurl": (hash: string) =>
      `(import <nix/fetchurl.nix> { url = "file:///srv/${NAME}"; sha256 = "${hash}"; })`,
    'a fetcher with structured attributes': structuredFetcher,
  })) {
    test(`${version}: withSignature names the signature of what ${what} fetches`, () =>
      withWorld(version, {}, async world => {
        serve(world, NAME, RELEASE)
        const signature = serve(world, `${NAME}.asc`, BY_CAROL)
        const src = fetcher(sha256(RELEASE))
        const { out: plain } = await instantiate(world, src)
        const call = `(withSignature { src = ${src}; signature = { ${signature} }; })`
        const { out } = await instantiate(world, withLib(world, call))
        assert.equal(out, plain)
        trust(world, dave)
        await assertRefusedAfterBuild(world, [out], /only signers who are not in the trusted list/)
        trust(world, carol)
        await assertBuilt(world)
      }))
  }

  const INDIRECT = {
    'a signed list of checksums': (world: World) => {
      const list = `${sha256('other')}  other.tar\n${sha256(RELEASE)}  ${NAME}\n`
      return `${serve(world, 'SHA256SUMS.asc', carol.sign(list))}
        checksums = { ${serve(world, 'SHA256SUMS', list)} };`
    },
    'a list that carries its signature': (world: World) =>
      serve(world, 'SHA256SUMS.asc', carol.clearSign(`SHA256 (${NAME}) = ${sha256(RELEASE)}\n`)),
    'a list that calls it by another name': (world: World) =>
      `${serve(world, 'SHA256SUMS.asc', carol.clearSign(`${sha256(RELEASE)}  tool-1.0.tar\n`))}
        fileName = "tool-1.0.tar";`,
  }
  for (const [what, signature] of Object.entries(INDIRECT)) {
    test(`${version}: a package whose developer signed ${what}`, () =>
      withWorld(version, {}, async world => {
        const call = fetchSigned(serve(world, NAME, RELEASE), signature(world))
        await instantiate(world, withLib(world, packageOf('tool', call)))
        trust(world, carol)
        await assertBuilt(world)
      }))
  }

  test(`${version}: several signatures, of which one counts`, () =>
    withWorld(version, {}, async world => {
      const signatures = [dave.sign(RELEASE), BY_CAROL].map((signature, index) => {
        return `{ ${serve(world, `${NAME}.${index}.asc`, signature)} }`
      })
      const call = `(fetchSigned { ${serve(world, NAME, RELEASE)} signature = [ ${signatures.join(' ')} ]; })`
      await instantiate(world, withLib(world, packageOf('tool', call)))
      trust(world, carol)
      await assertBuilt(world)
    }))

  const REFUSED: Readonly<
    Record<string, { contents?: string; signature: () => Buffer; reason: RegExp; by?: Developer }>
  > = {
    'of other bytes, which the expression expects': {
      contents: TAMPERED,
      signature: () => BY_CAROL,
      reason: /found a signature that does not verify \(/,
    },
    'whose signature is that of another file': {
      signature: () => carol.sign('another file\n'),
      reason: /found a signature that does not verify \(/,
    },
    'signed by a key that is past its date': {
      signature: () => past.sign(RELEASE, '20200301T000000'),
      reason: /past its date|ended 2020-12-31/,
      by: past,
    },
    'whose signed list names other contents': {
      signature: () => carol.clearSign(`${sha256(TAMPERED)}  ${NAME}\n`),
      reason: /the signed list has another sha256 for tool\.tar/,
    },
    'whose signed list does not name it': {
      signature: () => carol.clearSign(`${sha256(RELEASE)}  another.tar\n`),
      reason: /does not name tool\.tar, but has its checksum for another\.tar/,
    },
  }
  for (const [what, { contents = RELEASE, signature, reason, by = carol }] of Object.entries(REFUSED)) {
    test(`${version}: attack: a source ${what}`, () =>
      withWorld(version, {}, async world => {
        const call = fetchSigned(serve(world, NAME, contents), serve(world, `${NAME}.asc`, signature()))
        const { out } = await instantiate(world, withLib(world, call))
        trust(world, by)
        await assertRefusedAfterBuild(world, [out], reason)
      }))
  }

  test(`${version}: a signature that its derivation took to quarantine comes back as one`, () =>
    withWorld(version, { nixConf: { sandbox: 'false' } }, async world => {
      trust(world, carol)
      const policy = world.read(POLICY)
      world.write(POLICY, policy.replace('require.derivation = "nothing"', 'require.derivation = "dev"'))
      const call = fetchSigned(serve(world, NAME, RELEASE), serve(world, `${NAME}.asc`, BY_CAROL))
      const scene = await instantiate(world, withLib(world, call))
      const fetch = await world.output(`nix-store -q --references ${scene.drv}`)
      const signature = await world.output(`nix-store -q --outputs ${fetch}`)
      assert.notEqual((await nixBuild(world)).status, 0)
      await assertQuarantined(world, [signature], {
        reason: /asc\.drv \(derivation\).*\n.*needs dev for its derivation/,
      })

      world.write(POLICY, policy)
      const [entry = ''] = (await world.output('ls /var/lib/nixsig/quarantine | grep Z-')).split('\n')
      await world.output(`/opt/nixsig/nixsig quarantine release ${entry}`)
      assert.equal(kindInLedger(world, signature), 'signature')
      await assertBuilt(world)
    }))

  test(`${version}: attack: a server that gives another tarball than the expression expects`, () =>
    withWorld(version, {}, async world => {
      const call = fetchSigned(serve(world, NAME, RELEASE), serve(world, `${NAME}.asc`, BY_CAROL))
      const { out } = await instantiate(world, withLib(world, call))
      trust(world, carol)
      world.write(`/srv/${NAME}`, TAMPERED)
      const { status, stderr } = await nixBuild(world)
      assert.notEqual(status, 0)
      assert.match(stderr, /hash mismatch/)
      assert.equal(kindInLedger(world, out), undefined)
    }))

  test(`${version}: a signature that is gone leaves its source undecided, and is asked for by name`, () =>
    withWorld(version, {}, async world => {
      const call = fetchSigned(serve(world, NAME, RELEASE), serve(world, `${NAME}.asc`, BY_CAROL))
      const scene = await instantiate(world, withLib(world, packageOf('tool', call)))
      const { source, signature } = await sourceOf(world, scene)
      trust(world, carol)
      await assertBuilt(world)
      await world.output(`nix-store --delete ${signature} 2>/dev/null`)
      // What this machine saw itself, it remembers.
      assert.match(await world.output(`/opt/nixsig/nixsig verify ${source}`), /vouched for by dev/)
      await world.output('rm -r /var/lib/nixsig/ledger')
      const { status, stdout } = await world.run(`/opt/nixsig/nixsig verify ${source}`)
      assert.equal(status, 20)
      const [, next = ''] =
        /tool\.tar\.asc is not in the store: (nix-store --realise \S+\.drv)/.exec(stdout) ?? []
      await world.output(next)
      assert.match(await world.output(`/opt/nixsig/nixsig verify ${source}`), /vouched for by dev/)
    }))
}
