import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BUILD_TYPE, PROVENANCE, provenanceJson } from '../../../src/formats/in-toto/predicates/provenance.ts'
import { RELEASE, releaseJson } from '../../../src/formats/in-toto/predicates/release.ts'
import {
  LEVEL,
  VERIFICATION_SUMMARY,
  verificationSummaryJson,
} from '../../../src/formats/in-toto/predicates/verification-summary.ts'
import { namesAnotherSigner, parsePredicate, signerUri } from '../../../src/formats/in-toto/predicates.ts'
import { isObject, printJson } from '../../../src/formats/json/print.ts'
import { type JsonObject, parseStrictJson } from '../../../src/formats/json/strict.ts'
import { sshFingerprint } from '../../../src/formats/ssh/key.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'

const DRV = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello-2.12.drv'
const SOURCE = '/nix/store/1123456789abcdfghijklmnpqrsvwxyz-hello-2.12.tar.gz'
const HASH = 'ab'.repeat(32)
const KEY = sshFingerprint(new Uint8Array(32).fill(3))
const OTHER_KEY = 'AB'.repeat(20)

/** A predicate of this type, from text. */
function read(predicateType: string, predicate: JsonObject | string) {
  const json =
    typeof predicate === 'string' ? parseStrictJson(predicate, { length: 1e6, depth: 32 }) : predicate
  assert.ok(isObject(json))
  return parsePredicate({ subjects: [], predicateType, predicate: json })
}

const build = { derivation: DRV, output: 'out', inputs: [{ name: SOURCE, narHash: HASH }] }
const provenance = provenanceJson(signerUri('builder', KEY), build, 1_767_225_600)
const provenanceText = printJson(provenance)

test('provenance: the form that is signed can be read back', () => {
  assert.equal(
    provenanceText,
    `{"buildDefinition":{"buildType":"nixsig:build-type:derivation:v1",` +
      `"externalParameters":{"derivation":"${DRV}","output":"out"},"resolvedDependencies":[{"name":"${SOURCE}",` +
      `"digest":{"sha256":"${HASH}","nixNarSha256":"${HASH}"}}]},"runDetails":{"builder":{"id":` +
      `"${signerUri('builder', KEY)}"},"metadata":{"finishedOn":"2026-01-01T00:00:00Z"}}}`,
  )
  assert.deepEqual(read(PROVENANCE, provenanceText), {
    kind: 'provenance',
    signer: signerUri('builder', KEY),
    buildType: BUILD_TYPE,
    build,
    finishedOn: 1_767_225_600,
  })
})

test('provenance: a reproduction says so, beside whatever other builders have there', () => {
  const json = provenanceJson(signerUri('builder', KEY), { ...build, reproduced: true }, 1_767_225_600)
  const text = printJson(json)
  assert.match(text, /"output":"out"\},"internalParameters":\{"reproduced":true\},"resolvedDependencies"/)
  const readBuild = (form: string) => {
    const predicate = read(PROVENANCE, form)
    return predicate?.kind === 'provenance' ? predicate.build : undefined
  }
  assert.deepEqual(readBuild(text), { ...build, reproduced: true })
  for (const other of ['{}', '{"reproduced":false}', '{"reproduced":"yes","attempt":1}']) {
    assert.deepEqual(readBuild(text.replace('{"reproduced":true}', other)), build)
  }
  assert.throws(() => readBuild(text.replace('{"reproduced":true}', '[true]')), FormatError)
})

test('provenance of another build system, with all fields that SLSA names and one that it does not', () => {
  const text = `{
    "buildDefinition": {
      "buildType": "https://ci.example/workflow/v1",
      "externalParameters": { "inputs": {}, "workflow": { "ref": "refs/heads/main" } },
      "internalParameters": { "attempt": 1 },
      "resolvedDependencies": [ { "uri": "git+https://git.example/x", "digest": { "gitCommit": "${'0'.repeat(40)}" } } ]
    },
    "runDetails": {
      "builder": { "id": "https://ci.example/builder", "version": { "runner": "2" }, "builderDependencies": [] },
      "metadata": { "invocationId": "7", "startedOn": "2026-01-01T00:00:00Z", "finishedOn": "2026-01-01T00:00:09Z" },
      "byproducts": []
    },
    "extension": null
  }`
  assert.deepEqual(read(PROVENANCE, text), {
    kind: 'provenance',
    signer: 'https://ci.example/builder',
    buildType: 'https://ci.example/workflow/v1',
    finishedOn: 1_767_225_609,
  })
})

