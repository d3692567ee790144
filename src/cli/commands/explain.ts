import { mergeEvidence } from '../../evidence/merge.ts'
import { isDerivationPath, parseStorePath, type StorePath } from '../../formats/nix/store-path.ts'
import { type Admission, readAdmission } from '../../ledger/admissions.ts'
import { readConflict } from '../../ledger/conflicts.ts'
import { exitCode } from '../../policy/exit-code.ts'
import type { Evidence, Verdict } from '../../policy/verdict.ts'
import { when } from '../../policy/words.ts'
import { printable } from '../../primitives/printable.ts'
import { listEntriesOf, readEntry } from '../../quarantine/entries.ts'
import type { PathInfo } from '../../store/store-client.ts'
import { declaredEvidence, withWhatReferrersSay } from '../../verifier/derivation-signatures.ts'
import { pathEvidence, rememberedEvidence } from '../../verifier/evidence.ts'
import { identify, knownFromStore } from '../../verifier/identify.ts'
import type { Inquiry } from '../../verifier/inquiry.ts'
import { namesOf } from '../../verifier/judge-input.ts'
import { subjectOf } from '../../verifier/subject.ts'
import { verifyPath } from '../../verifier/verify.ts'
import { adviceFor } from '../advice.ts'
import { approvalLines } from '../approval-lines.ts'
import { command, EVERYWHERE, type Invocation, type PlaceName } from '../command.ts'
import { claimWords, disagreementLines, ledgerWords } from '../evidence-words.ts'
import type { Status } from '../exit-status.ts'
import { sayGroundsOf } from '../print-verdict.ts'
import { openReadersInquiry } from '../readable-inquiry.ts'
import { saySection } from '../say-section.ts'
import { storePathOf } from '../store-argument.ts'
import type { Terminal } from '../terminal.ts'

/** `nixsig explain PATH`: everything that is known about one path, and what to do next. */
export const explain = command({
  arguments: { path: { count: 'one', text: 'A store path, or a link to one' } },
  examples: [['explain /nix/store/…-hello-2.12.tar.gz', 'as the message of a refusal says']],
  reads: EVERYWHERE,
  ownPolicy: 'without-another',
  run: explainPath,
})

async function explainPath(args: { path: string }, invocation: Invocation<PlaceName>): Promise<Status> {
  const { terminal } = invocation
  const path = parseStorePath(storePathOf(args.path))
  const { inquiry, places, close } = openReadersInquiry(invocation.places, terminal.note)
  try {
    const verdict = (await offeredVerdict(inquiry, path)) ?? (await verifyPath(inquiry, path.path, 'hashed'))
    sayGroundsOf(terminal, verdict)
    // Where the policy itself cannot be read there is no evidence to show: the verdict says why.
    const policy = await inquiry.policy().catch(() => undefined)
    if (policy !== undefined) {
      await sayGrounds(inquiry, path, terminal)
      saySection(terminal, 'expressions', await approvalLines(inquiry, path))
    }
    saySection(terminal, 'binary caches', disagreementLines(readConflict(places.state, path.digest)))
    saySection(terminal, 'quarantine', quarantineLines(places.state, path))
    saySection(terminal, 'what to do', adviceFor(verdict))
    return exitCode(verdict)
  } finally {
    close()
  }
}

/**
 * The verdict of the gate on a path that is not here; undefined where it is here, or nobody has it.
 */
async function offeredVerdict(inquiry: Inquiry, path: StorePath): Promise<Verdict | undefined> {
  const policy = await inquiry.policy().catch(() => undefined)
  if (policy === undefined || policy.gate.upstreams.length === 0) return undefined
  if ((await (await inquiry.store()).pathInfo(path.path)) !== undefined) return undefined
  const { offered, upstreamsFrom } = await import('../offered-paths.ts')
  const addresses = policy.gate.upstreams.map(({ url }) => url)
  const upstreams = upstreamsFrom(policy, addresses)
  try {
    const { outcome } = await offered(inquiry, upstreams, path.path)
    return outcome.kind === 'absent' ? undefined : outcome.verdict
  } finally {
    for (const upstream of upstreams) upstream.close()
  }
}

/** The evidence, whether it counted or not, and the ledger's entry. */
async function sayGrounds(inquiry: Inquiry, path: StorePath, terminal: Terminal): Promise<void> {
  const entry = readAdmission(inquiry.places.state, path.digest, path.path)
  const { evidence, narHash } = await evidenceAbout(inquiry, path, entry)
  const policy = await inquiry.policy()
  const contents = narHash ?? entry?.narHash ?? ''
  const claims = evidence.claims.map(claim =>
    claimWords(policy, claim, { narHash: contents, now: inquiry.now }),
  )
  saySection(terminal, 'signed by', claims.length > 0 ? claims : ['nobody in the trusted list'])
  saySection(terminal, 'ledger', [ledgerWords(entry, { policy: policy.digest, now: inquiry.now, narHash })])
}

async function evidenceAbout(
  inquiry: Inquiry,
  path: StorePath,
  entry: Admission | undefined,
): Promise<{ evidence: Evidence; narHash: string | undefined }> {
  const info = await (await inquiry.store()).pathInfo(path.path)
  const narHash = info?.narHash
  const remembered = await rememberedEvidence(inquiry, entry, narHash ?? entry?.narHash ?? '')
  const found = isDerivationPath(path)
    ? await inquiry.attested(path.path)
    : await evidenceOfPath(inquiry, path, info)
  return { evidence: mergeEvidence([found, remembered]), narHash }
}

async function evidenceOfPath(
  inquiry: Inquiry,
  path: StorePath,
  info: PathInfo | undefined,
): Promise<Evidence> {
  const input = await withWhatReferrersSay(inquiry, await identify(inquiry, path, knownFromStore(info)))
  const subject = subjectOf(input, { narHash: info?.narHash ?? '', builtHere: false })
  const found = await pathEvidence(inquiry, subject, info, await namesOf(inquiry, input, input.makers))
  if (input.kind === 'output' || info === undefined) return found
  return mergeEvidence([found, await declaredEvidence(inquiry, input, subject, path.path)])
}

function quarantineLines(state: string, { digest, path }: StorePath): readonly string[] {
  return listEntriesOf(state, digest).flatMap(id => {
    const entry = readEntry(state, id)
    if (entry?.path !== path) return []
    return [`refused ${when(entry.refused)} (${printable(entry.outcome)}): nixsig quarantine show ${id}`]
  })
}
