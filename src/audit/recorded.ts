/** What the store and the derivations say of audited paths, for a bill of materials. */
import { FileError } from '../files/regular-file.ts'
import { type FetchedFile, fetchedFile } from '../formats/nix/fetched-file.ts'
import { FormatError } from '../primitives/format-error.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import type { Audit, AuditedPath } from './audit.ts'

/** What is said of one path. Raw: nobody looked at it. */
export interface Recorded {
  /** As the store has it: `fixed:r:sha256:…` */
  readonly contentAddress: string | undefined
  /** Some, as the store has them, by whomever they are: whoever may add some may add any number. */
  readonly signatures: readonly string[]
  /** Of a fetched source that is one file, as its derivation says. */
  readonly fetched: FetchedFile | undefined
}

/** The most signatures of one path. */
const SIGNATURES = 20
/** How many paths the store is asked about together. */
const AT_ONCE = 4096

/**
 * Of each path of an audit, in their order; undefined of what the store does not have any more, or
 * has with other contents. Throws StoreError where the store does not answer.
 */
export async function recordedOf(
  { paths }: Audit,
  inquiry: Pick<Inquiry, 'store' | 'derivation'>,
): Promise<readonly (Recorded | undefined)[]> {
  const store = await inquiry.store()
  const recorded: (Recorded | undefined)[] = []
  for (let at = 0; at < paths.length; at += AT_ONCE) {
    const some = paths.slice(at, at + AT_ONCE)
    const infos = await store.pathInfos(some.map(({ path }) => path))
    for (const [index, audited] of some.entries()) {
      const info = infos[index]
      const isSame = info !== undefined && info.narHash === audited.narHash
      recorded.push(
        isSame
          ? {
              contentAddress: info.ca,
              signatures: info.signatures.slice(0, SIGNATURES),
              fetched: fetchedBy(audited, paths, inquiry),
            }
          : undefined,
      )
    }
  }
  return recorded
}

function fetchedBy(
  { kind, derivation }: AuditedPath,
  paths: Audit['paths'],
  inquiry: Pick<Inquiry, 'derivation'>,
): FetchedFile | undefined {
  const maker = derivation === undefined ? undefined : paths[derivation]?.path
  if (kind !== 'fetched-source' || maker === undefined) return undefined
  try {
    return fetchedFile(inquiry.derivation(maker).derivation)
  } catch (error) {
    // It went away meanwhile, or cannot be read.
    if (error instanceof FormatError || error instanceof FileError) return undefined
    throw error
  }
}
