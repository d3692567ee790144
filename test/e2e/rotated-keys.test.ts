// A policy lists one root key. The cache signs with short-lived keys that it certifies, which are
// replaced again and again: users change nothing.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { freePort, GATE_STATE, startGate, useGate } from '../support/gate-process.ts'
import { type Server, serve } from '../support/publication.ts'
import { assertBuilt, instantiate, isValid, nixBuild } from '../support/scene.ts'
import { nixsig } from '../support/setup-world.ts'
import { ATTESTATIONS, byDefault, POLICY, policyText, setPolicy } from '../support/trust.ts'
import { serveUpstream, type UpstreamServer } from '../support/upstream-server.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const MAKER = '/srv/attestations'
const NO_HOOKS = "--option pre-build-hook '' --option post-build-hook ''"
const LIBS = ['lib1', 'lib2', 'lib3'] as const
const [LIB1, LIB2, LIB3] = LIBS.map(name => nix.derivation(name)) as [string, string, string]
const CERTIFIES = 'certifies = ["builder"], for-at-most = 90, rotates = true'

const NO_CERTIFICATE =
  /needs cache for its output, found only signers who are not in the trusted list \(b\d-1\)/
const REVOKED = /the key of cache is revoked since 2026-01-01 \(stolen\)/
const NEVER_ANSWERED = /undecided .*it has never answered.*nixsig sync/
/** What a policy lets the root key do, and why its certificate of b1 does not count then. */
const BEYOND: readonly (readonly [string, RegExp])[] = [
  ['', /only signers who are not in the trusted list \(b1-1\)/],
  ['rotates = true', /the policy does not let the key that signed it certify others/],
  ['certifies = ["packager"], for-at-most = 90', /does not let the key that signed it certify a builder/],
  ['certifies = ["builder"], for-at-most = 7', /longer than the 7 days that the policy allows/],
]

type FilesOf = ReadonlyMap<string, Buffer>

function filesIn(directory: string): FilesOf {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
  const files = names.filter(each => each.isFile()).map(each => join(each.parentPath, each.name))
  return new Map(files.map(file => [file.slice(directory.length + 1), readFileSync(file)]))
}

function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
}

/** What somebody who runs a cache makes, one step after the other. */
interface Made {
  /** The keys, `name:base64`: the root, and those that sign. */
  readonly keys: Readonly<Record<string, string>>
  readonly cache: FilesOf
  /** After each step: the certificates, as files of a directory and as they are published. */
  readonly steps: readonly { readonly certificates: FilesOf; readonly published: FilesOf }[]
}

/** Signs lib1 with b1, lib2 with b2 and lib3 with b3, all by Nix; the root names a successor for b3. */
function made(version: (typeof VERSIONS)[number]): Promise<Made> {
  return withWorld(version, {}, async world => {
    const keys: Record<string, string> = {}
    for (const name of ['root', 'next', 'b1', 'b2', 'b3']) {
      await world.output(`nix-store --generate-binary-cache-key ${name}-1 ${name}.secret ${name}.pub`)
      keys[name] = world.read(`/root/${name}.pub`).trim()
    }
    for (const [index, name] of LIBS.entries()) {
      const { out } = await instantiate(world, nix.derivation(name))
      await assertBuilt(world, NO_HOOKS)
      await world.output(`nix store sign -k b${index + 1}.secret ${out}`)
      await world.output(`nix copy --to 'file:///srv/cache?compression=none' ${out}`)
    }
    const certify = (key: string, by: string) =>
      nixsig(
        world,
        `key certify ${key}.pub --key ${by}.secret --roles builder --names 'lib*' --until ${inDays(30)} --out ${MAKER}`,
      )
    const steps: { certificates: FilesOf; published: FilesOf }[] = []
    const publish = async () => {
      await nixsig(world, `publish --from ${MAKER} --to /srv/public --as cache`)
      steps.push({
        certificates: filesIn(world.path(MAKER)),
        published: filesIn(world.path('/srv/public/cache')),
      })
    }
    assert.match(await certify('b1', 'root'), /b1-1 .*certified until/)
    await publish()
    await certify('b2', 'root')
    await publish()
    await nixsig(
      world,
      `key rotate next.pub --key root.secret --old-ends ${inDays(20)} --until ${inDays(300)} --out ${MAKER}`,
    )
    await certify('b3', 'next')
    await publish()
    return { keys, cache: filesIn(world.path('/srv/cache')), steps }
  })
}

