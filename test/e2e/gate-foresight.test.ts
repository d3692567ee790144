// `nixsig verify --from`: the verdict on a path and its closure before any of it is here.
// docs/semantics.md, G1 to G8.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import { type CachedPath, cachedPath, writeCache } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { ALPHA, BETA, type GatedWorld, MALLORY, stock, withGatedWorld } from '../support/gated-world.ts'
import { POLICY } from '../support/trust.ts'
import { OLDEST, type User } from '../support/world.ts'

/** What `--json` says of a path. */
interface Line {
  readonly path: string
  readonly outcome: string
  readonly status: number
  readonly findings: readonly { readonly code: string; readonly message: string }[]
}

interface Judged {
  readonly status: number
  readonly lines: readonly Line[]
}

async function verify(
  { world }: GatedWorld,
  path: string,
  caches: readonly string[],
  user: User = 'root',
): Promise<Judged> {
  const from = caches.map(url => `--from ${url}`).join(' ')
  const command = `/opt/nixsig/nixsig verify --recursive --json ${from} ${path}`
  const { status, stdout, stderr } = await world.run(command, { user })
  assert.equal(stderr, '')
  const lines = stdout.split('\n').filter(Boolean)
  return { status, lines: lines.map(line => JSON.parse(line) as Line) }
}

/** Everything that judging a path which is not in the store must leave unchanged. */
async function everything({ world }: GatedWorld): Promise<string> {
  return world.output(
    `ls -R /nix/store; sqlite3 /nix/var/nix/db/db.sqlite 'select path from ValidPaths';
    cd /var/lib/nixsig; find . -type f ! -name '*.lock' | sort | xargs sha256sum`,
  )
}

/** Sixty paths in layers, each of which refers to itself, to its predecessor and to the first. */
function layers(): readonly CachedPath[] {
  const paths: CachedPath[] = []
  for (let index = 0; index < 60; index++) {
    const lower = [paths.at(-1), paths[0]].filter(path => path !== undefined).map(({ path }) => path)
    const name = `layer-${index}`
    const { path } = cachedPath(name, name, [])
    const references = [...new Set([path, ...lower])].sort()
    paths.push(cachedPath(name, name, [ALPHA], { references }))
  }
  return paths
}

