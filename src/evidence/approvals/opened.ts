/** The approvals in one file, opened with the keys of the trusted list. */
import { type EnvelopeSigner, type KeyRing, openEnvelope } from '../../crypto/envelope.ts'
import { keyIdOf } from '../../crypto/envelope-keys.ts'
import { parsingCost, type Work, WorkLimitError } from '../../crypto/work.ts'
import { FileError } from '../../files/regular-file.ts'
import { parseEnvelope } from '../../formats/in-toto/dsse.ts'
import { type Approval, approverUri, parseApproval } from '../../formats/in-toto/predicates/approval.ts'
import { parseStatement, type Subject } from '../../formats/in-toto/statement.ts'
import type { Evidence, Stray } from '../../policy/verdict.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { readAttestationLines } from '../attestation-files.ts'
import { stampOf } from './files.ts'

/** An approval that a key of the trusted list signed. */
export interface SignedApproval {
  readonly approval: Approval
  /** The derivations at the roots of the graph. */
  readonly roots: readonly Subject[]
  readonly signer: EnvelopeSigner
  /** The file and the number of the line. */
  readonly origin: string
}

/** What a file holds: approvals of the graph that it is named by, and what counts for nothing. */
export interface OpenedApprovals extends Pick<Evidence, 'strays' | 'troubles'> {
  readonly approvals: readonly SignedApproval[]
}

/** Opens files, each once as long as it does not change. */
export type ApprovalOpener = (file: string, graph: string, work: Work) => Promise<OpenedApprovals>

/** `own`: the identity of this machine's key, whose word is not evidence on this machine. */
export function approvalOpener(ring: KeyRing, own: string | undefined): ApprovalOpener {
  const known = new Map<string, { readonly stamp: string; readonly opened: OpenedApprovals }>()
  return async (file, graph, work) => {
    const stamp = stampOf(file)
    const before = known.get(file)
    if (stamp !== undefined && before?.stamp === stamp) return before.opened
    const opened = await openFile(file, graph, { ring, own, work })
    if (stamp !== undefined) known.set(file, { stamp, opened })
    return opened
  }
}

interface Opening {
  readonly ring: KeyRing
  readonly own: string | undefined
  readonly work: Work
}

async function openFile(file: string, graph: string, opening: Opening): Promise<OpenedApprovals> {
  const approvals: SignedApproval[] = []
  const strays: Stray[] = []
  const troubles: Evidence['troubles'][number][] = []
  for (const [index, line] of readLines(file, strays).entries()) {
    const origin = `${file}:${index + 1}`
    try {
      await opening.work.spend(parsingCost(line))
      for (const found of await openLine(line, { graph, origin }, opening)) {
        if ('problem' in found) strays.push(found)
        else if ('detail' in found) troubles.push(found)
        else approvals.push(found)
      }
    } catch (error) {
      if (error instanceof WorkLimitError) throw error
      strays.push(strayOf(error, origin))
    }
  }
  return { approvals, strays, troubles }
}

function readLines(file: string, strays: Stray[]): readonly string[] {
  try {
    return readAttestationLines(file) ?? []
  } catch (error) {
    strays.push(strayOf(error, file))
    return []
  }
}

/** What is broken adds no trust and hides no conflict, so it is not trouble. */
function strayOf(error: unknown, origin: string): Stray {
  if (!(error instanceof FormatError || error instanceof FileError)) throw error
  return { problem: 'unreadable', origin, detail: error.message }
}

type Found = SignedApproval | Stray | Evidence['troubles'][number]

async function openLine(
  line: string,
  { graph, origin }: { readonly graph: string; readonly origin: string },
  { ring, own, work }: Opening,
): Promise<readonly Found[]> {
  const envelope = parseEnvelope(line)
  const { signers, strays, undecided } = await openEnvelope(envelope, ring, work)
  const found: Found[] = [
    ...strays.map(({ problem, keyid, detail }) => ({
      problem,
      origin,
      detail: detail === undefined ? keyid : `${keyid}: ${detail}`,
    })),
    ...undecided.map(detail => ({ origin, detail })),
  ]
  const unused = (detail: string): Stray => ({ problem: 'unused', origin, detail })
  if (signers.length === 0) return found
  const statement = parseStatement(envelope.payload)
  const approval = parseApproval(statement)
  if (approval === undefined) return [...found, unused(statement.predicateType)]
  if (approval.graph.sha256 !== graph) {
    const detail = `the approval of another build graph, ${approval.graph.sha256}`
    return [...found, { problem: 'other-subject', origin, detail }]
  }
  for (const signer of signers) {
    const { key } = signer
    if (key.identity === own) found.push(unused(`${key.label} is this machine's own`))
    else if (approval.approver !== approverUri(keyIdOf(key)))
      found.push(unused(`signed by ${key.label}, but as the word of another signer`))
    else found.push({ approval, roots: statement.subjects, signer, origin })
  }
  return found
}
