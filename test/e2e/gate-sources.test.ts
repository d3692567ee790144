// Sources and derivations in binary caches: Nix would accept them unsigned; the gate asks who
// vouches for them. docs/semantics.md, G4, G5 and G9.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { storeDeveloperSignature } from '../../src/evidence/signature-files.ts'
import { textPath } from '../../src/formats/nix/make-store-path.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { cachedPath, writeCache } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { ALPHA, type GatedWorld, withGatedWorld } from '../support/gated-world.ts'
import { assertQuarantined } from '../support/scene.ts'
import { ATTESTATIONS, contentsOf, POLICY, packaged, publish, sha256, signer } from '../support/trust.ts'
import { VERSIONS, type World } from '../support/world.ts'

const RELEASE = 'the developer wrote this\n'
const ALONE = "--option substitute false --option pre-build-hook '' --option post-build-hook ''"
const ALICE = signer('alice')

const dir = mkdtempSync('/tmp/nixsig-gate-sources-')
after(() => rmSync(dir, { recursive: true, force: true }))
const [file, publicKey, secretKey, signature] = ['tool.tar', 'key.pub', 'key', 'minisig'].map(name =>
  join(dir, name),
) as [string, string, string, string]
writeFileSync(file, RELEASE)
execFileSync('minisign', ['-G', '-W', '-p', publicKey, '-s', secretKey], { stdio: 'ignore' })
execFileSync('minisign', ['-S', '-s', secretKey, '-m', file, '-x', signature], { stdio: 'ignore' })
const otherSignature = join(dir, 'other.minisig')
writeFileSync(join(dir, 'other.tar'), 'and this too\n')
execFileSync('minisign', ['-S', '-s', secretKey, '-m', join(dir, 'other.tar'), '-x', otherSignature], {
  stdio: 'ignore',
})
const [, ERIN = ''] = readFileSync(publicKey, 'utf8').split('\n')

interface Scene {
  readonly drv: string
  readonly source: string
  /** Made from the source; its derivation. */
  readonly toolDrv: string
  readonly tool: string
}

/**
 * A source and a tool made from it, which a cache has and this machine has not: only their
 * derivations.
 */
async function cacheSource(world: World): Promise<Scene> {
  world.write('/srv/tool.tar', RELEASE)
  const source = nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256(RELEASE))
  world.write('/srv/source.nix', source)
  world.write('/srv/tool.nix', nix.derivation('tool', { inputs: [source] }))
  const drv = await world.output('nix-instantiate /srv/source.nix')
  const out = await world.output(`nix-store --realise ${ALONE} ${drv}`)
  await world.output(`nix copy --to file:///srv/cache ${out}; nix-store --delete ${out}`)
  const toolDrv = await world.output('nix-instantiate /srv/tool.nix')
  const tool = await world.output(['nix-store', '-q', '--outputs', toolDrv])
  writeCache(world.path('/srv/cache'), [
    cachedPath('tool', 'tool\n', [ALPHA], { path: tool, deriver: toolDrv }),
  ])
  return { drv, source: out, toolDrv, tool }
}

/** Sources need this; derivations need alice's word, and outputs a cache's. */
function requireOfSources({ world }: GatedWorld, requirement: string): void {
  const people = `[principals.alice]\nkeys = ["${ALICE.publicKey}"]\n[principals.erin]\nkeys = ["minisign:${ERIN}"]\n`
  const require = `require = { source = ${requirement}, derivation = "alice", output = "caches" }`
  const policy = world.read(POLICY).replace(/^require = .*$/m, require)
  world.write(POLICY, policy.replace('[default]', `${people}[default]`))
}

async function assertRefused(gated: GatedWorld, path: string, reason: RegExp): Promise<void> {
  const { status, stderr } = await gated.realise(path)
  assert.notEqual(status, 0)
  assert.match(stderr, reason)
  assert.equal(await gated.isValid(path), false)
  assert.equal(gated.admission(path), undefined)
}

async function assertRealised(gated: GatedWorld, path: string): Promise<void> {
  const { status, stderr } = await gated.realise(path)
  assert.equal(status, 0, stderr)
  assert.equal(await gated.isValid(path), true)
  assert.equal(gated.admission(path)?.narHash, (await contentsOf(gated.world, path)).narHash)
}

