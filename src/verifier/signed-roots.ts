/**
 * The derivations in this store whose whole build graph a packager signed. They are found by what
 * is attested, not by what depends on a path: anybody can add derivations to the store, but not to
 * what is attested.
 */
import { readdir } from 'node:fs/promises'
import { stampOf } from '../evidence/approvals/stamp.ts'
import { attestationFile } from '../evidence/attestation-file.ts'
import type { PublishedNames } from '../evidence/remote/sources.ts'
import { namesIn } from '../files/names-in.ts'
import { FileError } from '../files/regular-file.ts'
import { derivationName, parseStorePath } from '../formats/nix/store-path.ts'
import { ENVELOPES, isPartName, parsePublishedName } from '../formats/publication.ts'
import type { Policy } from '../policy/policy.ts'
import type { Trouble } from '../policy/verdict.ts'
import { printable } from '../primitives/printable.ts'
import { withTurns } from '../primitives/with-turns.ts'
import { readable } from './graph-members.ts'
import type { Inquiry } from './inquiry.ts'
import type { SignedRoot, SignedRoots } from './signed-root.ts'

const STORE = '/nix/store'
/** The most signed graphs: each is asked about a path. */
const ROOT_LIMIT = 4096
/** The number of derivations that are looked at before other work gets its turn. */
const AT_ONCE = 16

/** What was found about derivations, with a stamp of what was attested then. */
type Known = Map<string, { readonly stamp: string; readonly root: SignedRoot | undefined }>

/** What was found under each policy. */
const held = new WeakMap<Policy, Known>()

/**
 * Finds the signed graphs of the derivations that are valid in this store. `published`: the names
 * of what the policy's sources have.
 */
export async function findSignedRoots(
  inquiry: Inquiry,
  { files, troubles: unasked }: PublishedNames,
): Promise<SignedRoots> {
  const policy = await inquiry.policy()
  const known: Known = held.get(policy) ?? new Map()
  held.set(policy, known)
  const { attestations } = policy
  const { attested, troubles } = attestedIn(attestations)
  const candidates = (await derivationsOnDisk()).filter(path => {
    const name = nameOf(path)
    return files.has(name) || attested.has(name)
  })
  const roots: SignedRoot[] = []
  for await (const path of withTurns(candidates, AT_ONCE)) {
    const stamps = attestations.map(directory => stampOf(attestationFile(directory, path)))
    const root = await rootAt(inquiry, path, { known, stamp: [files.get(nameOf(path)), ...stamps].join() })
    if (root !== undefined && (await isValid(inquiry, path))) roots.push(root)
    if (roots.length <= ROOT_LIMIT) continue
    troubles.push({ origin: STORE, detail: `more than ${ROOT_LIMIT} derivations with a signed build graph` })
    break
  }
  return { roots, troubles: [...unasked, ...troubles] }
}

/** The root at a path; undefined if nobody signed its graph. Looks again once something changed. */
async function rootAt(
  inquiry: Inquiry,
  path: string,
  { known, stamp }: { readonly known: Known; readonly stamp: string },
): Promise<SignedRoot | undefined> {
  const before = known.get(path)
  if (before?.stamp === stamp) return before.root
  const { claims, troubles } = await inquiry.attested(path, {
    name: derivationName(parseStorePath(path)),
    kind: 'derivation',
  })
  const graphs = claims.filter(({ coversGraph }) => coversGraph === true)
  const derivation = graphs.length === 0 ? undefined : readable(path)
  const about = graphs.filter(({ narHash }) => narHash === derivation?.narHash)
  const root = derivation && about.length > 0 ? { derivation, claims: about } : undefined
  if (troubles.length === 0) known.set(path, { stamp, root })
  return root
}

async function isValid(inquiry: Inquiry, path: string): Promise<boolean> {
  return (await (await inquiry.store()).pathInfo(path)) !== undefined
}

/** The name of the file of attestations about a path. */
function nameOf(path: string): string {
  return `${parseStorePath(path).digest}${ENVELOPES}`
}

/** The names of all files of attestations in these directories. */
function attestedIn(directories: readonly string[]) {
  const attested = new Set<string>()
  const troubles: Trouble[] = []
  for (const directory of directories) {
    try {
      for (const part of namesIn(directory).filter(isPartName)) {
        for (const name of namesIn(`${directory}/${part}`)) {
          if (parsePublishedName(name)?.extension === ENVELOPES) attested.add(name)
        }
      }
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      troubles.push({ origin: directory, detail: error.message })
    }
  }
  return { attested, troubles }
}

async function derivationsOnDisk(): Promise<readonly string[]> {
  try {
    const names = await readdir(STORE)
    return names.filter(name => /^[0-9a-df-np-sv-z]{32}-.+\.drv$/.test(name)).map(name => `${STORE}/${name}`)
  } catch (error) {
    throw new FileError(`cannot look into ${STORE}: ${printable((error as Error).message)}`)
  }
}
