// docs/semantics.md, G13: which references the gate signs, on a machine whose store is empty.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { signEnvelope } from '../../src/crypto/envelope.ts'
import { generateKey, type KeyPair } from '../../src/crypto/secret-key.ts'
import { appendAttestation } from '../../src/evidence/attestation-files.ts'
import type { UpstreamAnswer } from '../../src/evidence/upstreams/upstream.ts'
import { PROVENANCE, provenanceJson } from '../../src/formats/in-toto/predicates/provenance.ts'
import { signerUri } from '../../src/formats/in-toto/predicates.ts'
import { printStatement } from '../../src/formats/in-toto/statement.ts'
import { narOfBytes } from '../../src/formats/nix/nar.ts'
import { type Narinfo, narFingerprint } from '../../src/formats/nix/narinfo.ts'
import { printNixPublicKey, printNixSignature } from '../../src/formats/nix/nix-key.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { sshFingerprint } from '../../src/formats/ssh/key.ts'
import { readAdmission } from '../../src/ledger/admissions.ts'
import { sentence } from '../../src/policy/wording.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { sha256, signEd25519 } from '../../src/primitives/sodium.ts'
import type { Store } from '../../src/store/store-client.ts'
import { openInquiry } from '../../src/verifier/inquiry.ts'
import { admitOffers, type OfferOutcome } from '../../src/verifier/offered.ts'
import { openResidentCache } from '../../src/verifier/resident-cache.ts'

const paths = (...names: readonly string[]) =>
  names.map((name, index) => `/nix/store/${index}c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg-${name}`)
const [PATH, DEP, LIB, TOOL] = paths('hello', 'dep', 'lib', 'tool') as [string, string, string, string]
const A = 'https://a.example'
const B = 'https://b.example'
const [BUILDER, OTHER] = ['builder-1', 'other-1'].map(generateKey) as [KeyPair, KeyPair]

const directory = mkdtempSync('/tmp/nixsig-references-')
after(() => rmSync(directory, { recursive: true }))
let machines = 0

/** A machine that trusts a builder, knows no derivation, and has these attestations. */
function machine(attested: readonly string[], more = '', requirement = 'builder', mode = 'enforce') {
  const root = join(directory, String(machines++))
  const places = { policy: join(root, 'policy.toml'), state: join(root, 'state'), attestations: undefined }
  const attestations = join(root, 'attestations')
  for (const line of attested) appendAttestation(attestations, PATH, line)
  if (attested.length === 0) appendAttestation(attestations, TOOL, stated(TOOL, 'ab'.repeat(32)))
  writeFileSync(
    places.policy,
    `version = 1
mode = "${mode}"
[attestations]
directories = ["${attestations}"]
[principals]
builder.keys = ["${printNixPublicKey(BUILDER)}"]
other.keys = ["${printNixPublicKey(OTHER)}"]
[groups.both]
members = ["builder", "other"]
threshold = 2
${more}
[default]
require = { source = "refuse", derivation = "refuse", output = "${requirement}" }
accept-unknown-derivation = true
`,
  )
  const store: Partial<Store> = {
    pathInfo: async () => undefined,
    derivers: async () => [],
    referrers: async () => [],
  }
  const kept = { ...openResidentCache(places), store: async () => store as Store }
  const ask = (...answers: readonly UpstreamAnswer[]) =>
    admitOffers(openInquiry(places, { records: true, kept }), parseStorePath(PATH).digest, answers)
  const entry = () => readAdmission(places.state, parseStorePath(PATH).digest, PATH)
  return { ask, entry }
}

/** The builder's statement. */
function stated(path: string, narHash: string, references?: readonly string[], by = BUILDER): string {
  const derivation = `/nix/store/${'1'.repeat(32)}-${parseStorePath(path).name}.drv`
  const build = { derivation, output: 'out', inputs: [] }
  const predicate = provenanceJson(signerUri('builder', sshFingerprint(by.publicKey)), build, 1_790_000_000)
  const subjects = [{ name: path, narHash, ...(references && { references }) }]
  return signEnvelope(printStatement({ subjects, predicateType: PROVENANCE, predicate }), by)
}

interface Offered {
  readonly upstream?: string
  readonly references?: readonly string[]
  readonly compression?: string
  readonly signers?: readonly KeyPair[]
  /** The bytes that are served in place of the NAR. */
  readonly file?: Uint8Array
  readonly narSize?: number
}

