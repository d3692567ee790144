/** Everything that is known about one path, and what whoever asks can do: as data. */

import { lastAnswers } from '../evidence/remote/sources.ts'
import type { StorePath } from '../formats/nix/store-path.ts'
import { type Admission, readAdmission } from '../ledger/admissions.ts'
import { readConflict } from '../ledger/conflicts.ts'
import { adviceFor, type Circumstances } from '../policy/advice.ts'
import { type ExitCode, exitCode } from '../policy/exit-code.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import type { Policy } from '../policy/policy.ts'
import { type Reader, stepWords } from '../policy/steps.ts'
import { NOT_THERE, type Verdict } from '../policy/verdict.ts'
import { grounds, nextLineOf, passageOf } from '../policy/wording.ts'
import { pathWord, when } from '../policy/words.ts'
import { listEntriesOf, readEntry } from '../quarantine/entries.ts'
import type { QuarantineEntry } from '../quarantine/entry.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import { readGateKeyName } from '../verifier/machine-key.ts'
import { type Contents, verifyPath } from '../verifier/verify.ts'
import { approvalLines } from './approval-lines.ts'
import { chainOf } from './chain.ts'
import type { ChainNode } from './chain-node.ts'
import { aboutPath, evidenceAbout } from './evidence-of.ts'
import { claimWords, disagreementLines, ledgerWords } from './evidence-words.ts'
import { type VerdictJson, verdictJson } from './verdict-json.ts'

/** Lines under a heading. Escaped. */
export interface Section {
  readonly title: string
  readonly lines: readonly string[]
}

/**
 * What is known about one path. All texts outside of `verdict` are escaped, and none has a line
 * feed but `grounds`.
 */
export interface Explanation {
  readonly path: string
  /** The mode of the policy; undefined if it cannot be read. */
  readonly mode: Policy['mode'] | undefined
  /** May be about a derivation that keeps the path from being judged. */
  readonly verdict: VerdictJson
  /** What decides about the path as people read it: `trusted …` or `refused …`, and lines below. */
  readonly grounds: string
  /** The next step of a refusal, `next: …`; empty for what is trusted. */
  readonly next: string
  readonly sections: readonly Section[]
  /** What it stands on; undefined if the policy cannot be read. */
  readonly chain?: ChainNode
  /** What its reader can do, best first. */
  readonly advice: readonly string[]
  /** The exit status of `nixsig explain`. */
  readonly status: ExitCode
  /** Where the path is: in the store, in quarantine, or neither. */
  readonly place: 'store' | 'quarantine' | 'nowhere'
}

/** What to judge by, and for whom. */
export interface Wanted {
  readonly reader: Reader
  readonly contents: Contents
  /** The verdict, if it is known already, as of what a binary cache offers. */
  readonly verdict?: Verdict | undefined
}

/**
 * Explains a path. Whatever is wrong with it or its evidence is part of the explanation. Throws
 * FileError for a ledger or a quarantine that cannot be read.
 */
export async function explainPath(inquiry: Inquiry, path: StorePath, wanted: Wanted): Promise<Explanation> {
  const { state } = inquiry.places
  const verdict = wanted.verdict ?? (await verifyPath(inquiry, path.path, wanted.contents))
  // Where the policy itself cannot be read there is no evidence to show: the verdict says why.
  const policy = await inquiry.policy().catch(() => undefined)
  const info = await infoOf(inquiry, path)
  const entry = readAdmission(state, path.digest, path.path)
  const kept = setAside(state, path)
  const sections = [
    ...(policy === undefined ? [] : await sectionsByPolicy(inquiry, path, { policy, entry, info })),
    { title: 'binary caches', lines: disagreementLines(readConflict(state, path.digest)) },
    { title: 'quarantine', lines: kept.map(quarantineLine) },
  ].filter(({ lines }) => lines.length > 0)
  const circumstances = {
    reader: wanted.reader,
    sources: policy === undefined ? [] : lastAnswers(inquiry.places.mirrors ?? state, policy.sources),
    isHere: info !== undefined,
    isSignedByGateAlone: isSignedByGateAlone(state, info),
  }
  const told = info === undefined ? kept.at(-1) : undefined
  return {
    path: path.path,
    mode: policy?.mode,
    ...tellingOf(verdict, told, circumstances, policy?.mode),
    verdict: verdictJson(verdict, info === undefined ? undefined : wanted.contents),
    next: nextLineOf(verdict),
    sections,
    // Last: a question of a user may not cost any amount of work.
    ...(policy === undefined ? {} : { chain: await chainOf(inquiry, path, verdict) }),
    place: info !== undefined ? 'store' : told === undefined ? 'nowhere' : 'quarantine',
  }
}

