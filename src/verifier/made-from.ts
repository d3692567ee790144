/**
 * What a build was given, as one digest: the paths and NAR hashes of its inputs and of everything
 * that these refer to. An entry that says "built here" keeps it, and says so only while the same
 * paths have the same contents.
 */
import { isDerivationPath, parseStorePath, type StorePath } from '../formats/nix/store-path.ts'
import { readAdmission } from '../ledger/admissions.ts'
import { isSameInode, stampOf } from '../ledger/stamp.ts'
import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { StoredDerivation } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'
import { inputsOf } from './stored-derivation.ts'

type Asking = Pick<Inquiry, 'places' | 'store'>
/** What was found so far, by path. */
type Found = Map<string, string | undefined>

/**
 * Returns the digest of what a derivation is built from, as it is now: SHA-256 in hex over the
 * closure digests of its inputs. Undefined if the contents of some of it are not known.
 */
export async function madeFrom(inquiry: Asking, stored: StoredDerivation): Promise<string | undefined> {
  const found: Found = new Map()
  const digests: (string | undefined)[] = []
  for (const { path } of inputsOf(stored)) digests.push(await closureIn(inquiry, path, found))
  return digestOf(digests)
}

/**
 * Returns the closure digest of a path: SHA-256 in hex over its name, its NAR hash and the closure
 * digests of what it refers to. The ledger is believed about what has lain in the store since:
 * nothing can be replaced while something refers to it. Of what is absent, the last known counts.
 */
export function closureDigest(
  inquiry: Asking,
  path: StorePath,
  info: PathInfo | undefined,
): Promise<string | undefined> {
  return closureIn(inquiry, path, new Map(), info)
}

async function closureIn(
  inquiry: Asking,
  path: StorePath,
  found: Found,
  known?: PathInfo,
): Promise<string | undefined> {
  if (found.has(path.path)) return found.get(path.path)
  const digest = await findClosure(inquiry, path, found, known)
  found.set(path.path, digest)
  return digest
}

async function findClosure(
  inquiry: Asking,
  path: StorePath,
  found: Found,
  known: PathInfo | undefined,
): Promise<string | undefined> {
  // Its name proves what is in it and what that refers to.
  if (isDerivationPath(path)) return digestOf([path.path])
  const entry = readAdmission(inquiry.places.state, path.digest, path.path)
  const kept = entry?.closure
  if (kept !== undefined && isStill(entry?.stamp, path)) return kept
  const info = known ?? (await (await inquiry.store()).pathInfo(path.path))
  if (info === undefined) return kept
  const below: (string | undefined)[] = []
  for (const reference of info.references) {
    if (reference !== path.path) below.push(await closureIn(inquiry, parseStorePath(reference), found))
  }
  return digestOf([`${path.path} ${info.narHash}`, ...below])
}

/** Whether the path has lain there since it had this stamp. */
function isStill(stamp: string | undefined, { path }: StorePath): boolean {
  const now = stampOf(path)
  return stamp !== undefined && now !== undefined && isSameInode(stamp, now)
}

function digestOf(parts: readonly (string | undefined)[]): string | undefined {
  if (parts.includes(undefined)) return undefined
  return toHex(sha256(Buffer.from([...parts].sort().join('\n'))))
}

/**
 * Whether everything that a derivation is built from has lain in the store since then, so that an
 * output made since was made from it. `time`: seconds since 1970. Nobody can set when an inode was
 * born; the time of registration is chosen by who adds a path.
 */
export function isUnreplaced(stored: StoredDerivation, time: number): boolean {
  const end = BigInt(time + 1) * 1_000_000_000n
  const inputs = inputsOf(stored).filter(({ path }) => !isDerivationPath(path))
  return inputs.every(({ path }) => {
    const birth = stampOf(path.path)?.split(':')[1]
    return birth !== undefined && BigInt(birth) < end
  })
}
