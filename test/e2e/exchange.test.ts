// Signatures that Nix itself made travel between machines together with the attestations.
import { test } from 'node:test'
import { type Narinfo, narFingerprint, parseNarinfo, printNarinfo } from '../../src/formats/nix/narinfo.ts'
import { printNixSecretKey, printNixSignature } from '../../src/formats/nix/nix-key.ts'
import { signEd25519 } from '../../src/primitives/sodium.ts'
import * as nix from '../support/expressions.ts'
import { assertBuilt, assertRefusedBeforeBuild, instantiate } from '../support/scene.ts'
import { ATTESTATIONS, byDefault, policyText, type Signer, setPolicy, signer } from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const NO_HOOKS = "--option pre-build-hook '' --option post-build-hook ''"
const LIB = nix.derivation('lib')

/**
 * What Nix's own key made of a path on the machine that built it: a narinfo, as nixsig prints it.
 */
async function signedElsewhere(
  version: (typeof VERSIONS)[number],
  by: Signer,
  name: string,
): Promise<string> {
  return withWorld(version, {}, async world => {
    const { out } = await instantiate(world, LIB.replace('"lib"', `"${name}"`))
    await assertBuilt(world, NO_HOOKS)
    world.write('/root/key', printNixSecretKey(by.key), 0o600)
    await world.output(['nix', 'store', 'sign', '-k', '/root/key', out])
    return world.output(`/opt/nixsig/nixsig export narinfo ${out}`)
  })
}

/** A store with an output that no hook saw, and something to be built from it. */
async function withElsewhere(world: World, cache: Signer): Promise<string> {
  const rule = '[[rules]]\nmatch = { name = "lib", kind = "output" }\nrequire.output = "cache"\n'
  await setPolicy(world, policyText({ cache: [cache] }, `${rule}${byDefault('nothing', 'nothing', 'self')}`))
  await instantiate(world, LIB)
  await assertBuilt(world, NO_HOOKS)
  return (await instantiate(world, nix.withInputs('top', [LIB]))).out
}

/** A narinfo with one signature that fits what it says. */
function signedAnew(narinfo: Narinfo, { key }: Signer): string {
  const signature = signEd25519(Buffer.from(narFingerprint(narinfo), 'utf8'), key.secretKey)
  return printNarinfo({
    ...narinfo,
    signatures: [printNixSignature({ name: key.name, signature })],
  }).trimEnd()
}

async function importNarinfo(world: World, text: string): Promise<void> {
  world.write('/root/lib.narinfo', `${text}\n`)
  await world.output(`/opt/nixsig/nixsig import lib.narinfo --out ${ATTESTATIONS}`)
}

for (const version of VERSIONS) {
  test(`${version}: a signature by nix store sign, exported there and imported here, lets an output in`, async () => {
    const cache = signer('cache')
    const narinfo = await signedElsewhere(version, cache, 'lib')
    await withWorld(version, {}, async world => {
      const top = await withElsewhere(world, cache)
      await assertRefusedBeforeBuild(
        world,
        top,
        /lib \(output\).*needs cache for its output, found no signature/,
      )
      await importNarinfo(world, narinfo)
      await assertBuilt(world)
    })
  })

  test(`${version}: attack: an imported signature by somebody else under a listed name is not taken`, async () => {
    const [cache, mallory] = [signer('cache'), signer('cache')]
    const narinfo = await signedElsewhere(version, mallory, 'lib')
    await withWorld(version, {}, async world => {
      const top = await withElsewhere(world, cache)
      await importNarinfo(world, narinfo)
      await assertRefusedBeforeBuild(
        world,
        top,
        /lib \(output\).*a signature that does not verify \(cache-1, in .*\.narinfo\)/,
      )
    })
  })

  test(`${version}: a listed builder whose imported signature is over other contents is a conflict`, async () => {
    const cache = signer('cache')
    const narinfo = await signedElsewhere(version, cache, 'lib')
    await withWorld(version, {}, async world => {
      const top = await withElsewhere(world, cache)
      await importNarinfo(
        world,
        signedAnew({ ...parseNarinfo(`${narinfo}\n`), narHash: 'ab'.repeat(32) }, cache),
      )
      await assertRefusedBeforeBuild(
        world,
        top,
        /builders disagree: cache attested other contents \(.*abababab/,
      )
    })
  })
}
