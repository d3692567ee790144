/** From which expressions something came, as a chain of evidence tells it. */
import type { ApprovedInput } from '../formats/in-toto/predicates/approval.ts'
import { withoutSecrets } from '../formats/without-secrets.ts'
import { holderOf } from '../policy/key-standing.ts'
import { type Policy, SELF } from '../policy/policy.ts'
import { word } from '../policy/words.ts'
import type { KnownApproval } from '../verifier/approvals.ts'
import type { ChainApproval, ChainRevision } from './chain-node.ts'

const INPUTS = 6
const SIGNERS = 16

/** An approval as a chain tells it. */
export function chainApproval(policy: Policy, known: KnownApproval, isAsked: boolean): ChainApproval {
  const { approval } = known
  const inputs = approval.locks.flatMap(lock => lock.inputs)
  const signer = known.by === 'self' ? undefined : known.signer
  const who = signer && holderOf(policy, signer.key.identity)?.principal.name
  return {
    ...revision(approval.expressions),
    by: known.by === 'self' ? SELF : who && word(who),
    key: signer && word(signer.key.label),
    time: approval.timeApproved,
    target: word(approval.evaluator.target),
    isAsked,
    inputs: inputs.slice(0, INPUTS).map(input => ({ name: word(input.name), ...revision(input) })),
    leftInputs: Math.max(0, inputs.length - INPUTS),
    origin: known.by === 'self' ? undefined : word(known.origin),
  }
}

function revision({ url, commit, signers }: Omit<ApprovedInput, 'name'>): ChainRevision {
  return {
    url: word(withoutSecrets(url)),
    commit: commit && word(commit),
    signers: signers.slice(0, SIGNERS).map(word),
  }
}
