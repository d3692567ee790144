/**
 * People with keys, their attestations, and the policy of a world, all made with nixsig's own
 * library.
 */
import { createHash } from 'node:crypto'
import { signEnvelope } from '../../src/crypto/envelope.ts'
import { generateKey, type KeyPair } from '../../src/crypto/secret-key.ts'
import { appendAttestation } from '../../src/evidence/attestation-files.ts'
import { PROVENANCE, provenanceJson } from '../../src/formats/in-toto/predicates/provenance.ts'
import { RELEASE, releaseJson } from '../../src/formats/in-toto/predicates/release.ts'
import {
  LEVEL,
  VERIFICATION_SUMMARY,
  verificationSummaryJson,
} from '../../src/formats/in-toto/predicates/verification-summary.ts'
import { signerUri } from '../../src/formats/in-toto/predicates.ts'
import { printStatement, type Statement } from '../../src/formats/in-toto/statement.ts'
import { printNixPublicKey } from '../../src/formats/nix/nix-key.ts'
import { sshFingerprint } from '../../src/formats/ssh/key.ts'
import type { World } from './world.ts'

/** The directory in which the policies below look for attestations. */
export const ATTESTATIONS = '/etc/nixsig/attestations'
export const POLICY = '/etc/nixsig/policy.toml'

export interface Signer {
  readonly key: KeyPair
  /** `name:base64`, as a policy lists it. */
  readonly publicKey: string
}

/** Makes a person with a new key. */
export function signer(name: string): Signer {
  const key = generateKey(`${name}-1`)
  return { key, publicKey: printNixPublicKey(key) }
}

/** A store path and the hex SHA-256 of its NAR. */
export interface Contents {
  readonly path: string
  readonly narHash: string
  /** The references that the signer states, sorted; by default none. */
  readonly references?: readonly string[]
}

/** The contents of a path in the world's store, as Nix serialises them. */
export async function contentsOf(world: World, path: string): Promise<Contents> {
  const digest = await world.output(`nix-store --dump ${path} | sha256sum`)
  return { path, narHash: digest.slice(0, 64) }
}

/**
 * A packager's envelope about a source or, with `graph`, about a derivation and its whole build
 * graph.
 */
export function packaged(by: Signer, contents: Contents, level: string = LEVEL.packaged): string {
  const predicate = verificationSummaryJson({
    signer: signerUri('verifier', sshFingerprint(by.key.publicKey)),
    timeVerified: 1_790_000_000,
    resourceUri: `nixsig:${contents.path}`,
    passed: true,
    levels: [level],
    inputs: [],
  })
  return envelope(by, { subjects: [subject(contents)], predicateType: VERIFICATION_SUMMARY, predicate })
}

/** A developer's envelope about a release. */
export function released(by: Signer, contents: Contents): string {
  const predicate = releaseJson('pkg:generic/x@1')
  return envelope(by, { subjects: [subject(contents)], predicateType: RELEASE, predicate })
}

/** A builder's envelope about these contents of an output. */
export function built(by: Signer, contents: Contents, derivation: string, output = 'out'): string {
  const build = { derivation, output, inputs: [] }
  const predicate = provenanceJson(
    signerUri('builder', sshFingerprint(by.key.publicKey)),
    build,
    1_790_000_000,
  )
  return envelope(by, { subjects: [subject(contents)], predicateType: PROVENANCE, predicate })
}

/** Puts an envelope into the directory that the world's policy names. */
export function publish(world: World, path: string, line: string): void {
  appendAttestation(world.path(ATTESTATIONS), path, line)
}

/** Writes the policy of a world, and makes its directory of attestations. */
export async function setPolicy(world: World, toml: string): Promise<void> {
  world.write(POLICY, toml)
  await world.output(`mkdir -p ${ATTESTATIONS}`)
}

/** The text of a policy: principals by name with their keys, then the rest. */
export function policyText(
  principals: Readonly<Record<string, readonly (Signer | string)[]>>,
  rest: string,
  mode = 'enforce',
): string {
  const people = Object.entries(principals).map(([name, keys]) => {
    const texts = keys.map(key => (typeof key === 'string' ? key : `"${key.publicKey}"`))
    return `[principals.${name}]\nkeys = [${texts.join(', ')}]\n`
  })
  return `version = 1
mode = "${mode}"
[attestations]
directories = ["${ATTESTATIONS}"]
${people.join('')}${rest}`
}

/** The `[default]` table. */
export function byDefault(source: string, derivation: string, output: string): string {
  return `[default]
require.source = "${source}"
require.derivation = "${derivation}"
require.output = "${output}"
`
}

export function sha256(contents: string | Uint8Array): string {
  return createHash('sha256').update(contents).digest('hex')
}

function subject({ path, narHash, references }: Contents) {
  return { name: path, narHash, ...(references && { references }) }
}

function envelope(by: Signer, statement: Statement): string {
  return signEnvelope(printStatement(statement), by.key)
}

/** Sets a policy that allows every build unless alice attests another output. */
export async function withAlice(
  world: World,
  rest: string = byDefault('nothing', 'nothing', 'self'),
): Promise<Signer> {
  const alice = signer('alice')
  await setPolicy(world, policyText({ alice: [alice] }, rest))
  return alice
}

/** Publishes alice's attestation of another output. */
export function conflict(world: World, alice: Signer, path: string): void {
  publish(world, path, built(alice, { path, narHash: sha256('other contents') }, `${path}.drv`))
}
