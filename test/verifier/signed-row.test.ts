// docs/semantics.md, P10: a path that is about to become valid, judged by the signatures in its
// row. test/e2e/signed-rows.test.ts has real stores.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { generateKey, type KeyPair } from '../../src/crypto/secret-key.ts'
import { storeNarinfo } from '../../src/evidence/narinfo-files.ts'
import type { SignedRow } from '../../src/formats/hook-question.ts'
import type { HookReply } from '../../src/formats/hook-reply.ts'
import { narOfBytes } from '../../src/formats/nix/nar.ts'
import { narFingerprint, type SignedNar } from '../../src/formats/nix/narinfo.ts'
import { printNixPublicKey, printNixSignature } from '../../src/formats/nix/nix-key.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { sha256, signEd25519 } from '../../src/primitives/sodium.ts'
import type { Store } from '../../src/store/store-client.ts'
import { answerIncoming } from '../../src/verifier/incoming.ts'
import { openInquiry } from '../../src/verifier/inquiry.ts'
import { openResidentCache } from '../../src/verifier/resident-cache.ts'

const [ALICE, BOB, MALLORY] = ['alice-1', 'bob-1', 'mallory-1'].map(generateKey) as [
  KeyPair,
  KeyPair,
  KeyPair,
]

const policy = (threshold: number) => `version = 1
mode = "enforce"
[principals]
alice.keys = ["${printNixPublicKey(ALICE)}"]
bob.keys = ["${printNixPublicKey(BOB)}"]
[groups.makers]
members = ["alice", "bob"]
threshold = ${threshold}
[default]
require = { source = "refuse", derivation = "refuse", output = "makers" }
accept-unknown-derivation = true
`

const EMPTY: Partial<Store> = {
  pathInfo: async () => undefined,
  derivers: async () => [],
  referrers: async () => [],
}
const HOME = mkdtempSync('/tmp/nixsig-row-')
const ROOT = join(HOME, 'root')
mkdirSync(join(ROOT, 'nix/store'), { recursive: true })
mkdirSync(join(HOME, 'state'), { mode: 0o755 })
for (const threshold of [1, 2]) writeFileSync(join(HOME, `policy-${threshold}.toml`), policy(threshold))
after(() => rmSync(HOME, { recursive: true }))

const DIGITS = '0123456789abcdfghijklmnpqrsvwxyz'
const pathsOf = (digits: string) => [...digits].map(digit => `/nix/store/${digit.repeat(31)}0-path-${digit}`)
const PATHS = pathsOf('abcdfg')
/** So many that not every set of them is tried. */
const MANY = pathsOf('abcdfghijklmn')
const SELF = `/nix/store/${'0'.repeat(31)}1-made`
for (const path of MANY) writeFileSync(join(ROOT, path), '')

/** What one row says: contents with these texts, signed over these references. */
interface Row {
  readonly contents: string
  readonly references: readonly string[]
  readonly by?: KeyPair
  readonly change?: Partial<SignedRow>
  /** What was signed in place of this row. */
  readonly signs?: { readonly path?: string; readonly narHash?: string; readonly narSize?: number }
  /** Who signed the same in a narinfo that is kept; then two makers have to agree. */
  readonly alsoBy?: KeyPair
}

async function judge({ contents, references, by = ALICE, change, signs, alsoBy }: Row): Promise<HookReply> {
  writeFileSync(join(ROOT, SELF), contents)
  const nar = narOfBytes(Buffer.from(contents), false)
  const about = { path: SELF, narHash: toHex(sha256(nar)), narSize: nar.length, references }
  const signatures = [signatureBy(by, { ...about, ...signs })]
  const row = { narSize: nar.length, root: ROOT, signatures, hasOthers: false }
  const kept = alsoBy === undefined ? undefined : keptNarinfo(about, alsoBy)
  const places = {
    state: join(HOME, 'state'),
    policy: join(HOME, `policy-${kept === undefined ? 1 : 2}.toml`),
    attestations: kept === undefined ? undefined : [kept],
  }
  const cache = { ...openResidentCache(places), store: async () => EMPTY as Store }
  const question = {
    kind: 'admit',
    path: SELF,
    narHash: about.narHash,
    signed: { ...row, ...change },
  } as const
  return answerIncoming(question, () => openInquiry(places, { records: true, kept: cache }), 'root')
}

function signatureBy({ name, secretKey }: KeyPair, about: SignedNar): string {
  const message = Buffer.from(narFingerprint(about))
  return printNixSignature({ name, signature: signEd25519(message, secretKey) })
}

/** A directory with a narinfo that states this. */
function keptNarinfo(about: SignedNar, by: KeyPair): string {
  const directory = join(HOME, 'kept')
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory)
  storeNarinfo(directory, {
    ...about,
    ...{ url: 'nar/x.nar', compression: 'none', fileHash: undefined, fileSize: undefined },
    ...{ deriver: undefined, system: undefined, contentAddress: undefined },
    signatures: [signatureBy(by, about)],
  })
  return directory
}

/** What is said of a path that may become valid with these references alone. */
function assertLetIn({ outcome, sentence, telling }: HookReply, references: readonly string[]): void {
  assert.equal(outcome, 'pass', sentence)
  const lines = [...references].sort().map(path => `${path}\n`)
  assert.equal(telling.references, toHex(sha256(Buffer.from(lines.join('')))))
}

function assertRefused({ outcome, sentence }: HookReply, why: RegExp): void {
  assert.equal(outcome, 'refuse')
  assert.match(sentence, why)
}