for (const version of OLDEST) {
  const gated = (name: string, use: (world: GatedWorld) => Promise<void>) =>
    test(`${version}: ${name}`, () => withGatedWorld(version, '', use))

  gated('every path of a closure is judged once, nothing is fetched and nothing is changed', async gated => {
    const { world, caches } = gated
    const [cache] = caches
    const paths = layers()
    stock(cache, ...paths)
    const [top] = paths.slice(-1)
    assert.ok(top)
    // Reads what is there without a gate, too.
    await gated.gate.end('SIGTERM')
    await world.output('nix-store --init')
    const before = await everything(gated)
    const { status, lines } = await verify(gated, top.path, [cache.url])
    assert.equal(status, 0)
    assert.deepEqual(lines.map(({ path }) => path).sort(), paths.map(({ path }) => path).sort())
    assert.deepEqual([...new Set(lines.map(({ outcome }) => outcome))], ['trusted'])
    const narinfos = cache.asked.filter(name => name !== 'nix-cache-info')
    assert.deepEqual(narinfos.sort(), paths.map(({ digest }) => `${digest}.narinfo`).sort())
    assert.equal(await everything(gated), before)
  })

  gated('the exit status is that of the worst path, and each path has its own', async gated => {
    const [first, second] = gated.caches
    const other = (name: string, ...by: Parameters<typeof cachedPath>[2]) => cachedPath(name, name, by)
    const nowhere = other('nowhere', ALPHA)
    const disputed = other('disputed', ALPHA)
    const cases: Readonly<Record<number, readonly [CachedPath, string]>> = {
      0: [other('good', ALPHA), ''],
      10: [other('unsigned'), 'unsigned'],
      11: [other('foreign', MALLORY), 'unknown-signer'],
      13: [disputed, 'disagreement'],
      14: [other('late', BETA), 'expired'],
      20: [nowhere, 'unreadable'],
    }
    const all = Object.values(cases).map(([path]) => path)
    stock(first, ...all.filter(path => path !== nowhere))
    stock(second, cachedPath('disputed', 'something else', [ALPHA], { path: disputed.path }))
    const key = `"${BETA.publicKey}"`
    const policy = gated.world.read(POLICY)
    gated.world.write(POLICY, policy.replace(key, `{ key = ${key}, valid-until = 2020-01-01 }`))
    for (const [code, [{ path }, reason]] of Object.entries(cases)) {
      const top = cachedPath(`top-${code}`, code, [ALPHA], {
        references: [...new Set([path, all[0]?.path ?? ''])].sort(),
      })
      stock(first, top)
      const { status, lines } = await verify(gated, top.path, [first.url, second.url])
      assert.equal(status, Number(code))
      const line = lines.find(line => line.path === path)
      assert.equal(line?.status, Number(code), path)
      assert.equal(line?.findings[0]?.code ?? '', reason)
      assert.equal(lines.find(line => line.path === top.path)?.status, 0)
    }
  })

  gated('a plain user judges what several caches have together, and as nobody’s friend', async gated => {
    const [first, second, third] = gated.caches
    await gated.trust(2)
    const hello = (...by: Parameters<typeof cachedPath>[2]) => cachedPath('hello', 'hello\n', by)
    const { path } = hello()
    stock(first, hello(ALPHA))
    stock(second, hello(BETA))
    writeCache(gated.world.path('/srv/cache'), [hello(BETA)])
    const ask = (...caches: readonly string[]) => verify(gated, path, caches, 'alice')
    assert.equal((await ask(first.url)).status, 12)
    assert.equal((await ask(first.url, second.url)).status, 0)
    assert.equal((await ask(first.url, 'file:///srv/cache')).status, 0)
    // A cache that is named twice counts once, and one without the path does not count.
    assert.equal((await ask(first.url, `${first.url}/`, third.url)).status, 12)
    // A cache that is down is reported, and does not stop the others.
    third.mood = 503
    const passed = await gated.world.run(
      `/opt/nixsig/nixsig verify ${path} --from ${first.url} --from ${second.url} --from ${third.url}`,
    )
    assert.equal(passed.status, 0)
    assert.match(passed.stdout, new RegExp(`did not answer \\(answered 503, in ${third.url}\\)`))
    const undecided = await ask(third.url)
    assert.equal(undecided.status, 20)
    assert.deepEqual(
      undecided.lines.map(line => line.path),
      [path],
    )
    // What is asked for a password by the policy is given it here too, by whoever may read it.
    third.mood = 'well'
    third.password = 'Bearer secret'
    stock(third, hello(ALPHA))
    gated.world.write('/etc/nixsig/token', 'Bearer secret\n', 0o600)
    const policy = gated.world.read(POLICY)
    gated.world.write(
      POLICY,
      policy.replace(`"${third.url}"`, `{ url = "${third.url}", authorization = "token" }`),
    )
    assert.equal((await verify(gated, path, [second.url, third.url])).status, 0)
    const alice = await ask(third.url)
    assert.equal(alice.status, 20)
    assert.match(alice.lines[0]?.findings[0]?.message ?? '', /token/)
  })

  gated('a real system is foreseen exactly as Nix then gets it through the gate', async gated => {
    const { world, caches, realise, isValid } = gated
    const [cache] = caches
    const options = "--option pre-build-hook '' --option post-build-hook ''"
    world.write('/srv/x.nix', nix.chain('part', 12))
    const top = await world.output(`nix-build --no-out-link ${options} /srv/x.nix`)
    const closure = (await world.output(['nix-store', '-q', '--requisites', top])).split('\n')
    world.write('/root/alpha.secret', printNixSecretKey(ALPHA.key), 0o600)
    const [, , weak = ''] = closure
    await world.output(
      `nix store sign -k /root/alpha.secret ${closure.filter(path => path !== weak).join(' ')}
      nix copy --to file:///srv/cache ${top}; nix-store --gc`,
    )
    world.write(POLICY, world.read(POLICY).replace(`"${cache.url}"`, '"file:///srv/cache"'))
    const foreseen = await verify(gated, top, ['file:///srv/cache'])
    assert.equal(foreseen.status, 10)
    const refused = foreseen.lines.filter(({ outcome }) => outcome !== 'trusted').map(({ path }) => path)
    assert.deepEqual(refused, [weak])
    assert.equal(foreseen.lines.length, closure.length)
    const { status, stderr } = await realise(top)
    assert.notEqual(status, 0)
    assert.match(stderr, new RegExp(`refused ${weak} \\(output\\) .*found no signature`))
    for (const path of closure.slice(closure.indexOf(weak))) assert.equal(await isValid(path), false)
  })
}