interface SetAside {
  readonly id: string
  readonly entry: QuarantineEntry
}

/**
 * The verdict in words. What was refused and set aside is told first, and never called trusted: it
 * is not in the store, whatever would be said of it now.
 */
function tellingOf(
  verdict: Verdict,
  kept: SetAside | undefined,
  circumstances: Circumstances,
  mode: Policy['mode'] | undefined,
): Pick<Explanation, 'grounds' | 'advice' | 'status'> {
  const advice = adviceFor(verdict, circumstances)
  if (kept === undefined) return { grounds: grounds(verdict, mode), advice, status: exitCode(verdict) }
  const { path, refused } = kept.entry
  const show = stepWords(
    { text: `see why it was refused then: nixsig quarantine show ${kept.id}`, by: 'root' },
    circumstances.reader,
  )
  const first = `refused ${pathWord(path)} ${when(refused)}, after it was built: it is not in the store, but in quarantine`
  const anew = anewWords(verdict)
  if (anew === undefined) {
    const lines = `${first}\n${indented(grounds(verdict, mode))}`
    return { grounds: lines, advice: [...advice, show], status: exitCode(verdict) }
  }
  const release = stepWords(
    { text: `take it back into the store: nixsig quarantine release ${kept.id}`, by: 'root' },
    circumstances.reader,
  )
  return {
    grounds: `${first}\n  ${anew}`,
    advice: [release, show, 'or have Nix build it again, with the same command as before'],
    status: 20,
  }
}

/** What would be said of it now; undefined if it would be refused again. */
function anewWords(verdict: Verdict): string | undefined {
  if (verdict.outcome === 'trusted')
    return `judged anew, with the evidence as it is now, it would pass ${passageOf(verdict)}`
  const [finding] = verdict.findings
  // The derivations that make it would make something trusted, or none is left here.
  return finding.code === 'unreadable' && finding.trouble === NOT_THERE
    ? 'judged anew, nothing that is known here speaks against it now; releasing it judges its contents'
    : undefined
}

function indented(text: string): string {
  return text
    .split('\n')
    .map(line => `  ${line}`)
    .join('\n')
}

async function infoOf(inquiry: Inquiry, path: StorePath): Promise<PathInfo | undefined> {
  try {
    return await (await inquiry.store()).pathInfo(path.path)
  } catch {
    // The verdict says that the store did not answer.
    return undefined
  }
}

interface ByPolicy {
  readonly policy: Policy
  readonly entry: Admission | undefined
  readonly info: PathInfo | undefined
}

/**
 * The evidence, whether it counted or not, the ledger's entry, and from which expressions it came.
 */
async function sectionsByPolicy(
  inquiry: Inquiry,
  path: StorePath,
  { policy, entry, info }: ByPolicy,
): Promise<readonly Section[]> {
  const narHash = info?.narHash
  const about = await aboutPath(inquiry, path, info)
  const evidence = await evidenceAbout(inquiry, about, entry, info)
  const contents = narHash ?? entry?.narHash ?? ''
  const named = policyFor(policy, about.subject)
  const claims = evidence.claims.map(claim =>
    claimWords(named, claim, { narHash: contents, now: inquiry.now, name: about.subject.name }),
  )
  return [
    { title: 'signed by', lines: claims.length > 0 ? claims : ['nobody in the trusted list'] },
    {
      title: 'ledger',
      lines: [ledgerWords(entry, { policy: policy.digest, now: inquiry.now, narHash })],
    },
    { title: 'expressions', lines: await approvalLines(inquiry, path) },
  ]
}

/** Entries of the quarantine about a path, oldest first. */
function setAside(state: string, { digest, path }: StorePath): readonly SetAside[] {
  return listEntriesOf(state, digest).flatMap(id => {
    const entry = readEntry(state, id)
    return entry?.path === path ? [{ id, entry }] : []
  })
}

function quarantineLine({ id, entry }: SetAside): string {
  return `refused ${when(entry.refused)} (${entry.outcome}): entry ${id}`
}

/** Whether the store has signatures of a path, and all of them by this machine's gate. */
function isSignedByGateAlone(state: string, info: PathInfo | undefined): boolean {
  const own = readGateKeyName(state)
  const signers = info?.signatures.map(signature => signature.split(':')[0]) ?? []
  return own !== undefined && signers.length > 0 && signers.every(signer => signer === own)
}