const signature = { uri: 'openpgp4fpr:0123456789ABCDEF0123456789ABCDEF01234567', sha256: HASH }
const summary = {
  signer: signerUri('verifier', KEY),
  resourceUri: SOURCE,
  policyUri: 'nixsig:packager:v1',
  passed: true,
  levels: [LEVEL.developerSignatureChecked],
  inputs: [signature],
  timeVerified: 1_767_225_600,
}
const summaryText = printJson(verificationSummaryJson(summary))

test('verification summary: the form that is signed can be read back', () => {
  assert.equal(
    summaryText,
    `{"verifier":{"id":"${signerUri('verifier', KEY)}"},"timeVerified":"2026-01-01T00:00:00Z",` +
      `"resourceUri":"${SOURCE}","policy":{"uri":"nixsig:packager:v1"},"inputAttestations":[{"uri":` +
      `"${signature.uri}","digest":{"sha256":"${HASH}"}}],"verificationResult":"PASSED",` +
      `"verifiedLevels":["NIXSIG_DEVELOPER_SIGNATURE_CHECKED"]}`,
  )
  assert.deepEqual(read(VERIFICATION_SUMMARY, summaryText), { kind: 'verification-summary', ...summary })
})

test('verification summary of another verifier, with all fields that SLSA names and one that it does not', () => {
  const text = `{
    "verifier": { "id": "https://verifier.example", "version": { "v": "1" } },
    "timeVerified": "2026-01-01T00:00:00.5Z",
    "resourceUri": "pkg:generic/hello@2.12",
    "policy": { "uri": "https://verifier.example/policy", "digest": { "sha256": "${HASH}" } },
    "inputAttestations": [ { "uri": "https://a.example", "digest": { "sha512": "00" } }, { "digest": {} } ],
    "verificationResult": "FAILED",
    "verifiedLevels": [ "SLSA_BUILD_LEVEL_3" ],
    "dependencyLevels": { "SLSA_BUILD_LEVEL_3": 5 },
    "slsaVersion": "1.0",
    "extension": []
  }`
  assert.deepEqual(read(VERIFICATION_SUMMARY, text), {
    kind: 'verification-summary',
    signer: 'https://verifier.example',
    resourceUri: 'pkg:generic/hello@2.12',
    policyUri: 'https://verifier.example/policy',
    passed: false,
    levels: ['SLSA_BUILD_LEVEL_3'],
    inputs: [],
    timeVerified: 1_767_225_600,
  })
})

test('release: the form that is signed can be read back', () => {
  const text = printJson(releaseJson('pkg:generic/hello@2.12'))
  assert.equal(text, '{"purl":"pkg:generic/hello@2.12"}')
  assert.deepEqual(read(RELEASE, text), { kind: 'release', purl: 'pkg:generic/hello@2.12' })
  assert.deepEqual(read(RELEASE, '{"purl":"pkg:npm/%40a/b@1","packageId":"7"}'), {
    kind: 'release',
    purl: 'pkg:npm/%40a/b@1',
  })
})

test('a predicate of another type, or of another version, is not read', () => {
  for (const type of [`${PROVENANCE}.1`, 'https://slsa.dev/provenance/v0.2', 'https://example.com/', '']) {
    assert.equal(read(type, '{}'), undefined)
  }
})

