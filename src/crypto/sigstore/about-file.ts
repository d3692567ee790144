/**
 * Whether the signed content of a Sigstore bundle is about a certain file. Heavy: loads
 * node:crypto.
 */
import { createHash } from 'node:crypto'
import {
  type FileStatement,
  type FileSubject,
  parseFileStatement,
} from '../../formats/in-toto/file-statement.ts'
import { readOrigin } from '../../formats/in-toto/predicates/origin.ts'
import type { SigstoreBundle } from '../../formats/sigstore/bundle.ts'
import { printable } from '../../primitives/printable.ts'
import type { DetachedResult } from '../detached/kind.ts'
import { contentsOf, type OpenedFile } from '../detached/opened-file.ts'

/** The result of a bundle for one key or identity, without the key. */
export type SigstoreResult = Pick<DetachedResult, 'outcome' | 'detail' | 'signedAt'>

/**
 * Algorithms of digest sets (in-toto/attestation, spec/v1/digest_set.md) by their names in
 * node:crypto.
 */
const ALGORITHMS: Readonly<Record<string, string>> = {
  md5: 'md5',
  sha1: 'sha1',
  sha224: 'sha224',
  sha256: 'sha256',
  sha384: 'sha384',
  sha512: 'sha512',
  sha512_224: 'sha512-224',
  sha512_256: 'sha512-256',
  sha3_224: 'sha3-224',
  sha3_256: 'sha3-256',
  sha3_384: 'sha3-384',
  sha3_512: 'sha3-512',
  blake2b: 'blake2b512',
  blake2s: 'blake2s256',
}

/** Algorithms that are strong enough to identify a file. */
const STRONG: readonly string[] = ['sha256', 'sha384', 'sha512']

/** This digest marks a subject as a store path, whose `sha256` is a NAR hash. */
const NAR_HASH = 'nixNarSha256'

/**
 * Judges whether the content of a bundle, whose signature is verified, is about a file: by the
 * digest that it claims, or by a statement that has the file among its subjects and says who made
 * it. Throws FormatError if the content is malformed.
 */
export async function judgeContent(
  content: SigstoreBundle['content'],
  file: OpenedFile,
): Promise<SigstoreResult> {
  if (content.kind === 'message') {
    const { claimed } = content
    const digests = claimed && (await digestsOf(file, new Set([claimed.hash])))
    const isSame = !claimed || digests?.get(claimed.hash) === Buffer.from(claimed.digest).toString('hex')
    return isSame ? { outcome: 'good', detail: 'the file itself' } : anotherFile('it names another hash')
  }
  const statement = parseFileStatement(content.payload)
  const unlike = await whyUnlike(statement, file)
  if (unlike !== undefined) return anotherFile(unlike)
  const origin = readOrigin(statement.predicateType, statement.predicate)
  if (origin !== undefined) return { outcome: 'good', detail: printable(origin, 200) }
  const type = printable(statement.predicateType, 100)
  return { outcome: 'unacceptable', detail: `a statement of type ${type} does not say who made the file` }
}

function anotherFile(detail: string): SigstoreResult {
  return { outcome: 'bad-signature', detail: `not about this file: ${detail}` }
}

/** Why no subject is the file; undefined if one is. */
async function whyUnlike({ subjects }: FileStatement, file: OpenedFile): Promise<string | undefined> {
  const named = subjects.flatMap(({ digests }) =>
    [...digests.keys()].filter(name => Object.hasOwn(ALGORITHMS, name)),
  )
  const own = await digestsOf(file, new Set(named))
  const isAgreed = ({ digests }: FileSubject, name: string) => digests.get(name) === own.get(name)
  const same = subjects.filter(subject => STRONG.some(name => own.has(name) && isAgreed(subject, name)))
  if (same.length === 0) return 'none of its subjects has its hash'
  const isWhole = (subject: FileSubject) =>
    !subject.digests.has(NAR_HASH) &&
    [...subject.digests.keys()].every(name => !own.has(name) || isAgreed(subject, name))
  return same.some(isWhole) ? undefined : 'the digests of its subject contradict each other'
}

/** Digests of a file, lower-case hex, by their names in a digest set. Reads the file once. */
async function digestsOf(file: OpenedFile, names: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const hashes = [...names].map(name => ({ name, hash: createHash(ALGORITHMS[name] ?? name) }))
  for await (const piece of contentsOf(file)) for (const { hash } of hashes) hash.update(piece)
  return new Map(hashes.map(({ name, hash }) => [name, hash.digest('hex')]))
}
