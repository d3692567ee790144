import { strict as assert } from 'node:assert'
import { signEnvelope } from '../../src/crypto/envelope.ts'
import { parseEnvelope, printEnvelope } from '../../src/formats/in-toto/dsse.ts'
import { PROVENANCE, provenanceJson } from '../../src/formats/in-toto/predicates/provenance.ts'
import { RELEASE, releaseJson } from '../../src/formats/in-toto/predicates/release.ts'
import {
  LEVEL,
  VERIFICATION_SUMMARY,
  verificationSummaryJson,
} from '../../src/formats/in-toto/predicates/verification-summary.ts'
import { parsePredicate } from '../../src/formats/in-toto/predicates.ts'
import { parseStatement, printStatement, type Statement } from '../../src/formats/in-toto/statement.ts'
import { isList, isObject, printJson } from '../../src/formats/json/print.ts'
import { decodeUtf8, type JsonValue, parseStrictJson } from '../../src/formats/json/strict.ts'
import { ALICE, DERIVATION, NAR_HASH, NOW, OTHER_PATH, PATH } from '../seeds.ts'
import { formatTarget, type Target, textOf } from '../target.ts'

const LIMITS = { length: 1024 * 1024, depth: 32 }

const JSON_TOKENS: readonly string[] = [
  ...['{', '}', '[', ']', ',', ':', '"', '\\', 'null', 'true', 'false', '-0', '1e3', '0.5', '{}', '[]', '""'],
  ...[
    '\\u0000',
    '\\ud800',
    '\\udc00',
    '\\ud83d\\ude00',
    '\\/',
    '"__proto__":',
    '"constructor":',
    '\ufeff',
    '\u2028',
  ],
  ...['9007199254740992', '9007199254740991', '/**/', '[[[[[[[[', '{"a":'],
]

const SUBJECT = { name: PATH, narHash: NAR_HASH }
const ANNOTATIONS = new Map<string, JsonValue>([
  ['narSize', 120],
  ['note', ['ü\u{1f600}"\\\n', null, true, false, -1]],
])

const STATEMENTS: readonly Statement[] = [
  { subjects: [SUBJECT], predicateType: RELEASE, predicate: releaseJson('pkg:generic/hello@2.12') },
  {
    subjects: [
      { ...SUBJECT, references: [PATH, OTHER_PATH].sort() },
      { name: OTHER_PATH, narHash: NAR_HASH, annotations: ANNOTATIONS },
    ],
    predicateType: PROVENANCE,
    predicate: provenanceJson(
      'nixsig:builder:x',
      { derivation: DERIVATION, output: 'out', inputs: [SUBJECT] },
      NOW,
    ),
  },
  {
    subjects: [SUBJECT],
    predicateType: VERIFICATION_SUMMARY,
    predicate: verificationSummaryJson({
      signer: 'nixsig:verifier:x',
      resourceUri: `nixsig:${PATH}`,
      policyUri: 'https://example.org/policy',
      timeVerified: NOW,
      passed: true,
      levels: [LEVEL.developerSignatureChecked, LEVEL.packagedGraph, LEVEL.reviewed],
      inputs: [{ uri: 'minisign:RWQ', sha256: NAR_HASH }],
    }),
  },
  { subjects: [SUBJECT], predicateType: 'https://example.org/other', predicate: new Map() },
]

/** Payloads that nixsig writes. */
export const PAYLOADS: readonly Uint8Array[] = STATEMENTS.map(printStatement)

/** Each payload in an envelope that Alice signed. */
export const LINES: readonly string[] = PAYLOADS.map(payload => signEnvelope(payload, ALICE))

/** Tokens of envelopes and statements. */
export const ATTESTATION_TOKENS: readonly string[] = [
  ...JSON_TOKENS,
  ...['"payload"', '"payloadType"', '"signatures"', '"sig":""', '"keyid"', '"cert":""'],
  ...[
    '"_type"',
    '"subject"',
    '"digest"',
    '"sha256"',
    '"sha512":1',
    '"nixNarSha256"',
    '"annotations":{}',
    '"predicate"',
  ],
  ...['"verifiedLevels"', '"inputAttestations":[]', 'FAILED', 'PASSED', PATH, OTHER_PATH, RELEASE, NAR_HASH],
]

/** JSON, and what attestations make of it. */
export const ATTESTATIONS: readonly Target[] = [
  formatTarget({
    name: 'strict json',
    seeds: ['null', ' {"a" : [1, -2, "\\u00fc\\n", true, {}], "b": null}\n', ...PAYLOADS],
    tokens: JSON_TOKENS,
    read: input => parseStrictJson(decodeUtf8(input, 'JSON'), LIMITS),
    print: printJson,
    // A value that is accepted here is the same to every JSON parser.
    also: (value, input) => assert.deepEqual(plain(value), JSON.parse(textOf(input))),
  }),
  formatTarget({
    name: 'envelope',
    seeds: [...LINES, ...LINES.map(line => printEnvelope({ ...parseEnvelope(line), logged: ['proof', ''] }))],
    tokens: [...ATTESTATION_TOKENS, ',"logged":["x"]'],
    read: input => parseEnvelope(textOf(input)),
    print: printEnvelope,
  }),
  formatTarget({
    name: 'statement',
    seeds: PAYLOADS,
    tokens: ATTESTATION_TOKENS,
    read: parseStatement,
    print: printStatement,
  }),
  formatTarget({
    name: 'predicate',
    seeds: PAYLOADS,
    tokens: ATTESTATION_TOKENS,
    read: input => parsePredicate(parseStatement(input)),
  }),
]

/** A value as JSON.parse returns it. */
function plain(value: JsonValue): unknown {
  if (isList(value)) return value.map(plain)
  if (!isObject(value)) return value
  return Object.fromEntries([...value].map(([key, entry]) => [key, plain(entry)]))
}