const REFUSED: readonly (readonly [string, string, string, RegExp])[] = [
  ['empty provenance', PROVENANCE, '{}', /field "buildDefinition" is missing/],
  [
    'a builder without a name',
    PROVENANCE,
    provenanceText.replace(/"id":"[^"]*"/, ''),
    /field "id" is missing \(runDetails\.builder\)/,
  ],
  [
    'a builder whose name is not a string',
    PROVENANCE,
    provenanceText.replace(/"id":"[^"]*"/, '"id":1'),
    /must be a str/,
  ],
  [
    'a build of a path that is not a derivation',
    PROVENANCE,
    provenanceText.replace(DRV, SOURCE),
    /must be a derivation \(buildDefinition\.externalParameters\.derivation\)/,
  ],
  [
    'a build of a path outside the store',
    PROVENANCE,
    provenanceText.replace(DRV, '/tmp/x.drv'),
    /\(buildDefinition\.externalParameters\.derivation\)/,
  ],
  [
    'a build with unknown parameters',
    PROVENANCE,
    provenanceText.replace('"output":"out"', '"output":"out","impure":true'),
    /unknown field "impure"/,
  ],
  [
    'an input with two hashes',
    PROVENANCE,
    provenanceText.replace(`"sha256":"${HASH}"`, `"sha256":"${'00'.repeat(32)}"`),
    /differ \(buildDefinition\.resolvedDependencies\[0\]\.digest\)/,
  ],
  ['an invalid time', PROVENANCE, provenanceText.replace('-01T', '-32T'), /not an RFC 3339 time/],
  ['an empty summary', VERIFICATION_SUMMARY, '{}', /field "verifier" is missing/],
  [
    'a result in small letters',
    VERIFICATION_SUMMARY,
    summaryText.replace('PASSED', 'passed'),
    /PASSED or FAILED/,
  ],
  [
    'a result that is neither',
    VERIFICATION_SUMMARY,
    summaryText.replace('"PASSED"', 'true'),
    /must be a string/,
  ],
  [
    'a summary without levels',
    VERIFICATION_SUMMARY,
    summaryText.replace(/,"verifiedLevels":\[.*?\]/, ''),
    /field "verifiedLevels" is missing/,
  ],
  [
    'a checked signature that is not named',
    VERIFICATION_SUMMARY,
    summaryText.replace(/"inputAttestations":\[.*?\]/, '"inputAttestations":[]'),
    /NIXSIG_DEVELOPER_SIGNATURE_CHECKED without a signature/,
  ],
  [
    'a checked signature without its hash',
    VERIFICATION_SUMMARY,
    summaryText.replace(`"sha256":"${HASH}"`, ''),
    /NIXSIG_DEVELOPER_SIGNATURE_CHECKED without a signature/,
  ],
  [
    'a checked signature with half a hash',
    VERIFICATION_SUMMARY,
    summaryText.replace(HASH, 'ab'),
    /64 lower-case hexadecimal digits \(inputAttestations\[0\]\.digest\.sha256\)/,
  ],
  ['a release without a version', RELEASE, '{"purl":"pkg:generic/hello"}', /package URL with a version/],
  ['a release that is not a package URL', RELEASE, '{"purl":"https://a@b"}', /package URL with a version/],
  ['an empty release', RELEASE, '{}', /field "purl" is missing/],
]

for (const [name, type, text, reason] of REFUSED) {
  test(`refuses ${name}`, () => {
    assert.throws(() => read(type, text), reason)
    assert.throws(() => read(type, text), FormatError)
  })
}

test("the URI of a signer is made of the key's SSH fingerprint", () => {
  assert.match(signerUri('builder', KEY), /^nixsig:builder:SHA256:[A-Za-z0-9+/]{43}$/)
  assert.match(signerUri('verifier', KEY), /^nixsig:verifier:SHA256:/)
})

test("attack: a key that signs another signer's statement does not count as its author", () => {
  const ours = read(PROVENANCE, provenanceText)
  const theirs = read(PROVENANCE, provenanceText.replace(signerUri('builder', KEY), 'https://ci.example'))
  const checked = read(VERIFICATION_SUMMARY, summaryText)
  const release = read(RELEASE, '{"purl":"pkg:generic/hello@1"}')
  assert.ok(ours && theirs && checked && release)
  assert.equal(namesAnotherSigner(ours, KEY), false)
  assert.equal(namesAnotherSigner(ours, OTHER_KEY), true)
  assert.equal(namesAnotherSigner(checked, KEY), false)
  assert.equal(namesAnotherSigner(checked, OTHER_KEY), true)
  assert.equal(namesAnotherSigner(theirs, OTHER_KEY), false)
  assert.equal(namesAnotherSigner(release, OTHER_KEY), false)
})

test("a verifier with a builder's URI is another signer", () => {
  const confused = read(VERIFICATION_SUMMARY, summaryText.replace('nixsig:verifier:', 'nixsig:builder:'))
  assert.ok(confused)
  assert.equal(namesAnotherSigner(confused, KEY), true)
})