for (const version of VERSIONS) {
  const gated = (name: string, use: (world: GatedWorld, scene: Scene) => Promise<void>) =>
    test(`${version}: ${name}`, () =>
      withGatedWorld(version, 'upstreams = ["file:///srv/cache"]', async world =>
        use(world, await cacheSource(world.world)),
      ))

  gated('a fetched source comes from a cache once a packager vouches for it', async (world, { source }) => {
    requireOfSources(world, '"alice"')
    await assertRefused(world, source, /\(fetched source\) .*needs alice for its source, found no signature/)
    const narHash = /^NarHash: sha256:(\S+)$/m.exec(
      world.world.read(`/srv/cache/${parseStorePath(source).digest}.narinfo`),
    )?.[1]
    const hex = await world.world.output(`nix-hash --type sha256 --to-base16 ${narHash}`)
    publish(world.world, source, packaged(ALICE, { path: source, narHash: hex }))
    await assertRealised(world, source)
    assert.match(world.gate.log(), /"admitted","path":"[^"]*-tool\.tar"/)
  })

  gated(
    'a source that only its developer signed comes from its origin, and lets in what is made from it',
    async (world, { drv, source, toolDrv, tool }) => {
      requireOfSources(world, '{ developer = "erin" }')
      for (const one of [drv, toolDrv]) {
        publish(world.world, one, packaged(ALICE, await contentsOf(world.world, one)))
      }
      await assertRefused(world, tool, /-tool\.tar \(fetched source\) is refused: /)
      storeDeveloperSignature(world.world.path(ATTESTATIONS), source, '.minisig', readFileSync(signature))
      await assertRefused(world, tool, /-tool\.tar \(fetched source\) is refused: /)
      const { status, stderr } = await world.world.run(['nix-store', '--realise', drv], { user: 'alice' })
      assert.equal(status, 0, stderr)
      assert.match(world.gate.log(), /"left to its origin","path":"[^"]*-tool\.tar"/)
      assert.equal(world.admission(source)?.kind, 'fetched-source')
      await assertRealised(world, tool)
    },
  )

  gated(
    'attack: a signature of something else sends Nix to the origin, where the hooks refuse',
    async (world, { drv, source }) => {
      requireOfSources(world, '{ developer = "erin" }')
      publish(world.world, drv, packaged(ALICE, await contentsOf(world.world, drv)))
      storeDeveloperSignature(
        world.world.path(ATTESTATIONS),
        source,
        '.minisig',
        readFileSync(otherSignature),
      )
      const { status } = await world.world.run(['nix-store', '--realise', drv], { user: 'alice' })
      assert.notEqual(status, 0)
      assert.match(world.gate.log(), /"left to its origin","path":"[^"]*-tool\.tar"/)
      await assertQuarantined(world.world, [source], {
        reason: /found a signature that does not verify \(minisign:/,
      })
    },
  )

  gated('a derivation comes from a cache once a packager vouches for it', async (world, { drv }) => {
    requireOfSources(world, '"nothing"')
    const contents = await contentsOf(world.world, drv)
    await world.world.output(`nix copy --derivation --to file:///srv/cache ${drv}`)
    await world.world.output('nix-store --gc')
    assert.equal(await world.isValid(drv), false)
    await assertRefused(
      world,
      drv,
      /-tool\.tar\.drv \(derivation\) .*needs alice for its derivation, found no signature/,
    )
    publish(world.world, drv, packaged(ALICE, contents))
    const { status, stderr } = await world.world.run(
      ['nix', 'copy', '--derivation', '--from', world.gate.url, drv],
      {
        user: 'alice',
      },
    )
    assert.equal(status, 0, stderr)
    assert.equal(await world.isValid(drv), true)
    assert.equal(world.admission(drv)?.narHash, contents.narHash)
  })

  const LABELS: Readonly<Record<string, { source: string; tool: string }>> = {
    'by the derivation that fetches it': { source: 'nixsigRole = "signature";', tool: '' },
    'by the derivation that is built from it': {
      source: '',
      tool: `nixsigSignatures = builtins.toJSON [ { subject = "/nix/store/${'0'.repeat(32)}-x"; signature = "\${src}"; } ];`,
    },
    'as a list of checksums': {
      source: '',
      tool: `nixsigSignatures = builtins.toJSON [ { subject = "/nix/store/${'0'.repeat(32)}-x"; signature = "/nix/store/${'1'.repeat(32)}-y"; checksums = "\${src}"; } ];`,
    },
  }
  for (const [how, label] of Object.entries(LABELS)) {
    gated(
      `attack: a source that is called a signature ${how} is undecided before it is here`,
      async world => {
        requireOfSources(world, '"alice"')
        const fetched = nix.fetchurl('evil.tar', 'file:///srv/tool.tar', sha256(RELEASE))
        const { world: machine } = world
        machine.write(
          '/srv/labelled.nix',
          `let src = derivation (${fetched}.drvAttrs // { ${label.source} }); in derivation (${nix.derivation('labelled', { inputs: ['src'] })}.drvAttrs // { ${label.tool} })`,
        )
        const drv = await machine.output('nix-instantiate /srv/labelled.nix')
        const path = await machine.output(['nix-store', '-q', '--outputs', drv])
        publish(machine, drv, packaged(ALICE, await contentsOf(machine, drv)))
        writeCache(machine.path('/srv/cache'), [
          cachedPath('labelled', 'x\n', [ALPHA], { path, deriver: drv }),
        ])
        await assertRefused(
          world,
          path,
          /evil\.tar \(fetched source\) is refused: .*whether it is the signature that it is called shows once it is here/,
        )
      },
    )
  }

  gated(
    'attack: a .drv that lies in the store without being valid is no derivation of anything',
    async (world, { tool }) => {
      requireOfSources(world, '"nothing"')
      const { world: machine } = world
      machine.write(
        POLICY,
        machine
          .read(POLICY)
          .replace('derivation = "alice"', 'derivation = "nothing"')
          .replace('accept-unknown-derivation = true', ''),
      )
      const bogus = `Derive([("out","${tool}","","")],[],[],"x86_64-linux","/bin/sh",[],[("out","${tool}")])`
      const path = textPath('tool.drv', Buffer.from(bogus), [])
      await machine.output('nix-collect-garbage')
      machine.write(path, bogus)
      writeCache(machine.path('/srv/cache'), [
        cachedPath('tool', 'tool\n', [ALPHA], { path: tool, deriver: path }),
      ])
      await assertRefused(world, tool, /undecided .*its derivation is not in this store/)
    },
  )
}
