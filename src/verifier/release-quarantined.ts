import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { whyNoSignature } from '../evidence/derivation-signatures.ts'
import { developerEvidence } from '../evidence/developer-signatures.ts'
import { mergeEvidence } from '../evidence/merge.ts'
import { withLock } from '../files/lock.ts'
import { findProgram } from '../files/programs.ts'
import { FileError } from '../files/regular-file.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { stampOf } from '../ledger/stamp.ts'
import type { Refusal, Trust, Verdict } from '../policy/verdict.ts'
import { sentence } from '../policy/wording.ts'
import { printable } from '../primitives/printable.ts'
import {
  contentOf,
  entryDirectory,
  hasContent,
  listUnfinished,
  quarantineDirectory,
  readEntry,
  removeEntry,
} from '../quarantine/entries.ts'
import type { QuarantineEntry } from '../quarantine/entry.ts'
import { putBack } from '../quarantine/take-out.ts'
import { narHashOfTree } from '../store/disk-tree-nar.ts'
import type { PathInfo } from '../store/store-client.ts'
import { withAddresses } from './addresses.ts'
import { admitBuild } from './admit.ts'
import { attestOutput } from './attest-own-output.ts'
import { asItsContents, tellingOfUnlike } from './declared-contents.ts'
import { fileNamesOf } from './declared-signatures.ts'
import type { Output } from './derivation-parts.ts'
import { judgeWithGraph } from './graph.ts'
import type { Inquiry } from './inquiry.ts'
import { judgeSource } from './judge-input.ts'
import { isUnreplaced, madeFrom } from './made-from.ts'
import { makersOf } from './makers.ts'
import { type RecordedSignature, recordOffer, recordSignature, recordTrust } from './record.ts'
import { outputsOf, readDerivation } from './stored-derivation.ts'
import { subjectOf } from './subject.ts'

/** Ten minutes, because Nix hashes the path again; milliseconds. */
const REGISTER_LIMIT = 600_000

/** What became of an entry. */
export interface Release {
  readonly path: string
  /** Why it stays in quarantine; empty if it was released. */
  readonly refusals: readonly Refusal[]
}

/**
 * Judges a quarantined output again. If the output and its build are trusted now, puts it back into
 * the store, has Nix register it, attests and admits it, and removes the entry. May be killed at
 * any point and called again. Throws FileError if there is no such entry, if its content or what
 * lies at its path is not what it should be, or if something that it refers to is missing.
 */
export function releaseEntry(inquiry: Inquiry, id: string): Promise<Release> {
  const { state } = inquiry.places
  return withLock(join(quarantineDirectory(state), 'lock'), async () => {
    const entry = readEntry(state, id)
    if (entry === undefined) throw new FileError(`there is no quarantine entry ${id}`)
    if (listUnfinished(state).includes(id)) {
      throw new FileError(`${id} is not in quarantine as a whole yet: nixsig verify finishes it`)
    }
    const content = contentOf(state, id)
    await assertContent(state, id, entry)
    const output = outputOf(entry)

    const [first, ...rest] = await admitBuild(inquiry, output.derivation)
    if (first !== undefined) return { path: entry.path, refusals: [first, ...rest] }
    // The refusal of its build took it along. Nobody vouches for a signature and it is not
    // attested.
    const isSignature = output.isSignature === true && whyNoSignature(content, 'either') === undefined
    // What it was built from has been judged as it is now, so it must have been there then.
    const { derivation } = output
    const builtHere = entry.builtHere && isUnreplaced(derivation, entry.registered)
    const judged = { ...entry, builtHere }
    const verdict = isSignature ? undefined : await judgeEntry(inquiry, judged, { output, content })
    if (verdict !== undefined && verdict.outcome !== 'trusted') {
      return { path: entry.path, refusals: [verdict] }
    }
    await restore(inquiry, { id, entry: judged, output }, verdict)
    return { path: entry.path, refusals: [] }
  })
}

async function assertContent(state: string, id: string, entry: QuarantineEntry): Promise<void> {
  if (!hasContent(state, id)) throw new FileError(`${id} holds no content: build it again`)
  const { narHash } = await narHashOfTree(contentOf(state, id))
  if (narHash !== entry.narHash) throw new FileError(`the content of ${id} is not what was refused`)
}

function outputOf(entry: QuarantineEntry): Output {
  const output = outputsOf(readDerivation(entry.derivation)).find(({ path }) => path.path === entry.path)
  if (output === undefined) throw new FileError(`${entry.derivation} does not make ${entry.path}`)
  return output
}

