// What came through the gate while the policy warned keeps what its cache signed. docs/semantics.md, G14.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cachedPath } from '../support/cache-of-many.ts'
import { ALPHA, type GatedWorld, MALLORY, stock, withGatedWorld } from '../support/gated-world.ts'
import { signer } from '../support/trust.ts'
import { VERSIONS } from '../support/world.ts'

const LISTED = `[principals.mallory]
keys = ["${MALLORY.publicKey}"]
[[rules]]
match.name = "*"
require.output = "mallory"
accept-unknown-derivation = true
`
const MANY = Array.from({ length: 40 }, (_, at) => signer(`s${at}`))

async function signersOf({ world }: GatedWorld, path: string): Promise<readonly string[]> {
  const say = `select coalesce(sigs, '') from ValidPaths where path = '${path}'`
  const sigs = await world.output(['sqlite3', '/nix/var/nix/db/db.sqlite', say])
  return sigs.split(' ').map(text => text.split(':')[0] ?? '')
}

for (const version of VERSIONS) {
  test(`${version}: a signature that nobody listed when it came in counts once its key is listed`, () =>
    withGatedWorld(version, '', async gated => {
      const { world, caches } = gated
      await gated.trust(1, '', 'warn')
      const path = cachedPath('late', 'late\n', [MALLORY])
      const disputed = cachedPath('disputed', 'one\n', [MALLORY])
      stock(caches[1], path, disputed)
      stock(caches[2], cachedPath('disputed', 'two\n', [MALLORY]))
      for (const { path: wanted } of [path, disputed]) {
        const { status, stderr } = await gated.realise(wanted)
        assert.equal(status, 0, stderr)
        assert.ok((await signersOf(gated, wanted)).includes('mallory-1'))
      }
      await gated.trust(1, LISTED, 'enforce')
      assert.equal((await world.run(`/opt/nixsig/nixsig verify ${path.path}`)).status, 0)
    }))
}

test('sid: attack: a cache that puts very many signatures on a path has few of them kept, and listed ones first', () =>
  withGatedWorld('sid', '', async gated => {
    const path = cachedPath('many', 'many\n', [...MANY, ALPHA])
    stock(gated.caches[0], path)
    const { status, stderr } = await gated.realise(path.path)
    assert.equal(status, 0, stderr)
    const signers = await signersOf(gated, path.path)
    assert.equal(signers.length, 1 + 1 + 8)
    assert.ok(signers.includes('alpha-1'))
  }))
