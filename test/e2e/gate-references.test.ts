// The gate signs the references of a path, as a binary cache gives them, only if somebody vouches
// for them. docs/semantics.md, G13.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { everyBlockWasRun } from '../docs/ran.ts'
import { lookFor, messagesOf } from '../docs/shown.ts'
import { type CachedPath, cachedPath } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { ALPHA, type GatedWorld, MALLORY, stock, withGatedWorld } from '../support/gated-world.ts'
import { instantiate } from '../support/scene.ts'
import { built, publish } from '../support/trust.ts'
import { VERSIONS } from '../support/world.ts'

/** Built by nobody here. */
const DEP = cachedPath('dep', 'dep\n', [ALPHA])
const LIB = cachedPath('lib', 'lib\n', [ALPHA])

/** Alpha's word on contents, in the older form unless told what they refer to. */
function attest({ world }: GatedWorld, { path, narHash }: CachedPath, references?: readonly string[]): void {
  publish(world, path, built(ALPHA, { path, narHash, ...(references && { references }) }, `${path}.drv`))
}

async function assertLetIn(
  { world, realise }: GatedWorld,
  { path }: CachedPath,
  references: readonly string[],
) {
  const { status, stderr } = await realise(path)
  assert.equal(status, 0, stderr)
  const registered = await world.output(`nix-store -q --references ${path}`)
  assert.deepEqual(registered.split('\n').filter(Boolean).sort(), [...references].sort())
}

async function assertRefused(
  { realise, isValid, admission }: GatedWorld,
  { path }: CachedPath,
  reason: RegExp,
) {
  const { status, stderr } = await realise(path)
  assert.notEqual(status, 0)
  assert.match(stderr, reason)
  assert.equal(await isValid(path), false)
  assert.equal(admission(path), undefined)
  return stderr
}

/** Has the gate ask anew. */
const forget = ({ world }: GatedWorld) => world.output('/opt/nixsig/nixsig reload')

const SHOWN = messagesOf('docs/how-to/gate.md', 'Who says what a path refers to')

