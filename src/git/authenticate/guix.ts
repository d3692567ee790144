/**
 * Guix's semantics (docs/semantics.md, A4): every commit is signed by a key that each of its
 * parents authorizes.
 */
import { findObjectionToBareKey } from '../../crypto/openpgp/at-signing.ts'
import type { Certificate } from '../../crypto/openpgp/own-parts.ts'
import { GUIX_AUTHORIZATIONS, parseGuixAuthorizations } from '../../formats/guix-authorizations.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { assertBuiltOn } from './built-on.ts'
import { collectAll } from './collect.ts'
import {
  claimedKeys,
  claimOf,
  type Made,
  makersOf,
  refusalOf,
  signatureOf,
  suspectOf,
} from './commit-signature.ts'
import { type Files, readFiles } from './files-at.ts'
import { authenticOn, countSigner, type Grounds, groundsOf } from './grounds.ts'
import type { History, HistoryCommit } from './history.ts'
import type { Keyring } from './keyring.ts'
import { HistoryRefused } from './refusal.ts'
import type { Asked, Authentic } from './semantics.ts'

type Authorized = ReadonlySet<string>

interface Judging extends Asked {
  readonly keyring: Keyring
  readonly history: History
  readonly files: Files<Authorized>
  readonly grounds: Grounds
}

/** Judges a history. Throws HistoryRefused for the first commit that is refused, oldest first. */
export async function authenticateByGuix(asked: Asked, keyring: Keyring): Promise<Authentic> {
  const judging = await prepare(asked, keyring)
  const { introduction, roots, known, collected, history, grounds } = judging
  if (known.length === 0) assertIntroduced(judging, history.commit(introduction.commit))
  for (const id of collected.order) if (!roots.has(id)) assertAuthorized(judging, history.commit(id))
  return authenticOn(grounds, asked.tip, [])
}

/**
 * Also looks at the parents that git left out: their files count like any other, but only if the
 * introduction, or what is known, really builds on them.
 */
async function prepare(asked: Asked, keyring: Keyring): Promise<Judging> {
  const { collected, pair, roots } = asked
  const { left } = collected
  await assertBuiltOn(pair.view, [...roots], left)
  const history = left.length > 0 ? await collectAll(pair, collected, GUIX_AUTHORIZATIONS) : collected.history
  const commits = [...collected.order, ...left].map(id => history.commit(id))
  const files = await readFiles(pair, commits, { parse: parseGuixAuthorizations, rule: 'A4' })
  return { ...asked, keyring, history, files, grounds: groundsOf(asked.known) }
}

function assertIntroduced(judging: Judging, commit: HistoryCommit): void {
  const { key } = signerOf(judging, commit)
  const { signer = '' } = judging.introduction
  if (key.fingerprint === signer) {
    countSigner(judging.grounds, key.fingerprint)
    return
  }
  throw new HistoryRefused({
    code: 'unauthorized',
    commit: commit.id,
    rule: 'A2',
    needed: `the introduction signed by key ${signer}`,
    found: `a signature by key ${key.fingerprint}`,
    next: 'compare commit and key with what the project publishes about its introduction',
  })
}

function assertAuthorized(judging: Judging, commit: HistoryCommit): void {
  assertKept(judging, commit)
  const { key } = signerOf(judging, commit)
  const unmet = commit.parents.find(parent => !authorizedBy(judging, parent).has(key.fingerprint))
  if (unmet === undefined && commit.parents.length > 0) {
    countSigner(judging.grounds, key.fingerprint)
    return
  }
  throw new HistoryRefused({
    code: 'unauthorized',
    commit: commit.id,
    rule: 'A4',
    needed: needs(judging, commit),
    found:
      unmet === undefined
        ? `a signature by key ${key.fingerprint}, and no parent`
        : `a signature by key ${key.fingerprint}, which parent ${unmet} does not authorize`,
    next: `have a key that all parents authorize sign it, or authorize this key in an earlier commit (${GUIX_AUTHORIZATIONS})`,
  })
}

function needs(judging: Judging, { parents }: HistoryCommit): string {
  const [first, ...rest] = parents.map(parent => authorizedBy(judging, parent))
  const common = [...(first ?? [])].filter(key => rest.every(each => each.has(key)))
  const [some, more] = [common.slice(0, 8), common.length > 8 ? ` and ${common.length - 8} more` : '']
  if (common.length === 0) return 'a key that every parent authorizes, and there is none'
  return `a signature by ${common.length === 1 ? 'key' : 'one of the keys'} ${some.join(', ')}${more}`
}

/** Without its own file, a commit would fall back to whatever a reader takes for granted. */
function assertKept(judging: Judging, commit: HistoryCommit): void {
  if (commit.file !== undefined) {
    judging.files.of(commit)
    return
  }
  const parent = commit.parents.find(id => judging.history.commit(id).file !== undefined)
  if (parent === undefined) return
  throw new HistoryRefused({
    code: 'unauthorized',
    commit: commit.id,
    rule: 'A4',
    needed: `a ${GUIX_AUTHORIZATIONS}, as its parent ${parent} has one`,
    found: 'the commit removes it',
    next: 'have the file put back, in a history without this commit',
  })
}

function authorizedBy({ history, files }: Judging, parent: string): Authorized {
  return files.of(history.commit(parent)) ?? new Set()
}

/** The key that signed a commit. Throws HistoryRefused. */
function signerOf(judging: Judging, commit: HistoryCommit): Made {
  const asked = signatureOf(commit)
  const { issuers, created, lifetime } = asked.signature
  const { keyring, grounds } = judging
  const candidates = claimedKeys(asked, keyring.find(issuers))
  if (candidates.length === 0) {
    const { problems } = keyring
    const unread = problems.length > 0 ? `; not read there: ${problems.slice(0, 3).join('; ')}` : ''
    throw new HistoryRefused({
      code: 'missing-key',
      commit: commit.id,
      rule: 'A3',
      needed: 'a key on the keyring branch',
      found: `${claimOf(asked)}${unread}`,
      next: 'fetch the newest keyring branch',
    })
  }
  const [made] = makersOf(asked, candidates)
  const objection = findObjectionToBareKey(suspectOf(made), judging.now)
  if (objection !== undefined) throw refusalOf(objection, commit.id, 'A3')
  if (lifetime) grounds.until = Math.min(grounds.until, created + lifetime)
  grounds.keys.set(made.key.fingerprint, certificateDigest(made.certificate))
  return made
}

const digests = new WeakMap<Certificate, string>()

/** The SHA-256 of a certificate in canonical order, in hex. Remembered signatures rest on it. */
export function certificateDigest(certificate: Certificate): string {
  const digest = digests.get(certificate) ?? toHex(sha256(certificate.bytes))
  digests.set(certificate, digest)
  return digest
}