/** A user's machine: Nix gets everything from a gate in front of the cache; the hooks judge builds. */
async function withUser(
  version: (typeof VERSIONS)[number],
  { cache, keys }: Made,
  from: Server | undefined,
  use: (world: World, policy: (fields: string, more?: string) => string) => Promise<void>,
): Promise<void> {
  const upstream: UpstreamServer = await serveUpstream([])
  for (const [name, bytes] of cache) upstream.files.set(name, bytes)
  try {
    await withWorld(version, {}, async world => {
      const port = await freePort()
      const policy = (fields: string, more = '') => {
        const root = `{ key = "${keys['root']}"${fields && `, ${fields}`} }`
        const text = policyText(
          { cache: [root] },
          `[gate]
listen = "127.0.0.1:${port}"
upstreams = ["${upstream.url}"]
${more}[[rules]]
match = { name = "lib*", kind = "output" }
require.output = "cache"
accept-unknown-derivation = true
${byDefault('nothing', 'nothing', 'self')}`,
        )
        return from === undefined ? text : text.replace(/^directories = .*$/m, `sources = ["${from.url}"]`)
      }
      await setPolicy(world, policy(CERTIFIES))
      const gate = await startGate(world)
      try {
        useGate(world, gate.url, world.read(`${GATE_STATE}/gate.pub`).trim())
        await use(world, policy)
      } finally {
        await gate.end('SIGTERM')
      }
    })
  } finally {
    await upstream.close()
  }
}

function deliver(world: World, certificates: FilesOf = new Map()): void {
  for (const [name, bytes] of certificates) world.write(`${ATTESTATIONS}/${name}`, bytes)
}

/** Asserts that a library comes from the cache, with the hooks' consent to build from it. */
async function assertUsed(world: World, name: string, lib: string): Promise<string> {
  const { out } = await instantiate(world, lib)
  await instantiate(world, nix.withInputs(name, [lib]))
  const { status, stderr } = await nixBuild(world)
  assert.equal(status, 0, stderr)
  assert.match(stderr, new RegExp(`copying path '${out}' from 'http`))
  await nixsig(world, `verify ${out}`)
  return out
}

/** Asserts that a build with this library is refused, and why; likewise `nixsig verify` of it. */
async function assertRefused(world: World, name: string, lib: string, reason: RegExp): Promise<void> {
  const { out } = await instantiate(world, lib)
  const top = await instantiate(world, nix.withInputs(name, [lib]))
  const { status, stderr } = await nixBuild(world)
  assert.notEqual(status, 0, name)
  assert.match(stderr, reason)
  assert.equal(await isValid(world, top.out), false)
  if (await isValid(world, out)) assert.match(await nixsig(world, `verify ${out}`, 14), reason)
}

/** Takes away what a build left, so that the gate is asked for the library again. */
async function removed(world: World, lib: string): Promise<void> {
  const { out } = await instantiate(world, lib)
  await world.output(`nix-store --delete $(nix-store -q --referrers-closure ${out})`)
}

