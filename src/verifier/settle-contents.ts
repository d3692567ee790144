import { FileError } from '../files/regular-file.ts'
import {
  BUILD_DIRECTORY_CLOSED,
  FIXED_OUTPUTS_COPIED,
  isMended,
  parseNixVersion,
} from '../formats/nix/nix-version.ts'
import { toNix32 } from '../formats/nix/nix32.ts'
import { STORE_DIR } from '../formats/nix/store-path.ts'
import { readAdmission } from '../ledger/admissions.ts'
import { isSameInode, stampOf, tellsOfChanges } from '../ledger/stamp.ts'
import type { Refusal } from '../policy/verdict.ts'
import { printable } from '../primitives/printable.ts'
import { randomBytes } from '../primitives/sodium.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Input } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'
import { LeftToTheHook } from './left-to-the-hook.ts'
import { assertSameMaking } from './same-making.ts'

/** Bytes of the hash part of a store path. */
const DIGEST_BYTES = 20

/**
 * Either a valid path has its registered contents, with this stamp if it is on disk; or it has
 * other contents and is refused.
 */
export type Settled = { readonly stamp: string | undefined } | { readonly refusal: Refusal }

/**
 * Checks before a path is admitted that the bytes on the disk are those that the store registered,
 * if that is in doubt. If the stamp differs from the ledger's, the path is hashed. If the path was
 * built here and its builder may still hold a file descriptor of it, it is also copied to fresh
 * inodes. Throws FileError, also if the path was made again meanwhile, and LeftToTheHook if this
 * process may not write to the store.
 */
export async function settleContents(
  inquiry: Inquiry,
  { path, kind }: Pick<Input, 'path' | 'kind'>,
  info: PathInfo,
): Promise<Settled> {
  const settled = await settle(inquiry, { path, kind }, info)
  // Checked after everything was read: an entry of the ledger must not connect this judgement with
  // something made since.
  await assertSameMaking(inquiry, info)
  return settled
}

async function settle(
  inquiry: Inquiry,
  { path, kind }: Pick<Input, 'path' | 'kind'>,
  { narHash: registered, ultimate }: PathInfo,
): Promise<Settled> {
  const entry = readAdmission(inquiry.places.state, path.digest, path.path)
  const stamp = stampOf(path.path)
  if (stamp === undefined || (entry?.stamp === stamp && entry.narHash === registered)) return { stamp }
  const known = entry?.stamp !== undefined && tellsOfChanges(entry.stamp) ? entry.stamp : undefined
  // A path with such a stamp already got fresh inodes, if it needed any.
  const isRenewed = known !== undefined && isSameInode(known, stamp)
  if (inquiry.records && ultimate && !isRenewed && (await mayBeHeld(inquiry, kind))) {
    if (!inquiry.takesOut) throw new LeftToTheHook()
    const { renewInodes } = await import('../store/fresh-inodes.ts')
    const altered = await renewInodes(path.path, registered, await placeAside(inquiry))
    if (altered !== undefined) return { refusal: alteredRefusal({ path, kind }, altered) }
    return { stamp: stampOf(path.path) }
  }
  if (known === undefined || inquiry.takesRegistered) return { stamp }
  if (inquiry.isAtHand) {
    throw new FileError(
      `${printable(path.path)} has changed on the disk since it was judged, and contents are not hashed for this question`,
    )
  }
  const { narHashOfTree } = await import('../store/disk-tree-nar.ts')
  const { narHash: found } = await narHashOfTree(path.path)
  return found === registered ? { stamp } : { refusal: alteredRefusal({ path, kind }, { registered, found }) }
}

/**
 * Returns the refusal of a path whose contents are not those that the store registered; NAR hashes,
 * hex.
 */
export function alteredRefusal(
  { path, kind }: { readonly path: { readonly path: string }; readonly kind: Refusal['kind'] },
  { registered, found }: { readonly registered: string; readonly found: string },
): Refusal {
  const finding = { code: 'altered', registered, found, path: path.path } as const
  return { outcome: 'untrusted', path: path.path, kind, ground: { kind: 'store' }, findings: [finding] }
}

/** Returns an unused path in the store that the garbage collector will not touch. */
async function placeAside(inquiry: Inquiry): Promise<string> {
  const aside = `${STORE_DIR}/${toNix32(randomBytes(DIGEST_BYTES))}-nixsig`
  await (await inquiry.store()).addTempRoot(aside)
  return aside
}

/**
 * Whether the Nix that builds outputs here lets builders keep a file descriptor. An unknown version
 * counts as one that does.
 */
async function mayBeHeld(inquiry: Inquiry, kind: Input['kind']): Promise<boolean> {
  const version = parseNixVersion(await (await inquiry.store()).version())
  return !isMended(version, kind === 'output' ? BUILD_DIRECTORY_CLOSED : FIXED_OUTPUTS_COPIED)
}
