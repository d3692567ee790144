/**
 * What root approved on this machine (`nixsig approve --here`), in `<state>/approvals/here/`, two
 * files for each build graph, named by its digest: `<digest>.graph` is the list of the graph, and
 * `<digest>` says what the approval rests on:
 *
 *     nixsig1 <digest of the graph>
 *     trust <what of the policy the verdict on the expressions depends on, see expressionTrust>
 *     until <seconds since 1970, or never>   when that verdict ends
 *     <the statement, as an approver would sign it, in one line>
 *
 * It counts until that end, as long as that part of the policy is the same.
 */
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { namesIn } from '../files/names-in.ts'
import { readOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { type Approval, parseApproval } from '../formats/in-toto/predicates/approval.ts'
import { parseStatement } from '../formats/in-toto/statement.ts'
import type { Instant } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'

const LIMIT = 1024 * 1024 + 4096
const HEAD = /^nixsig1 ([0-9a-f]{64})\ntrust ([0-9a-f]{64})\nuntil (never|\d{1,15})\n([^\n]+)\n$/

/** An approval by this machine. */
export interface HereApproval {
  /** SHA-256 of the list of its graph, lower-case hex. */
  readonly graph: string
  /** The part of the policy by which the expressions were judged: see expressionTrust. */
  readonly trust: string
  /** Absent if that has no end. */
  readonly until?: Instant
  readonly approval: Approval
}

/** The digests of the graphs that were approved here, whether or not that still counts; sorted. */
export function graphsApprovedHere(state: string): readonly string[] {
  return namesIn(directoryIn(state))
    .filter(name => /^[0-9a-f]{64}$/.test(name))
    .sort()
}

/**
 * Reads an approval; undefined if it is absent. Throws FileError if others could have written it, or
 * if it cannot be read.
 */
export function readHereApproval(state: string, graph: string): HereApproval | undefined {
  const file = join(directoryIn(state), graph)
  const text = readOwnedFile(file, LIMIT)?.toString('utf8')
  return text === undefined ? undefined : parseHereApproval(text, graph, file)
}

/** Parses the text of an approval of this graph; `file` is for messages. Throws FileError. */
export function parseHereApproval(text: string, graph: string, file: string): HereApproval {
  const [, about, trust = '', until, payload = ''] = HEAD.exec(text) ?? []
  const approval = about === graph ? approvalIn(payload) : undefined
  if (approval?.graph.sha256 !== graph) {
    throw new FileError(`${printable(file)} is damaged: remove it, and approve again`)
  }
  return { graph, trust, approval, ...(until === 'never' ? {} : { until: Number(until) }) }
}

/** Keeps an approval; it is on the disk when this returns. `payload`: the statement. */
export function writeHereApproval(
  state: string,
  { graph, trust, until }: Omit<HereApproval, 'approval'>,
  { payload, list }: { readonly payload: Uint8Array; readonly list: Uint8Array },
): void {
  const head = `nixsig1 ${graph}\ntrust ${trust}\nuntil ${until ?? 'never'}\n`
  writeDurably(hereGraphFile(state, graph), list, { flush: true })
  writeDurably(join(directoryIn(state), graph), `${head}${Buffer.from(payload).toString('utf8')}\n`, {
    flush: true,
  })
}

/** The list of a graph that was approved here. */
export function hereGraphFile(state: string, graph: string): string {
  return join(directoryIn(state), `${graph}.graph`)
}

/** Whether an approval is in force, if this is what the policy in force trusts now. */
export function isInForce({ trust, until }: HereApproval, trustNow: string, now: Instant): boolean {
  return trust === trustNow && (until === undefined || now < until)
}

function directoryIn(state: string): string {
  return join(state, 'approvals', 'here')
}

function approvalIn(payload: string): Approval | undefined {
  try {
    return parseApproval(parseStatement(Buffer.from(payload, 'utf8')))
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