async function judgeEntry(
  inquiry: Inquiry,
  { path, narHash, builtHere }: QuarantineEntry,
  { output, content }: { readonly output: Output; readonly content: string },
): Promise<Verdict> {
  const really = await asItsContents(output, { narHash, fsPath: content })
  const makers = really.kind === 'fetched-source' ? await makersOf(inquiry, really.path) : []
  const subject = subjectOf(await withAddresses(inquiry, really, makers), {
    narHash,
    builtHere: builtHere && really.unlike === undefined,
  })
  const attested = await inquiry.attested(path, subject)
  if (subject.kind === 'output')
    return tellingOfUnlike(await judgeWithGraph(inquiry, subject, attested), really.unlike)
  const kept = await developerEvidence(await inquiry.policy(), subject, content, fileNamesOf(output))
  return judgeSource(inquiry, output, subject, { evidence: mergeEvidence([attested, kept]), fsPath: content })
}

async function restore(
  inquiry: Inquiry,
  { id, entry, output }: { readonly id: string; readonly entry: QuarantineEntry; readonly output: Output },
  trust: Trust | undefined,
): Promise<void> {
  const { state } = inquiry.places
  const store = await inquiry.store()
  const others = entry.references.filter(reference => reference !== entry.path)
  // From here on the garbage collector keeps it, although nothing refers to the path yet.
  for (const path of [...others, entry.path]) await store.addTempRoot(path)
  const unwritten = await inquiry.writesDecision?.([{ path: entry.path, narHash: entry.narHash, trust }])
  if (unwritten !== undefined) throw new FileError(sentence(unwritten))
  const valid = await store.validPaths([...others, entry.path])
  const missing = others.filter(path => !valid.has(path))
  if (missing.length > 0)
    throw new FileError(`${entry.path} refers to ${missing.join(', ')}: not in the store`)
  if (!valid.has(entry.path)) {
    await bringBack(entry, entryDirectory(state, id))
    // The store plugin lets nothing become valid that the ledger does not have.
    if (trust === undefined)
      await recordSignature(inquiry, output.path, { ...signatureIn(entry), stamp: undefined })
    else await recordOffer(inquiry, trust, output.path)
    await register(entry)
  }
  const info = await store.pathInfo(entry.path)
  assertRestored(entry, info)
  if (trust === undefined) {
    await recordSignature(inquiry, output.path, signatureIn(entry))
  } else {
    if (entry.builtHere) await attestOutput(inquiry, output, info, { references: info.references })
    const from = entry.builtHere ? await madeFrom(inquiry, output.derivation) : undefined
    await recordTrust(inquiry, trust, output.path, { stamp: stampOf(output.path.path), info, from })
  }
  removeEntry(state, id)
}

function signatureIn({ path, narHash, derivation }: QuarantineEntry): RecordedSignature {
  return { narHash, stamp: stampOf(path), derivation }
}

/** Copies the content into the store, unless a release that was killed already did that. */
async function bringBack(entry: QuarantineEntry, directory: string): Promise<void> {
  if (lstatSync(entry.path, { throwIfNoEntry: false }) === undefined) {
    await putBack(directory, entry.path, entry.narHash)
  }
  const { narHash } = await narHashOfTree(entry.path)
  if (narHash === entry.narHash) return
  throw new FileError(
    `something else lies at ${entry.path}: remove it first (nix-store --delete ${entry.path})`,
  )
}

/**
 * Registers the path. `nix-store --register-validity` reads path, deriver, number of references and
 * the references, one a line.
 */
async function register({ path, derivation, references }: QuarantineEntry): Promise<void> {
  const program = findProgram('nix-store')
  if (program === undefined) throw new FileError('there is no program nix-store on this system')
  const lines = [parseStorePath(path).path, derivation, String(references.length), ...references]
  const { failed, stderr } = await execa(program, ['--register-validity'], {
    input: lines.map(line => `${line}\n`).join(''),
    env: { PATH: '/run/current-system/sw/bin:/usr/bin:/bin' },
    extendEnv: false,
    timeout: REGISTER_LIMIT,
    reject: false,
  })
  if (failed) throw new FileError(`nix-store --register-validity failed: ${printable(stderr.trim())}`)
}

function assertRestored(entry: QuarantineEntry, info: PathInfo | undefined): asserts info is PathInfo {
  if (info?.narHash === entry.narHash) return
  throw new FileError(
    `${entry.path} is ${info === undefined ? 'not valid' : 'other contents'} after it was put back`,
  )
}