for (const version of VERSIONS) {
  let once: Promise<Made> | undefined
  const makes = () => {
    once ??= made(version)
    return once
  }

  for (const way of ['in a directory', 'published and synchronised'] as const) {
    test(`${version}: keys that a cache replaces twice count, and users change nothing; certificates ${way}`, async () => {
      const all = await makes()
      const server = way === 'in a directory' ? undefined : await serve(new Map())
      try {
        await withUser(version, all, server, async world => {
          const before = [world.read(POLICY), world.read('/etc/nix/nix.conf')]
          for (const [index, { certificates, published }] of all.steps.entries()) {
            const lib = [LIB1, LIB2, LIB3][index] ?? ''
            const isFirst = server !== undefined && index === 0
            await assertRefused(world, `early${index}`, lib, isFirst ? NEVER_ANSWERED : NO_CERTIFICATE)
            if (server === undefined) deliver(world, certificates)
            else {
              server.files = published
              await nixsig(world, 'sync')
            }
            await assertUsed(world, `top${index}`, lib)
          }
          await nixsig(world, `verify ${(await instantiate(world, LIB1)).out}`)
          assert.deepEqual([world.read(POLICY), world.read('/etc/nix/nix.conf')], before)
        })
      } finally {
        await server?.close()
      }
    })
  }

  test(`${version}: attack: a key does not certify without certifies, for another role, or for too long`, async () => {
    const all = await makes()
    await withUser(version, all, undefined, async (world, policy) => {
      deliver(world, all.steps[2]?.certificates)
      const { out: lib1 } = await instantiate(world, LIB1)
      for (const [index, [fields, reason]] of BEYOND.entries()) {
        world.write(POLICY, policy(fields))
        await assertRefused(world, `top${index}`, LIB1, NO_CERTIFICATE)
        const explained = await world.run(['/opt/nixsig/nixsig', 'explain', lib1])
        assert.match(explained.stdout, reason)
      }
      world.write(POLICY, policy(CERTIFIES))
      await assertUsed(world, 'top', LIB1)
    })
  })

  test(`${version}: what came in by a certified key falls with that key, and all of it with the root key`, async () => {
    const all = await makes()
    const revoked = (key: string) =>
      `[[revocations]]\nkey = "${all.keys[key]}"\ndate = 2026-01-01\nreason = "stolen"\n`
    await withUser(version, all, undefined, async (world, policy) => {
      deliver(world, all.steps[2]?.certificates)
      const outs: string[] = []
      for (const [index, lib] of [LIB1, LIB2, LIB3].entries()) {
        outs.push(await assertUsed(world, `top${index}`, lib))
      }
      // Everything is told that rests on a certified key, or on whom it was certified by.
      const rests = async (who: string) => {
        // Another policy by its digest alone, so that only what is remembered of signatures tells.
        world.write(POLICY, `${policy(CERTIFIES)}# ${who}\n`)
        const dry = `revoke ${who} --reason stolen --dry-run --json`
        const { rested, comparison } = JSON.parse(await nixsig(world, dry))
        return { rested, falls: comparison.falls.map(({ path }: { path: string }) => path) }
      }
      const one = await rests(`'${all.keys['b1']}'`)
      assert.equal(one.rested, 1)
      assert.ok(one.falls.includes(outs[0]) && !one.falls.includes(outs[1]), JSON.stringify(one))
      for (const who of ['cache', `'${all.keys['root']}'`]) {
        const every = await rests(who)
        assert.equal(every.rested, 3, who)
        for (const out of outs) assert.ok(every.falls.includes(out), who)
      }
      world.write(POLICY, policy(CERTIFIES, revoked('b1')))
      await assertRefused(world, 'again1', LIB1, REVOKED)
      for (const out of outs.slice(1)) await nixsig(world, `verify ${out}`)
      await removed(world, LIB1)
      await assertRefused(world, 'anew1', LIB1, REVOKED)

      world.write(POLICY, policy(CERTIFIES, revoked('root')))
      for (const [index, lib] of [LIB1, LIB2, LIB3].entries()) {
        await assertRefused(world, `last${index}`, lib, REVOKED)
      }
      await removed(world, LIB3)
      await assertRefused(world, 'anew3', LIB3, REVOKED)
    })
  })
}
