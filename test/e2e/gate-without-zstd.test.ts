/**
 * A machine without the program zstd. Two caches have the same file, compressed with it; a third
 * one, which comes first, copies the narinfo and says something else of its file, which it does not
 * have.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { type CachedPath, cachedPath } from '../support/cache-of-many.ts'
import { ALPHA, withGatedWorld } from '../support/gated-world.ts'
import { sha256 } from '../support/trust.ts'
import type { UpstreamServer } from '../support/upstream-server.ts'
import { NEWEST } from '../support/world.ts'

function compressed(name: string): CachedPath {
  const made = cachedPath(name, `${name}\n`.repeat(500), [ALPHA])
  const file = execFileSync('zstd', ['-q', '-c'], { input: made.nar })
  const hash = sha256(file)
  const url = `nar/${hash}.nar.zst`
  const narinfo = made.narinfo
    .replace(/^URL: .*$/m, `URL: ${url}`)
    .replace(/^Compression: .*$/m, 'Compression: zstd')
    .replace(/^FileHash: .*\n/m, `FileHash: sha256:${hash}\n`)
    .replace(/^FileSize: .*$/m, `FileSize: ${file.length}`)
  return { ...made, narinfo, url, nar: file }
}

function put(cache: UpstreamServer, made: CachedPath): void {
  cache.files.set(`${made.digest}.narinfo`, made.narinfo)
  cache.files.set(made.url, made.nar)
}

/** What the copied narinfo says of the file. */
const LIES: Readonly<Record<string, (narinfo: string) => string>> = {
  'Compression: none': text =>
    text.replace('Compression: zstd', 'Compression: none').replace(/^FileHash: .*\n/m, ''),
  'Compression: lzip': text => text.replace('Compression: zstd', 'Compression: lzip'),
  'another FileHash': text => text.replace(/^FileHash: .*$/m, `FileHash: sha256:${'0'.repeat(64)}`),
}

for (const version of NEWEST) {
  test(`${version}: attack: without zstd, a copied narinfo keeps nobody from the caches that have the file`, () =>
    withGatedWorld(version, '', async gated => {
      await gated.world.output('rm -f /usr/bin/zstd /usr/bin/lzip')
      const [evil, one, two] = gated.caches
      for (const [what, lie] of Object.entries(LIES)) {
        const made = compressed(what.replace(/\W+/g, '-'))
        for (const cache of [one, two]) put(cache, made)
        evil.files.set(
          `${made.digest}.narinfo`,
          lie(made.narinfo).replace(/^URL: .*$/m, 'URL: nar/not-there.nar.zst'),
        )
        const answer = await (await fetch(`${gated.gate.url}/${made.digest}.narinfo`)).text()
        assert.match(answer, /^URL: nar\/[\w-]+\/[\w-]+$/m, what)
        const { stderr } = await gated.realise(made.path)
        assert.equal(await gated.isValid(made.path), true, `${what}: ${stderr}`)
      }
    }))
}
