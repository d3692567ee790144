// Narinfos that are written oddly, and encodings that nobody asked for: what some version of Nix
// takes from a cache, the gate takes as well, as long as it has one meaning. docs/semantics.md, G2.
// takes: 1 minute
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { cachedPath } from '../support/cache-of-many.ts'
import { ALPHA, type GatedWorld, withGatedWorld } from '../support/gated-world.ts'
import { COVERED, UNCLEAR, UNCOVERED, withArbitraryLines } from '../support/odd-narinfos.ts'
import { EVERY_VERSION } from '../support/world.ts'

const zstd = (body: Uint8Array) => execFileSync('zstd', ['-c', '-q'], { input: body })

const ENCODED: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: body => gzipSync(body),
  'x-gzip': body => gzipSync(body),
  deflate: body => deflateSync(body),
  'Deflate ': body => deflateRawSync(body),
  br: body => brotliCompressSync(body),
  zstd: body => zstd(body),
  'gzip, br': body => brotliCompressSync(gzipSync(body)),
  identity: body => body,
}

interface Case {
  readonly path: string
  readonly name: string
  readonly isClear: boolean
}

/** Puts a path for each oddity into the first cache. */
function serveOdd({ caches: [cache] }: GatedWorld): readonly Case[] {
  const put = (name: string, isClear: boolean, write: (plain: string) => string) => {
    const made = cachedPath(`odd-${cases.length}`, `${name}\n`, [ALPHA])
    cache.files.set(`${made.digest}.narinfo`, Buffer.from(write(made.narinfo), 'latin1'))
    cache.files.set(made.url, made.nar)
    cases.push({ path: made.path, name, isClear })
    return made
  }
  const cases: Case[] = []
  for (const { name, write } of [...UNCOVERED, ...COVERED]) put(name, true, write)
  for (const { name, write } of UNCLEAR) put(name, false, write)
  for (const seed of Array.from({ length: 15 }, (_, n) => n)) {
    // The last one counts, and Nix itself can read the file only if that is true.
    const write = (plain: string) =>
      `${fc.sample(withArbitraryLines(plain), { seed, numRuns: 1 }).join()}Compression: none\n`
    put(`random lines ${seed}`, true, write)
  }
  for (const [encoding, encode] of Object.entries(ENCODED)) {
    const { digest, narinfo } = put(`in ${encoding}`, true, plain => plain)
    cache.files.set(`${digest}.narinfo`, encode(Buffer.from(narinfo)))
    cache.headers.set(`${digest}.narinfo`, { 'content-encoding': encoding })
  }
  return cases
}

const without = (names: readonly string[], others: readonly string[]) =>
  names.filter(name => !others.includes(name))

for (const version of EVERY_VERSION) {
  test(`${version}: attack: the gate takes what Nix takes, however odd, and nothing that is unclear`, () =>
    withGatedWorld(version, '', async gated => {
      const { world, caches } = gated
      caches[0].files.set('nix-cache-info', 'StoreDir: /nix/store\n')
      const cases = serveOdd(gated)
      const taken = async (group: readonly Case[], args: readonly string[]) => {
        const paths = group.map(({ path }) => path)
        const keep = ['--option', 'fallback', 'true', '-k', '--realise']
        const { stderr } = await world.run(['nix-store', ...args, ...keep, ...paths])
        const check = ['nix-store', ...args, '--check-validity', '--print-invalid']
        const missing = new Set((await world.run([...check, ...paths])).stdout.split('\n'))
        return { stderr, names: group.filter(({ path }) => !missing.has(path)).map(({ name }) => name) }
      }
      const direct = [
        ...['--store', '/srv/direct', '--option', 'substituters', caches[0].url],
        ...['--option', 'trusted-public-keys', ALPHA.publicKey],
      ]
      // Node before 22.15 needs the program.
      const hasZstd = await world.run('command -v zstd || node -p "zlib.createZstdDecompress.name"')
      const isPossible = (name: string) => name !== 'in zstd' || hasZstd.status === 0
      const clear = cases.filter(({ isClear, name }) => isClear && isPossible(name))
      const byGate = await taken(clear, [])
      assert.deepEqual(
        without(
          clear.map(({ name }) => name),
          byGate.names,
        ),
        [],
      )
      // One by one: what Nix 2.8 cannot read keeps it from fetching others.
      const byNix: string[] = []
      for (const one of clear) byNix.push(...(await taken([one], direct)).names)
      assert.ok(byNix.length > 40, byNix.join('; '))
      const twoMeanings: string[] = []
      for (const one of cases.filter(({ isClear }) => !isClear)) {
        twoMeanings.push(...(await taken([one], direct)).names)
        assert.deepEqual((await taken([one], [])).names, [])
      }
      assert.deepEqual(twoMeanings, ['a field that hides the next', 'references in a name', 'no space'])
    }))
}
