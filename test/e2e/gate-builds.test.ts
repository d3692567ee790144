// Paths from the gate and paths that are built here share a store: the gate and the hooks judge by
// one policy. docs/semantics.md, G3, G5, G7 and H3.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cachedPath } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { ALPHA, type GatedWorld, MALLORY, stock, withGatedWorld } from '../support/gated-world.ts'
import { assertClean, instantiate } from '../support/scene.ts'
import { type User, VERSIONS } from '../support/world.ts'

/** Outputs of this name have to be built here. */
const builtHere = (name: string) =>
  `[[rules]]\nmatch = { name = "${name}", kind = "output" }\nrequire.output = "self"\n`

/** Either this machine or the first cache has to have made outputs of this name. */
const ownOrAlphas = (name: string) => `${builtHere(name).replace('"self"', '"either"')}[groups.either]
members = ["self", "alpha"]
threshold = 1
`

const ask = async ({ gate }: GatedWorld, path: string) => {
  const response = await fetch(
    `${gate.url}/${path.slice('/nix/store/'.length, '/nix/store/'.length + 32)}.narinfo`,
  )
  return { status: response.status, body: await response.text() }
}

for (const version of VERSIONS) {
  const gated = (name: string, use: (world: GatedWorld, user: User) => Promise<void>, gateOptions = '') => {
    for (const user of ['root', 'alice'] as const) {
      test(`${version}: ${name}, as ${user}`, () =>
        withGatedWorld(version, gateOptions, world => use(world, user)))
    }
  }

  gated('of two outputs of one derivation only the one that is trusted comes', async (gated, user) => {
    const { world, caches, admission, isValid } = gated
    const attributes = { outputs: '[ "out" "dev" ]' }
    const build = 'echo a > $out; echo b > $dev'
    const { drv, outputs } = await instantiate(world, nix.derivation('pair', { build, attributes }))
    const { out = '', dev = '' } = outputs
    stock(
      caches[0],
      cachedPath('pair', 'a\n', [ALPHA], { path: out, deriver: drv }),
      cachedPath('pair-dev', 'b\n', [MALLORY], { path: dev, deriver: drv }),
    )
    const refused = await world.run(['nix-store', '--realise', drv], { user })
    assert.notEqual(refused.status, 0)
    assert.match(refused.stderr, /-pair-dev \(output\) .*found only signers who are not in the trusted list/)
    assert.equal(await isValid(dev), false)
    const { status, stderr } = await world.run(['nix-store', '--realise', out], { user })
    assert.equal(status, 0, stderr)
    assert.equal(admission(out)?.derivation, drv)
    assert.equal(admission(dev), undefined)
  })

  gated(
    'a refusal that the user tells Nix to pass over is built here, where the hooks judge',
    async (gated, user) => {
      const { world, caches, admission, isValid, trust } = gated
      await trust(1, builtHere('mine'))
      const judged = []
      for (const name of ['mine', 'theirs']) {
        const { out } = await instantiate(world, nix.derivation(name))
        stock(caches[0], cachedPath(name, 'something else\n', [MALLORY], { path: out }))
        const outcome = await world.run('nix-build --no-out-link --fallback /srv/x.nix', { user })
        judged.push({ ...outcome, out })
      }
      const [mine, theirs] = judged
      assert.ok(mine && theirs)
      assert.notEqual(theirs.status, 0)
      assert.equal(await isValid(theirs.out), false)
      for (const { stderr } of judged) assert.match(stderr, /only signers who are not in the trusted list/)
      // Nix 2.8 itself breaks down once a substituter has failed it, and builds nothing.
      if (version === 'bookworm') return assert.equal(await isValid(mine.out), false)
      assert.equal(mine.status, 0, mine.stderr)
      assert.equal(admission(mine.out)?.builtHere, true)
      assert.equal(await world.output(['cat', mine.out]), 'mine')
      return assert.match(theirs.stderr, /needs 1 of 3 caches for its output, found no signature/)
    },
  )

  gated(
    'a refused path that nobody can build is not there, with on-refusal = "not-found"',
    async ({ world, caches, gate, isValid }, user) => {
      const { path } = cachedPath('foreign', 'foreign\n', [])
      stock(caches[0], cachedPath('foreign', 'foreign\n', [MALLORY]))
      for (const command of [`nix-store --realise ${path}`, `nix copy --from ${gate.url} ${path}`]) {
        const { status, stderr } = await world.run(command, { user })
        assert.notEqual(status, 0)
        assert.match(
          stderr,
          /does not exist|don't know how to build|is not valid|cannot be created|no substituter/,
        )
        assert.equal(await isValid(path), false)
      }
      assert.match(gate.log(), /"refused".*-foreign .*not in the trusted list \(mallory-1\)/)
    },
    'on-refusal = "not-found"',
  )

  gated(
    'what came while the policy only warned is not built upon once it does not',
    async ({ world, caches, trust, isValid }, user) => {
      const base = nix.derivation('base')
      const { drv, out } = await instantiate(world, base)
      stock(caches[0], cachedPath('base', 'base\n', [ALPHA], { path: out, deriver: drv }))
      await trust(2, builtHere('top'), 'warn')
      const taken = await world.run(['nix-store', '--realise', out], { user })
      assert.equal(taken.status, 0, taken.stderr)
      await trust(2, builtHere('top'))
      world.write('/srv/x.nix', nix.withInputs('top', [base]))
      const build = () => world.run('nix-build --no-out-link /srv/x.nix', { user })
      const refused = await build()
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, /-base \(output\) .*needs 2 of 3 caches for its output, found 1 \(alpha\)/)
      // It is judged anew by what its cache signed, which is in the store.
      await trust(1, builtHere('top'))
      const { status, stdout, stderr } = await build()
      assert.equal(status, 0, stderr)
      assert.equal(await isValid(stdout.trim()), true)
    },
  )

  gated('what this machine built itself comes back from a cache only as it was', async (gated, user) => {
    const { world, caches, trust } = gated
    await trust(1, ownOrAlphas('mine'))
    const { drv, out } = await instantiate(world, nix.derivation('mine'))
    const built = await world.run(['nix-store', '--realise', drv], { user })
    assert.equal(built.status, 0, built.stderr)
    stock(caches[0], cachedPath('mine', 'something else\n', [ALPHA], { path: out }))
    await world.output('/opt/nixsig/nixsig reload')
    const { status, body } = await ask(gated, out)
    assert.equal(status, 451)
    assert.match(body, new RegExp(`disagree: ${caches[0].url} says .*the store of this machine says`))

    // Nix repairs by substituting. It does not get the refused path for that.
    await world.output(`chmod u+w ${out}; echo broken > ${out}`)
    assert.notEqual((await world.run(['nix-store', '--verify', '--check-contents'])).status, 0)
    await world.run(['nix-store', '--repair-path', out])
    assert.notEqual(await world.output(['cat', out]), 'something else')
    stock(caches[0], cachedPath('mine', 'mine\n', [], { path: out }))
    await world.output(`/opt/nixsig/nixsig conflicts withdraw ${out}; /opt/nixsig/nixsig reload`)
    await world.output(`chmod u+w ${out}; echo broken > ${out}; nix-store --repair-path ${out}`)
    assert.equal(await world.output(['cat', out]), 'mine')
    await assertClean(world)

    // The cache does not sign it, and need not: this machine knows these very bytes.
    await world.output(['nix-store', '--delete', out])
    const again = await world.run(['nix-store', '--realise', out], { user })
    assert.equal(again.status, 0, again.stderr)
    assert.ok(caches[0].asked.filter(name => name.startsWith('nar/')).length > 0)
    assert.equal(gated.admission(out)?.builtHere, true)
  })
}