let fetched = 0

/** What a cache says about these contents, and what it serves. */
function offer(text: string, offered: Offered = {}): UpstreamAnswer {
  const { upstream = A, references = [], compression = 'none', signers = [] } = offered
  const nar = narOf(text)
  const file = offered.file ?? nar
  const narinfo: Narinfo = {
    path: PATH,
    url: 'nar/x.nar',
    compression,
    fileHash: undefined,
    fileSize: undefined,
    narHash: toHex(sha256(nar)),
    narSize: offered.narSize ?? nar.length,
    references,
    deriver: undefined,
    system: undefined,
    signatures: [],
    contentAddress: undefined,
  }
  const message = Buffer.from(narFingerprint(narinfo))
  const signatures = signers.map(({ name, secretKey }) =>
    printNixSignature({ name, signature: signEd25519(message, secretKey) }),
  )
  const open = async () => {
    fetched++
    return { status: 200, length: file.length, body: Readable.from([file], { objectMode: false }) } as const
  }
  const nar_ = { kind: 'url', url: `${upstream}/nar/x.nar` } as const
  const said = {
    kind: 'offer',
    offer: { upstream, narinfo: { ...narinfo, signatures }, nar: nar_, open },
  } as const
  return { upstream, said, seconds: 0 }
}

const narOf = (text: string) => narOfBytes(Buffer.from(text), false)
const hashOf = (text: string) => toHex(sha256(narOf(text)))

function words(outcome: OfferOutcome): string {
  if (outcome.kind === 'trusted') return 'trusted'
  assert.ok(outcome.kind === 'refused', outcome.kind)
  return sentence(outcome.verdict)
}

test('a path whose references the builder signed is let in without reading the NAR', async () => {
  const text = `uses ${DEP}`
  const before = fetched
  const attested = machine([stated(PATH, hashOf(text), [DEP])])
  assert.equal(words(await attested.ask(offer(text, { references: [DEP] }))), 'trusted')
  const signed = machine([])
  assert.equal(words(await signed.ask(offer(text, { references: [DEP], signers: [BUILDER] }))), 'trusted')
  assert.equal(fetched, before)
})

for (const [what, references, difference] of [
  ['strips', [], `leaves out ${DEP}`],
  ['adds', [DEP, LIB], `adds ${LIB}`],
  ['replaces', [LIB], `adds ${LIB} and leaves out ${DEP}`],
] as const) {
  test(`attack: a keyless cache ${what} references of a path that is attested with them`, async () => {
    const text = `uses ${DEP}, as ${LIB} does not (${what})`
    const { ask, entry } = machine([stated(PATH, hashOf(text), [DEP])])
    const said = words(await ask(offer(text, { references })))
    const truth = `says that it refers to other paths than builder signed (in `
    assert.ok(said.includes(`${A} ${truth}`) && said.includes(`: ${difference};`), said)
    assert.equal(entry(), undefined)
  })
}

test('an older statement and the contents together suffice, and the NAR is fetched once', async () => {
  const text = `older, uses ${DEP} and ${PATH}\n`
  const { ask, entry } = machine([stated(PATH, hashOf(text))])
  const before = fetched
  for (let turn = 0; turn < 3; turn++) {
    assert.equal(words(await ask(offer(text, { references: [PATH, DEP] }))), 'trusted')
  }
  assert.equal(fetched, before + 1)
  assert.equal(entry()?.narHash, hashOf(text))
})

for (const [what, references, problem] of [
  [
    'strips a',
    [PATH],
    /they name \S+-dep; whether it refers to that, only its derivation tells, which is not whole in this store/,
  ],
  ['strips its own', [DEP], /refers to other paths than its contents do: leaves out \S+-hello;/],
  ['adds a', [PATH, DEP, LIB], /refers to other paths than its contents do: adds \S+-lib;/],
  ['renames a', [PATH, `${DEP}x`], /they do not name \S+-depx in full/],
] as const) {
  test(`attack: a keyless cache ${what} reference of a path that is attested without them`, async () => {
    const text = `${what}: uses ${DEP} and ${PATH}\n`
    const { ask, entry } = machine([stated(PATH, hashOf(text))])
    assert.match(words(await ask(offer(text, { references: [...references].sort() }))), problem)
    assert.equal(entry(), undefined)
  })
}

