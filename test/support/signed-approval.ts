/** Approvals of build graphs, made without evaluating anything. */
import { signEnvelope } from '../../src/crypto/envelope.ts'
import {
  APPROVAL,
  type Approval,
  approvalJson,
  approverUri,
} from '../../src/formats/in-toto/predicates/approval.ts'
import { printStatement } from '../../src/formats/in-toto/statement.ts'
import { type GraphEntry, graphDigest, printBuildGraph } from '../../src/formats/nix/build-graph.ts'
import { toNix32 } from '../../src/formats/nix/nix32.ts'
import { sshFingerprint } from '../../src/formats/ssh/key.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { sha256 } from '../../src/primitives/sodium.ts'

interface Pair {
  readonly publicKey: Uint8Array
  readonly secretKey: Uint8Array
}

/** What an approval says, where it does not matter what. */
export const EXPRESSIONS: Approval['expressions'] = {
  url: 'https://example.org/x',
  commit: 'c'.repeat(40),
  tree: 'd'.repeat(40),
  narHash: 'e'.repeat(64),
  signers: ['alice', 'bob'],
}

export const EVALUATOR: Approval['evaluator'] = { nix: '2.26.3', system: 'x86_64-linux', target: '.#x' }

/** An entry whose path and hash follow from its name, in the same way each time. */
export function entry(name: string): GraphEntry {
  const hash = sha256(Buffer.from(name))
  return { path: `/nix/store/${toNix32(hash.subarray(0, 20))}-${name}`, sha256: toHex(hash) }
}

/** A graph with `count` derivations and one source, the first derivation at its root. */
export function graphOf(name: string, count = 3): readonly GraphEntry[] {
  const derivations = Array.from({ length: count }, (_, index) => entry(`${name}-${index}.drv`))
  return [...derivations, entry(`${name}-source`)]
}

/** The list of a graph, and the line with which somebody approves it. */
export function approvalOf(
  by: Pair,
  entries: readonly GraphEntry[],
  change: Partial<Approval> & { readonly roots?: readonly string[] } = {},
): { readonly list: Uint8Array; readonly line: string } {
  const { roots = [entries[0]?.path ?? ''], ...changed } = change
  const list = printBuildGraph(entries)
  const approval: Approval = {
    approver: approverUri(sshFingerprint(by.publicKey)),
    timeApproved: 1_790_000_000,
    graph: { sha256: graphDigest(list), lines: entries.length },
    expressions: EXPRESSIONS,
    locks: [],
    evaluator: EVALUATOR,
    ...changed,
  }
  const subjects = roots.map(name => ({ name, narHash: 'a'.repeat(64) }))
  const payload = printStatement({ subjects, predicateType: APPROVAL, predicate: approvalJson(approval) })
  return { list, line: signEnvelope(payload, by) }
}