for (const version of VERSIONS) {
  const gated = (name: string, use: (world: GatedWorld) => Promise<void>) =>
    test(`${version}: ${name}`, () => withGatedWorld(version, 'max-age = 0\nnegative-max-age = 0\n', use))

  gated(
    'attack: a keyless cache strips, adds and replaces references that a builder attested',
    async gated => {
      const [cache] = gated.caches
      const text = `uses ${DEP.path}\n`
      const offered = (...references: readonly string[]) => cachedPath('x', text, [MALLORY], { references })
      const honest = offered(DEP.path)
      stock(cache, DEP, LIB)
      attest(gated, honest, [DEP.path])
      for (const [references, difference] of [
        [[], `leaves out ${DEP.path}`],
        [[DEP.path, LIB.path], `adds ${LIB.path}`],
        [[LIB.path], `adds ${LIB.path} and leaves out ${DEP.path}`],
      ] as const) {
        stock(cache, offered(...[...references].sort()))
        const said = `${cache.url} says that it refers to other paths than alpha signed .*: ${difference}`
        await assertRefused(gated, honest, new RegExp(said))
      }
      stock(cache, honest)
      const before = cache.asked.length
      await assertLetIn(gated, honest, [DEP.path])
      // Only Nix fetches the NAR; the gate does not.
      assert.equal(cache.asked.slice(before).filter(name => name === honest.url).length, 1)
    },
  )

  gated('older attestations: the contents are held against the derivation that is here', async gated => {
    const { world, caches } = gated
    const [cache] = caches
    const dep = nix.derivation('dep')
    const { out: depPath } = await instantiate(world, dep)
    const { out } = await instantiate(world, nix.derivation('x', { inputs: [dep] }))
    const mentioned = LIB.path
    const text = `uses ${depPath}, is ${out}, mentions ${mentioned}\n`
    const offered = (...references: readonly string[]) =>
      cachedPath('x', text, [MALLORY], { path: out, references: [...references].sort() })
    const honest = offered(depPath, out)
    stock(cache, LIB, cachedPath('dep', 'dep\n', [ALPHA], { path: depPath }))
    attest(gated, honest)
    for (const [references, difference] of [
      [[out], `leaves out ${depPath}`],
      [[depPath], `leaves out ${out}`],
      [[depPath, out, mentioned], `adds ${mentioned}`],
      [[depPath, out, DEP.path], `adds ${DEP.path}`],
    ] as const) {
      stock(cache, offered(...references))
      const said = `${cache.url} says that it refers to other paths than its contents do: ${difference}`
      const refusal = await assertRefused(gated, honest, new RegExp(said))
      const asOnPage = refusal
        .replaceAll('-x ', '-hello-2.12 ')
        .replaceAll('-dep;', '-libidn2-2.3.7;')
        .replaceAll(cache.url, 'https://cache.example.org')
      lookFor(SHOWN, asOnPage, version)
    }
    stock(cache, honest)
    const verified = await world.run(`/opt/nixsig/nixsig verify ${out} --from ${cache.url}`)
    assert.equal(verified.status, 0, verified.stdout)
    await assertLetIn(gated, honest, [depPath, out])
    const before = cache.asked.length
    await world.output(`nix-store --delete ${out}`)
    await assertLetIn(gated, honest, [depPath, out])
    // The gate remembers what is in these bytes.
    assert.equal(cache.asked.slice(before).filter(name => name === honest.url).length, 1)
  })

  gated('without a derivation, the contents decide where they name nothing else', async gated => {
    const { world, caches } = gated
    const [cache] = caches
    stock(cache, DEP)
    const text = `uses ${DEP.path}\n`
    const stripped = cachedPath('x', text, [MALLORY])
    attest(gated, stripped)
    stock(cache, stripped)
    await assertRefused(gated, stripped, new RegExp(`undecided .*they name ${DEP.path}; whether`))
    const verified = await world.run(`/opt/nixsig/nixsig verify ${stripped.path} --from ${cache.url}`)
    assert.equal(verified.status, 20)
    assert.match(verified.stdout, new RegExp(`they name ${DEP.path}; whether`))
    const honest = cachedPath('x', text, [MALLORY], { references: [DEP.path] })
    stock(cache, honest)
    await assertLetIn(gated, honest, [DEP.path])
  })

  gated(
    'the NAR is looked into however it is compressed, and only if it is the attested one',
    async gated => {
      const { caches } = gated
      const [cache] = caches
      stock(cache, DEP)
      for (const [compression, program] of [
        ['xz', 'xz'],
        ['bzip2', 'bzip2'],
      ] as const) {
        const path = cachedPath(compression, `${compression} uses ${DEP.path}\n`, [MALLORY], {
          references: [DEP.path],
        })
        attest(gated, path)
        const packed = execFileSync(program, ['-c'], { input: path.nar })
        const narinfo = path.narinfo
          .replace('Compression: none', `Compression: ${compression}`)
          .replace(/FileHash: .*\nFileSize: .*\n/, '')
        cache.files.set(`${path.digest}.narinfo`, narinfo).set(path.url, packed.subarray(0, -9))
        await assertRefused(gated, path, /undecided .*nobody whose word counts has signed what it refers to/)
        cache.files.set(path.url, packed)
        await forget(gated)
        await assertLetIn(gated, path, [DEP.path])
      }
    },
  )

  gated('warn mode: references that nobody vouches for are told, and passed on', async gated => {
    const [cache] = gated.caches
    await gated.trust(1, '', 'warn')
    const stripped = cachedPath('x', `uses ${DEP.path}\n`, [MALLORY])
    attest(gated, stripped, [DEP.path])
    stock(cache, stripped)
    await assertLetIn(gated, stripped, [])
    assert.match(gated.gate.log(), new RegExp(`would be refused.*leaves out ${DEP.path}`))
  })
}

everyBlockWasRun('e2e/gate-references')
