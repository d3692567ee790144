import { derivationName, parseStorePath, type StorePath } from '../formats/nix/store-path.ts'
import type { Admission } from '../ledger/admissions.ts'
import type { SubjectKind } from '../policy/policy.ts'
import type { Subject } from '../policy/verdict.ts'
import type { StoredDerivation } from './derivation-parts.ts'

/** A path, its kind for the policy, and the derivation that makes it if that was judged as well. */
export interface Identity {
  readonly path: StorePath
  readonly kind: SubjectKind
  readonly derivation?: StoredDerivation | undefined
  /** As in Subject: see addresses.ts. */
  readonly urls?: readonly string[]
}

/** The contents that are judged. */
export interface Contents {
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  /** Whether this machine made them under its own hooks. */
  readonly builtHere: boolean
}

/** Builds the subject that the policy judges. Subjects are made here and nowhere else. */
export function subjectOf({ path, kind, derivation, urls }: Identity, contents: Contents): Subject {
  return subjectMadeBy(path, kind, contents, { derivation: derivation?.path.path, urls })
}

/** The subject as the ledger's entry knows it. A signature file is none. */
export function subjectOfEntry(entry: Admission & { readonly kind: SubjectKind }): Subject {
  const { kind, derivation } = entry
  const made = kind === 'derivation' ? {} : { derivation }
  return subjectMadeBy(parseStorePath(entry.path), kind, entry, made)
}

function subjectMadeBy(
  path: StorePath,
  kind: SubjectKind,
  { narHash, builtHere }: Contents,
  { derivation, urls = [] }: { readonly derivation?: string | undefined; readonly urls?: Identity['urls'] },
): Subject {
  const name = kind === 'derivation' ? derivationName(path) : path.name
  const known = { path: path.path, name, kind, narHash, builtHere }
  const subject = urls.length === 0 ? known : { ...known, urls }
  return derivation === undefined ? subject : { ...subject, derivation }
}