const UNVERIFIED_ANY = /found a signature that does not verify \(alice-1, in the row/

test('property: of nine named paths at most, a row is let in with exactly those that were signed', () =>
  fc.assert(
    fc.asyncProperty(
      fc.subarray([...MANY, SELF], { maxLength: 9 }),
      fc.subarray([...MANY, SELF]),
      fc.boolean(),
      fc.string(),
      fc.boolean(),
      async (named, other, isAmong, filler, isWhole) => {
        const signed = isAmong ? other.filter(path => named.includes(path)) : other
        const words = named.map(path => (isWhole ? path : path.slice(11, 43)))
        const contents = `${filler} ${words.join(` ${filler} `)}`
        const outcome = await judge({ contents, references: signed })
        if (signed.every(path => named.includes(path))) assertLetIn(outcome, signed)
        else assertRefused(outcome, UNVERIFIED_ANY)
      },
    ),
    { numRuns: 200 },
  ))

const ALL = [...MANY, SELF]
const [FIRST = '', SECOND = '', THIRD = ''] = MANY
const OF_MANY: Readonly<Record<string, readonly string[]>> = {
  'no path': [],
  'itself alone': [SELF],
  'one path': [THIRD],
  'itself and one path': [THIRD, SELF],
  'all but itself': MANY,
  'all but one': ALL.filter(path => path !== THIRD),
  'all but two': ALL.filter(path => path !== FIRST && path !== THIRD),
}

for (const [what, references] of Object.entries(OF_MANY)) {
  test(`a row whose contents name more than nine paths is let in if it was signed over ${what}`, async () =>
    assertLetIn(await judge({ contents: ALL.join(' '), references }), references))
}

test('a row whose contents name more than nine paths is let in over the set that kept evidence states', async () => {
  const row = { contents: ALL.join('\n'), references: [FIRST, SECOND, THIRD, SELF].sort() }
  assertRefused(await judge(row), UNVERIFIED_ANY)
  assertLetIn(await judge({ ...row, alsoBy: BOB }), row.references)
  assertRefused(await judge({ ...row, alsoBy: ALICE }), /needs 2 of 2 makers/)
})

test('a path that is not in this store is no reference, however it is named', async () => {
  const stranger = `/nix/store/${DIGITS}-elsewhere`
  assertLetIn(await judge({ contents: stranger, references: [] }), [])
})

const [ONE = '', TWO = ''] = PATHS
const UNVERIFIED =
  /found a signature that does not verify \(alice-1, in the row of the database, over the 1 reference/
const ATTACKS: Readonly<Record<string, readonly [row: Row, reason: RegExp]>> = {
  'a signature by nobody on the list': [
    { contents: ONE, references: [ONE], by: MALLORY },
    /needs 1 of 2 makers for its output, found .*mallory-1/,
  ],
  'a signature over other references': [{ contents: ONE, references: [TWO] }, UNVERIFIED],
  'a signature over another path': [{ contents: ONE, references: [ONE], signs: { path: ONE } }, UNVERIFIED],
  'a signature over other contents': [
    { contents: ONE, references: [ONE], signs: { narHash: 'ab'.repeat(32) } },
    UNVERIFIED,
  ],
  'a signature over another size': [{ contents: ONE, references: [ONE], signs: { narSize: 1 } }, UNVERIFIED],
  'a row with another size than its contents': [
    { contents: ONE, references: [ONE], change: { narSize: 1 }, signs: { narSize: 1 } },
    /has other contents than Nix says/,
  ],
  'a row of a store that is somewhere': [
    { contents: ONE, references: [ONE], change: { root: undefined } },
    /not known where \S+ lies on the disk/,
  ],
  'a row of a store without this path': [
    { contents: ONE, references: [ONE], change: { root: '/nonexistent' } },
    /cannot be looked into for references: ENOENT/,
  ],
  'a row without signatures': [
    { contents: ONE, references: [ONE], change: { signatures: [] } },
    /needs 1 of 2 makers for its output, found no signature/,
  ],
  'a row with text in place of a signature': [
    { contents: ONE, references: [ONE], change: { signatures: ['alice-1:AAAA', 'x'] } },
    /needs 1 of 2 makers for its output/,
  ],
}

for (const [what, [row, why]] of Object.entries(ATTACKS)) {
  test(`attack: ${what} lets nothing in`, async () => assertRefused(await judge(row), why))
}

test('a path that came in a moment ago is a reference, and one that left is none', async () => {
  const late = `/nix/store/${'p'.repeat(31)}0-late`
  assertLetIn(await judge({ contents: ONE, references: [ONE] }), [ONE])
  writeFileSync(join(ROOT, late), '')
  assertLetIn(await judge({ contents: `${ONE} ${late}`, references: [ONE, late] }), [ONE, late])
  rmSync(join(ROOT, late))
  assertLetIn(await judge({ contents: `${late} ${ONE}`, references: [ONE] }), [ONE])
})

test('a path that came in within one step of the times of a file system is a reference', async () => {
  const late = `/nix/store/${'q'.repeat(31)}0-late`
  const directory = join(ROOT, 'nix/store')
  utimesSync(directory, 1e9, 1e9)
  // What is refused has the directory listed.
  assertRefused(await judge({ contents: ONE, references: [TWO] }), UNVERIFIED)
  writeFileSync(join(ROOT, late), '')
  utimesSync(directory, 1e9, 1e9)
  assertLetIn(await judge({ contents: `${ONE} ${late} `, references: [ONE, late] }), [ONE, late])
  rmSync(join(ROOT, late))
})

test('what a signature let in is not in the ledger, so that the next copy is judged with its own references', async () => {
  assertLetIn(await judge({ contents: ONE, references: [ONE] }), [ONE])
  assertRefused(await judge({ contents: ONE, references: [ONE], by: MALLORY }), /needs 1 of 2 makers/)
})
