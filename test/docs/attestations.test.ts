// The examples of docs/attestations.md are what nixsig reads and writes.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { keyRing, openEnvelope } from '../../src/crypto/envelope.ts'
import { SIGNATURE_EXTENSIONS } from '../../src/evidence/signature-files.ts'
import { parseEnvelope } from '../../src/formats/in-toto/dsse.ts'
import { LEVEL } from '../../src/formats/in-toto/predicates/verification-summary.ts'
import { parsePredicate } from '../../src/formats/in-toto/predicates.ts'
import {
  parseRevisionStatement,
  printRevisionStatement,
} from '../../src/formats/in-toto/revision-statement.ts'
import { parseStatement, printStatement } from '../../src/formats/in-toto/statement.ts'
import { declaredSignatures } from '../../src/formats/nix/declared-signatures.ts'
import { parseNixPublicKey } from '../../src/formats/nix/nix-key.ts'
import { sshFingerprint } from '../../src/formats/ssh/key.ts'
import { parseKey } from '../../src/policy/language/keys.ts'
import { exampleOf } from './markdown.ts'

const PAGE = 'docs/attestations.md'
const TEXT = readFileSync(join(PROJECT_ROOT, PAGE), 'utf8')

/** The example of a section on one line, as it is signed or written. */
function lineOf(section: string): string {
  return JSON.stringify(JSON.parse(exampleOf(PAGE, section, 'json')))
}

test('the envelope is signed by the key that the page names, and holds the release that it shows', async () => {
  const [, key = ''] = /It was signed by\s+`([^`]+)`/.exec(TEXT) ?? []
  const { publicKey } = parseNixPublicKey(key)
  const envelope = parseEnvelope(lineOf('The envelope'))
  const { signers, strays } = await openEnvelope(envelope, keyRing([parseKey(key)]))
  assert.equal(signers.length, 1)
  assert.deepEqual(strays, [])
  assert.equal(envelope.signatures[0]?.keyid, sshFingerprint(publicKey))
  assert.equal(Buffer.from(envelope.payload).toString('utf8'), lineOf('A developer: release'))
})

for (const [section, kind] of [
  ['A packager or a reviewer: verification summary', 'verification-summary'],
  ['A developer: release', 'release'],
  ['A builder: provenance', 'provenance'],
] as const) {
  test(`the statement of "${section}" is one, byte for byte as nixsig prints it`, () => {
    const line = lineOf(section)
    const statement = parseStatement(Buffer.from(line))
    assert.equal(parsePredicate(statement)?.kind, kind)
    assert.equal(Buffer.from(printStatement(statement)).toString('utf8'), line)
  })
}

test('the statement about a commit is one, byte for byte as nixsig prints it', () => {
  const line = lineOf('Signed commits')
  assert.equal(
    Buffer.from(printRevisionStatement(parseRevisionStatement(Buffer.from(line)))).toString(),
    line,
  )
})

test('what a derivation says of signatures is read as the page shows it', () => {
  const said = exampleOf(PAGE, 'In the derivation itself', 'json')
  const env = [['nixsigSignatures', said]] as const
  const nothing = { outputs: [], inputDerivations: [], inputSources: [], args: [] }
  const derivation = { version: undefined, ...nothing, system: 'builtin', builder: 'builtin:fetchurl', env }
  assert.deepEqual(declaredSignatures(derivation), JSON.parse(said))
})

test('every level is explained', () => {
  const explained = [...TEXT.matchAll(/^\| `(NIXSIG_\w+)` \|/gm)].map(([, level]) => level)
  assert.deepEqual(new Set(explained), new Set(Object.values(LEVEL)))
})

test('every file extension is named', () => {
  const direct = SIGNATURE_EXTENSIONS.filter(extension => !extension.startsWith('.sums.'))
  for (const extension of ['.intoto.jsonl', '.narinfo', ...direct]) {
    assert.match(TEXT, new RegExp(`^(?:.*<digest>| +)\\${extension} `, 'm'), extension)
  }
})
