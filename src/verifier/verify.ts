import { leftoversOf } from '../evidence/unread-files.ts'
import { judgeWithin } from '../files/deadline.ts'
import { parseStorePath, type StorePath } from '../formats/nix/store-path.ts'
import { readAdmission } from '../ledger/admissions.ts'
import type { SubjectKind } from '../policy/policy.ts'
import type { Refusal, Verdict } from '../policy/verdict.ts'
import { contentOf, hasContent, listEntriesOf, readEntry } from '../quarantine/entries.ts'
import type { QuarantineEntry } from '../quarantine/entry.ts'
import type { Bytes } from './declared-contents.ts'
import { withWhatReferrersSay } from './derivation-signatures.ts'
import { judgeDerivation } from './derivations.ts'
import { foresee, foreseeOutcome } from './foresee.ts'
import { identify, knownFromStore } from './identify.ts'
import type { Inquiry } from './inquiry.ts'
import { judgeInput, madeHere } from './judge-input.ts'
import { makersOf } from './makers.ts'
import { refusalOf } from './refusal-of-error.ts'
import { assertSameMaking } from './same-making.ts'
import { alteredRefusal } from './settle-contents.ts'
import { readDerivation } from './stored-derivation.ts'

/**
 * Which contents `verifyPath` goes by: `hashed` reads those on the disk, `registered` believes the
 * store's database.
 */
export type Contents = 'hashed' | 'registered'

/**
 * Returns the verdict on any path of the store, from the current evidence; the ledger only tells
 * what was built here. Anything wrong with the path or its evidence is a refusal; it never throws
 * for that. Throws FormatError if the text is not a store path.
 */
export async function verifyPath(inquiry: Inquiry, text: string, contents: Contents): Promise<Verdict> {
  const path = parseStorePath(text)
  const altered = contents === 'hashed' ? await alteredOnDisk(inquiry, path) : undefined
  if (altered !== undefined) return altered
  const verdict = await verdictInTime(inquiry, path)
  const policy = await inquiry.policy().catch(() => undefined)
  if (policy === undefined) return verdict
  const kind = verdict.outcome === 'trusted' ? verdict.subject.kind : verdict.kind
  const leftovers = leftoversOf(policy.attestations, path.path, kind)
  return { ...verdict, strays: [...(verdict.strays ?? []), ...leftovers] }
}

/**
 * Returns a refusal if the contents on the disk are not those that the store registered; undefined
 * if they are, or if nothing is registered. Hashing takes as long as the path is large, so it does
 * not count against the time limit of judging.
 */
export async function alteredOnDisk(inquiry: Inquiry, path: StorePath): Promise<Refusal | undefined> {
  const kind = kindByName(path)
  try {
    const info = await (await inquiry.store()).pathInfo(path.path)
    if (info === undefined) return undefined
    const { narHashOfTree } = await import('../store/disk-tree-nar.ts')
    const { narHash: found } = await narHashOfTree(path.path)
    if (found === info.narHash) return undefined
    await assertSameMaking(inquiry, info)
    const known = path.name.endsWith('.drv')
      ? kind
      : (await identify(inquiry, path, knownFromStore(info))).kind
    return alteredRefusal({ path, kind: known }, { registered: info.narHash, found })
  } catch (error) {
    return refusalOf(error, path.path, kind)
  }
}

function kindByName({ name }: StorePath): SubjectKind {
  return name.endsWith('.drv') ? 'derivation' : 'output'
}

async function verdictInTime(inquiry: Inquiry, path: StorePath): Promise<Verdict> {
  try {
    return await judgeWithin(() => verdictOn(inquiry, path))
  } catch (error) {
    return refusalOf(error, path.path, kindByName(path))
  }
}

async function verdictOn(inquiry: Inquiry, path: StorePath): Promise<Verdict> {
  if (path.name.endsWith('.drv')) return judgeDerivation(inquiry, readDerivation(path.path))
  const info = await (await inquiry.store()).pathInfo(path.path)
  const entry = readAdmission(inquiry.places.state, path.digest, path.path)
  if (info === undefined && entry === undefined) {
    const verdict = await judgeAbsent(inquiry, path)
    if (verdict !== undefined) return verdict
  }
  const identified = await identify(inquiry, path, knownFromStore(info, entry))
  const input = await withWhatReferrersSay(inquiry, identified)
  return judgeInput(inquiry, input, await madeHere(inquiry, path, info), info)
}

/**
 * Returns the closure of paths: the paths themselves and everything that they refer to, in the
 * order in which it was found.
 */
export async function closureOf(
  inquiry: Pick<Inquiry, 'store'>,
  paths: readonly string[],
): Promise<readonly string[]> {
  const store = await inquiry.store()
  const closure = new Set(paths)
  for (const path of closure) {
    for (const reference of (await store.pathInfo(path))?.references ?? []) closure.add(reference)
  }
  return [...closure]
}

function bytesOf(state: string, id: string, { narHash }: QuarantineEntry): Bytes {
  return { narHash, fsPath: hasContent(state, id) ? contentOf(state, id) : undefined }
}

/**
 * Returns the verdict on a path that is not in the store but could be: as it lies in quarantine, or
 * as a derivation in the store would make it. Returns undefined if one of these would be trusted;
 * then all that can be said is that the path is absent.
 */
async function judgeAbsent(inquiry: Inquiry, path: StorePath): Promise<Refusal | undefined> {
  const refusals: Refusal[] = []
  for (const output of await makersOf(inquiry, path)) {
    const { state } = inquiry.places
    const kept = listEntriesOf(state, path.digest).at(-1)
    const entry = kept === undefined ? undefined : readEntry(state, kept)
    const verdict =
      kept !== undefined && entry?.path === path.path
        ? await foreseeOutcome(inquiry, output, bytesOf(state, kept, entry))
        : (await foresee(inquiry, output)).verdict
    if (verdict === undefined || verdict.outcome === 'trusted') return undefined
    refusals.push(verdict)
  }
  return refusals[0]
}
