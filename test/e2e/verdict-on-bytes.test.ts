// docs/semantics.md, H1 and P5: if the policy requires attested sources, and only the developer's
// signature can satisfy the rule of a fetched file, its bytes are judged before it becomes valid.
// The post-build hook does nothing here.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type SignatureExtension, storeDeveloperSignature } from '../../src/evidence/signature-files.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { readExpected } from '../../src/ledger/expected.ts'
import * as nix from '../support/expressions.ts'
import { GATE_STATE } from '../support/gate-process.ts'
import { type GuardedWorld, withGuardedWorld } from '../support/guarded-world.ts'
import { openDevelopers, RELEASE, TAMPERED } from '../support/in-band.ts'
import { ATTESTATIONS, POLICY, sha256 } from '../support/trust.ts'
import { EVERY_VERSION } from '../support/world.ts'

const people = openDevelopers()
after(people.remove)
const dev = people.developer('dev')
const other = people.developer('other')

interface Fetched {
  readonly drv: string
  readonly out: string
}

/** Derivations need the packager's word, and what is called signed its developer's signature. */
function strict(policy: string): string {
  const rules = `[store]
sources = "attested"
[principals.dev]
keys = [${dev.minisign}]
[[rules]]
match = { name = "signed*", kind = ["fetched-source", "local-source"] }
require = { source = { developer = "dev" } }
[default]`
  return policy.replace('[default]', rules)
}

/**
 * A fetch of a file with this text, whose derivation says this besides, and for which the packager
 * stands.
 */
async function fetching(guarded: GuardedWorld, name: string, text: string, more = ''): Promise<Fetched> {
  guarded.world.write(`/srv/${name}`, text)
  const fetch = nix.fetchurl(name, `file:///srv/${name}`, sha256(text))
  const made = await guarded.instantiate(name, `derivation (${fetch}.drvAttrs // { ${more} })`)
  await guarded.attest(made.drv)
  return made
}

function keep({ world }: GuardedWorld, { out }: Fetched, extension: SignatureExtension, bytes: Buffer): void {
  storeDeveloperSignature(world.path(ATTESTATIONS), out, extension, bytes)
}

function realise({ world }: GuardedWorld, { drv }: Fetched) {
  return world.run(`nix-store --realise --option substitute false ${drv}`, { user: 'mallory' })
}

async function assertValid(guarded: GuardedWorld, made: Fetched, kind: string): Promise<void> {
  const { status, stderr } = await realise(guarded, made)
  assert.equal(status, 0, stderr)
  assert.equal(await guarded.isValid(made.out), true)
  assert.equal(guarded.admission(made.out)?.kind, kind)
  const expected = readExpected(guarded.world.path(GATE_STATE), parseStorePath(made.out).digest)
  assert.deepEqual(expected?.admits, { kind: 'asked' })
}

/** Once it lies there, the gate says why it may not become valid. */
async function assertNeverValid(guarded: GuardedWorld, made: Fetched, reason: RegExp): Promise<void> {
  for (const time of ['first', 'second']) {
    const { status } = await realise(guarded, made)
    assert.notEqual(status, 0, time)
    assert.equal(await guarded.isValid(made.out), false, time)
  }
  const lines = guarded.daemonLog().split('\n')
  const said = lines.filter(line => line.includes(`nixsig: refused ${made.out}`))
  assert.match(said.join('\n'), reason)
}

const SCENES: Readonly<Record<string, (guarded: GuardedWorld) => Promise<void>>> = {
  async 'a file that its developer signed becomes valid'(guarded) {
    const made = await fetching(guarded, 'signed-good', RELEASE)
    keep(guarded, made, '.minisig', dev.minisignOf(RELEASE))
    await assertValid(guarded, made, 'fetched-source')
  },

  async 'so does one that stands in a list of checksums which its developer signed'(guarded) {
    const made = await fetching(guarded, 'signed-listed', RELEASE)
    const list = `${sha256(RELEASE)}  signed-listed\n`
    keep(guarded, made, '.sums', Buffer.from(list))
    keep(guarded, made, '.sums.minisig', dev.minisignOf(list))
    await assertValid(guarded, made, 'fetched-source')
  },

  async 'so does one whose derivation names the signature'(guarded) {
    const signature = nix.toFile('signed-named.minisig', dev.minisignOf(RELEASE).toString())
    const says = `nixsigSignatures = builtins.toJSON [ { subject = "out"; signature = "\${${signature}}"; } ];`
    await assertValid(guarded, await fetching(guarded, 'signed-named', RELEASE, says), 'fetched-source')
  },

  async 'attack: a file that the signature is not over never does'(guarded) {
    const made = await fetching(guarded, 'signed-bad', TAMPERED)
    keep(guarded, made, '.minisig', dev.minisignOf(RELEASE))
    await assertNeverValid(guarded, made, /found a signature that does not verify/)
  },

  async 'attack: nor does one that somebody else signed'(guarded) {
    const made = await fetching(guarded, 'signed-other', RELEASE)
    keep(guarded, made, '.minisig', other.minisignOf(RELEASE))
    await assertNeverValid(
      guarded,
      made,
      /needs dev as developer for its source, found only signers who are not/,
    )
  },

  async 'attack: nor does one whose signature is over a list without it'(guarded) {
    const made = await fetching(guarded, 'signed-unlisted', TAMPERED)
    const list = `${sha256(RELEASE)}  signed-unlisted\n`
    keep(guarded, made, '.sums', Buffer.from(list))
    keep(guarded, made, '.sums.minisig', dev.minisignOf(list))
    await assertNeverValid(guarded, made, /signed-unlisted/)
  },

  async 'attack: what is hashed as a tree is not fetched at all, whoever signed it'(guarded) {
    const build = 'printf "the developer wrote this\\n" > $out; /bin/busybox chmod +x $out'
    const { world } = guarded
    world.write('/srv/signed-run', RELEASE, 0o755)
    const hash = (await world.output('nix-store --dump /srv/signed-run | sha256sum')).slice(0, 64)
    const attributes = { outputHashMode: '"recursive"', outputHashAlgo: '"sha256"', outputHash: `"${hash}"` }
    const made = await guarded.instantiate('signed-run', nix.derivation('signed-run', { build, attributes }))
    await guarded.attest(made.drv)
    keep(guarded, made, '.minisig', dev.minisignOf(RELEASE))
    const { status, stderr } = await realise(guarded, made)
    assert.notEqual(status, 0)
    assert.match(
      stderr,
      /signed-run \(fetched source\).*needs dev as developer for its source, found no signature/,
    )
    assert.equal(await guarded.isValid(made.out), false)
  },

  async 'what is fetched as a signature and is one becomes valid as that'(guarded) {
    const text = dev.minisignOf(RELEASE).toString()
    await assertValid(
      guarded,
      await fetching(guarded, 'signed-sig', text, 'nixsigRole = "signature";'),
      'signature',
    )
  },

  async 'attack: what is fetched as a signature and is a program never does'(guarded) {
    const made = await fetching(guarded, 'signed-evil', '#!/bin/sh\necho evil\n', 'nixsigRole = "signature";')
    await assertNeverValid(guarded, made, /it is named as a signature but is not one/)
  },
}

for (const version of EVERY_VERSION) {
  test(version, t =>
    withGuardedWorld(version, async guarded => {
      guarded.world.write(POLICY, strict(guarded.world.read(POLICY)))
      guarded.world.write('/opt/nixsig/native/post-build-hook', '#!/bin/sh\n', 0o755)
      for (const [name, scene] of Object.entries(SCENES)) await t.test(name, () => scene(guarded))
    }),
  )
}
