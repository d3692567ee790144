// Warn mode loses nothing that enforcing needs: what came through the gate, the plugin or a copy
// keeps what was signed about it. docs/semantics.md, G14.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attestationFile } from '../../src/evidence/attestation-file.ts'
import { type CachedPath, cachedPath, writeCache } from '../support/cache-of-many.ts'
import { ALPHA, BETA, GAMMA, type GatedWorld, stock, withGatedWorld } from '../support/gated-world.ts'
import { BUILDER, STRANGER, withGuardedWorld } from '../support/guarded-world.ts'
import { publicationOf, serve } from '../support/publication.ts'
import { ATTESTATIONS, built, POLICY, publish, signer } from '../support/trust.ts'
import { VERSIONS, type World } from '../support/world.ts'

/** Whom the policy does not list before `LATER`. */
const NEWCOMER = signer('newcomer')
const LATER = `[principals.newcomer]
keys = ["${NEWCOMER.publicKey}"]
[[rules]]
match.name = "late-*"
require.output = "newcomer"
accept-unknown-derivation = true
`
const OTHERS = Array.from({ length: 12 }, (_, at) => signer(`other${at}`))

async function fetched({ realise }: GatedWorld, ...paths: readonly CachedPath[]): Promise<void> {
  for (const { path } of paths) {
    const { status, stderr } = await realise(path)
    assert.equal(status, 0, stderr)
  }
}

/** `nixsig verify`: trusted, or refused for this reason. */
async function judged(world: World, path: string, reason?: RegExp): Promise<void> {
  const { status, stdout } = await world.run(`/opt/nixsig/nixsig verify ${path}`)
  if (reason === undefined) return assert.equal(status, 0, stdout)
  assert.notEqual(status, 0, stdout)
  assert.match(stdout, reason)
}

/** The same path in two caches, each of which signed it. */
function byTwo(name: string, contents: string): readonly [CachedPath, CachedPath] {
  return [cachedPath(name, contents, [ALPHA]), cachedPath(name, contents, [BETA])]
}

/** A derivation by this name, which is not here. */
function drvOf({ path }: CachedPath): string {
  return `/nix/store/0123456789abcdfghijklmnpqrsvwxyz-${path.slice(44)}.drv`
}

function edited(world: World, change: (toml: string) => string): void {
  world.write(POLICY, change(world.read(POLICY)))
}

for (const version of VERSIONS) {
  test(`${version}: what came through the gate in warn mode is trusted once enforced, by whom it was signed then`, async () => {
    const source = await serve(new Map())
    try {
      await withGatedWorld(version, 'max-age = 0\nnegative-max-age = 0\n', async gated => {
        const { world, caches, trust } = gated
        const listed = cachedPath('listed', 'listed\n', [ALPHA])
        const late = cachedPath('late-listed', 'late\n', [NEWCOMER])
        const crowded = cachedPath('late-crowded', 'crowded\n', OTHERS)
        const lone = cachedPath('late-crowded', 'crowded\n', [NEWCOMER])
        const halves = byTwo('halves', 'halves\n')
        const disputed = byTwo('disputed', 'one\n')
        const unread = byTwo('unread', 'unread\n')
        const sourced = cachedPath('sourced', 'sourced\n', [])
        const unsigned = cachedPath('unsigned', 'unsigned\n', [])
        const stranger = cachedPath('stranger', 'stranger\n', [STRANGER])
        const first = [listed, late, crowded, halves[0], disputed[0], unread[0], sourced, unsigned, stranger]
        stock(caches[0], ...first)
        stock(caches[1], lone, halves[1], disputed[1], unread[1])
        stock(caches[2], cachedPath('disputed', 'two\n', [GAMMA]))
        const line = built(ALPHA, sourced, drvOf(sourced))
        const name = attestationFile('', sourced.path).split('/').pop() ?? ''
        source.files = publicationOf({ [name]: `${line}\n` }, 1_700_000_000)

        // Nobody can meet this one, so that everything is let in with a warning.
        await trust(3, '', 'warn')
        edited(world, toml => toml.replace(/^directories = .*$/m, `$&\nsources = ["${source.url}"]`))
        world.write(attestationFile(ATTESTATIONS, unread[0].path), 'not an envelope\n')
        await fetched(gated, ...first)

        // What was there then is gone: caches, source and all.
        await source.close()
        for (const cache of caches) cache.files.clear()
        await world.output(`rm ${attestationFile(ATTESTATIONS, unread[0].path)}`)
        await trust(2, '', 'enforce')
        for (const { path } of [halves[0], unread[0]]) await judged(world, path)
        await trust(1, LATER, 'enforce')
        for (const { path } of [listed, late, crowded, sourced]) await judged(world, path)
        await judged(world, unsigned.path, /needs 1 of 3 caches for its output, found no signature/)
        await judged(world, stranger.path, /signed by (nobody|.*not)|stranger/)
        await judged(world, disputed[0].path, /builders disagree: gamma attested other contents/)
        await world.output(`/opt/nixsig/nixsig conflicts withdraw ${disputed[0].path}`)
        await trust(2, '', 'enforce')
        await judged(world, disputed[0].path)
      })
    } finally {
      await source.close()
    }
  })

  test(`${version}: what came by copy, import or during a respite is trusted once enforced, if it was signed`, () =>
    withGuardedWorld(version, async ({ world, pathInfo, upstream }) => {
      const warn = (isWarning: boolean) =>
        edited(world, toml => toml.replace(/^mode = .*$/m, `mode = "${isWarning ? 'warn' : 'enforce'}"`))
      const copied = cachedPath('copied', 'copied\n', [STRANGER])
      const attested = cachedPath('attested', 'attested\n', [])
      const unsigned = cachedPath('unsigned', 'unsigned\n', [])
      const respite = cachedPath('respite', 'respite\n', [STRANGER])
      // It came without the signature that the cache has.
      const stripped = cachedPath('stripped', 'stripped\n', [])
      stock(upstream, cachedPath('stripped', 'stripped\n', [BUILDER]))
      writeCache(world.path('/srv/cache'), [copied, attested, unsigned, respite, stripped])
      const copy = ({ path }: CachedPath) =>
        world.run(
          `nix --experimental-features nix-command copy --no-check-sigs --from file:///srv/cache ${path}`,
        )
      warn(true)
      for (const one of [copied, attested, unsigned, stripped]) {
        const { status, stderr } = await copy(one)
        assert.equal(status, 0, stderr)
        assert.match(stderr, /nixsig: warning, let in/)
      }
      warn(false)
      assert.notEqual((await copy(respite)).status, 0)
      await world.output('/opt/nixsig/nixsig warn --until 1h')
      assert.equal((await copy(respite)).status, 0)
      await world.output('/opt/nixsig/nixsig enforce')
      assert.equal((await pathInfo(respite.path))?.signatures.length, 1)

      edited(world, toml =>
        toml.replace(
          `keys = ["${BUILDER.publicKey}"]`,
          `keys = ["${BUILDER.publicKey}", "${STRANGER.publicKey}"]`,
        ),
      )
      publish(world, attested.path, built(BUILDER, attested, drvOf(attested)))
      for (const { path } of [copied, attested, respite]) await judged(world, path)
      await judged(world, stripped.path, /needs 1 of 2 makers for its output, found no signature/)
      await world.output(`/opt/nixsig/nixsig adopt ${stripped.path}`)
      await judged(world, stripped.path)
      await judged(world, unsigned.path, /needs 1 of 2 makers for its output, found no signature/)
    }))
}
