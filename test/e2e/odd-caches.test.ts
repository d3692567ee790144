// One odd or broken cache beside another, in both modes, and a cache that alone says what contents a
// path is named by. docs/semantics.md, G2 to G4 and G12.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { printContentAddress } from '../../src/formats/nix/content-address.ts'
import { fixedOutputPath } from '../../src/formats/nix/make-store-path.ts'
import { type CachedPath, cachedPath } from '../support/cache-of-many.ts'
import { ALPHA, BETA, type GatedWorld, MALLORY, stock, withGatedWorld } from '../support/gated-world.ts'
import { type Signer, sha256 } from '../support/trust.ts'
import type { UpstreamServer } from '../support/upstream-server.ts'
import { EVERY_VERSION } from '../support/world.ts'

type Change = (cache: UpstreamServer, made: CachedPath) => void

/** Odd answers that Nix takes. */
const TAKEN: Readonly<Record<string, Change>> = {
  provenance: (cache, { digest, narinfo }) => {
    cache.files.set(`${digest}.narinfo`, `${narinfo}Provenance: {"type":"build"}\n`)
  },
  gzip: (cache, { digest, narinfo }) => {
    cache.files.set(`${digest}.narinfo`, gzipSync(narinfo))
    cache.headers.set(`${digest}.narinfo`, { 'content-encoding': 'gzip' })
  },
}

/** Answers from which nothing can be taken, or nothing may. */
const BROKEN: Readonly<Record<string, Change>> = {
  garbage: (cache, { digest }) => cache.files.set(`${digest}.narinfo`, '<html>Welcome</html>'),
  'an encoding that it is not in': (cache, { digest }) =>
    cache.headers.set(`${digest}.narinfo`, { 'content-encoding': 'br' }),
  'two sizes': (cache, { digest, narinfo }) => cache.files.set(`${digest}.narinfo`, `${narinfo}NarSize: 8\n`),
  'other contents': (cache, { path }) =>
    stock(cache, cachedPath(path.slice(44), 'evil\n', [MALLORY], { path })),
  'other references': (cache, { path }) =>
    stock(cache, cachedPath(path.slice(44), 'odd\n', [], { path, references: [path] })),
  'a content address of another path': (cache, { digest, narinfo }) =>
    cache.files.set(`${digest}.narinfo`, `${narinfo}CA: fixed:sha256:${'0'.repeat(52)}\n`),
}

let count = 0
const made = (...by: readonly Signer[]) => cachedPath(`odd-${count}`, 'odd\n', by)

async function assertFetched({ realise, isValid }: GatedWorld, path: string, what: string): Promise<void> {
  const { stderr } = await realise(path)
  assert.equal(await isValid(path), true, `${what}: ${stderr}`)
}

for (const version of EVERY_VERSION) {
  test(`${version}: attack: an odd or broken cache takes no other one's word away, in any place and mode`, () =>
    withGatedWorld(version, '', async gated => {
      const [first, second] = gated.caches
      for (const mode of ['enforce', 'warn'] as const) {
        await gated.trust(1, '', mode)
        for (const [name, change] of Object.entries(TAKEN)) {
          count++
          stock(first, made(ALPHA))
          change(first, made(ALPHA))
          await assertFetched(gated, made().path, `${name} alone, ${mode}`)
        }
        for (const [name, change] of Object.entries({ ...TAKEN, ...BROKEN })) {
          for (const [odd, plain] of [
            [first, second],
            [second, first],
          ] as const) {
            count++
            stock(odd, made(ALPHA))
            change(odd, made(ALPHA))
            stock(plain, made(BETA))
            await assertFetched(gated, made().path, `${name} beside another, ${mode}`)
          }
        }
        // In warn mode what is refused is passed on, whatever the first cache says.
        count++
        stock(first, made())
        first.files.set(`${made().digest}.narinfo`, 'odd\n')
        stock(second, made(MALLORY))
        const { stderr } = await gated.realise(made().path)
        assert.equal(await gated.isValid(made().path), mode === 'warn', stderr)
      }
    }))

  test(`${version}: what a path is named by counts whichever cache says it, and Nix keeps it`, () =>
    withGatedWorld(version, '', async gated => {
      const { world, caches } = gated
      const source = (contents: string, name: string, isSaid: boolean) => {
        const hash = sha256(Buffer.from(contents))
        const address = { method: 'flat', algorithm: 'sha256', hash } as const
        const made = cachedPath(name, contents, [ALPHA], { path: fixedOutputPath({ ...address, name }) })
        const line = isSaid ? `CA: ${printContentAddress(address)}\n` : ''
        return { ...made, narinfo: made.narinfo + line }
      }
      for (const [a, b] of [
        [true, true],
        [true, false],
        [false, true],
      ] as const) {
        const name = `source-${a}-${b}.tar`
        stock(caches[0], source(name, name, a))
        stock(caches[1], source(name, name, b))
        const { path } = source(name, name, a)
        await assertFetched(gated, path, name)
        const { stdout } = await world.run(`nix path-info --json ${path} 2>/dev/null`)
        assert.match(stdout, /"ca":\s*(?:"fixed:sha256|\{)/)
      }
      await gated.trust(1, '[[rules]]\nmatch.name = "refused.tar"\nrequire.source = "refuse"')
      stock(caches[0], source('x', 'refused.tar', false))
      stock(caches[1], source('x', 'refused.tar', true))
      const { stderr } = await gated.realise(source('x', 'refused.tar', true).path)
      assert.match(stderr, /\(fetched source\) under rule "rule 1": the rule refuses it/)
    }))
}