test('attack: a reference is found even if the contents hold only its hash part', async () => {
  const text = `uses ${parseStorePath(DEP).digest}\n`
  const { ask } = machine([stated(PATH, hashOf(text))])
  assert.match(words(await ask(offer(text))), /undecided .*they name \/nix\/store\/1c8i\w+; whether/)
})

for (const [what, requirement, exemption] of [
  ['nothing is required of', 'nothing', ''],
  [
    'exempt is',
    'refuse',
    '[[exemptions]]\nname = "hello"\nkind = ["output"]\nreason = "x"\nuntil = 2099-01-01\n',
  ],
] as const) {
  test(`attack: a keyless cache strips a reference although ${what} the path`, async () => {
    const text = `${requirement}: uses ${DEP}\n`
    const { ask } = machine([], exemption, requirement)
    assert.match(words(await ask(offer(text))), /undecided .*they name \S+-dep; whether/)
    assert.equal(words(await ask(offer(text, { references: [DEP] }))), 'trusted')
  })
}

test('attack: one of two required builders signs references that the other one did not', async () => {
  const text = `both: uses ${DEP} and ${LIB}\n`
  const { ask } = machine([stated(PATH, hashOf(text)), stated(PATH, hashOf(text), [DEP], OTHER)], '', 'both')
  assert.match(words(await ask(offer(text, { references: [DEP] }))), /undecided .*they name \S+-lib/)
})

test('attack: a NAR that is different, longer, shorter or malformed does not count', async () => {
  const text = `handed out: uses ${DEP}\n`
  const { ask } = machine([stated(PATH, hashOf(text))])
  const references = [DEP]
  const other = narOf(`handed oux: uses ${DEP}\n`)
  for (const [offered, problem] of [
    [{ file: other }, /does not have the hash in its narinfo/],
    [{ file: Buffer.concat([narOf(text), Buffer.from('x')]) }, /is longer than its narinfo says/],
    [{ file: narOf(text).subarray(8) }, /is shorter than its narinfo says/],
    [{ file: new Uint8Array(0) }, /is shorter than its narinfo says/],
    [{ compression: 'xz' }, /compressed in an unknown way \("xz"\)/],
    [{ compression: 'none', file: gzipSync(narOf(text)) }, /NAR/],
    [{ narSize: 2 ** 33 }, /8589934592 bytes are more than/],
  ] as const) {
    const said = words(await ask(offer(text, { references, ...offered })))
    assert.match(said, /undecided .*nobody whose word counts has signed what it refers to/)
    assert.match(said, problem)
  }
  assert.equal(
    words(await ask(offer(text, { references, compression: 'gzip', file: gzipSync(narOf(text)) }))),
    'trusted',
  )
})

test('any cache that states the same references may serve the NAR', async () => {
  const text = `second: uses ${DEP}\n`
  const { ask } = machine([stated(PATH, hashOf(text))])
  const references = [DEP]
  const broken = offer(text, { references, file: Buffer.from('?') })
  assert.equal(words(await ask(broken, offer(text, { references, upstream: B }))), 'trusted')
})

/** Contents that name some paths in one form or another. */
const contents = fc
  .array(
    fc.oneof(
      fc.constantFrom(PATH, DEP, LIB, TOOL).map(path => `${path} `),
      fc.constantFrom(DEP, LIB, TOOL).map(path => `${parseStorePath(path).digest}\n`),
      fc.string({ maxLength: 20 }),
    ),
    { maxLength: 6 },
  )
  .map(pieces => pieces.join(''))

const subset = fc.subarray([PATH, DEP, LIB, TOOL])

test('property: whatever a keyless cache says, the gate signs only references that a builder signed or the contents name', async () => {
  let trusted = 0
  await fc.assert(
    fc.asyncProperty(contents, subset, fc.option(subset), async (text, references, attested) => {
      const { ask } = machine([stated(PATH, hashOf(text), attested ?? undefined)])
      const outcome = await ask(offer(text, { references }))
      if (outcome.kind !== 'trusted') return
      trusted++
      assert.deepEqual(outcome.offer.narinfo.references, references)
      if (attested !== null) return assert.deepEqual(references, attested)
      const named = [PATH, DEP, LIB, TOOL].filter(path => text.includes(parseStorePath(path).digest))
      return assert.deepEqual(references, named)
    }),
    { numRuns: 60 },
  )
  assert.ok(trusted > 0)
})
