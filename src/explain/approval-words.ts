/** What is shown before something is approved, and what `nixsig explain` says of an approval. */
import type { GraphChanges } from '../expressions/approve/changes.ts'
import type { Prepared } from '../expressions/approve/prepare.ts'
import type { Approval, ApprovedInput } from '../formats/in-toto/predicates/approval.ts'
import { isDerivationEntry, parseBuildGraph } from '../formats/nix/build-graph.ts'
import { holderOf } from '../policy/key-standing.ts'
import type { Policy } from '../policy/policy.ts'
import { list, pathWord, when, whoWord, word } from '../policy/words.ts'
import { counted } from '../primitives/counted.ts'
import type { KnownApproval } from '../verifier/approvals.ts'

const NAMES = 8
const ROOTS = 20

/** What an approver is asked to sign. */
export function preparedLines({ approval, roots, list: graph }: Prepared): readonly string[] {
  const { expressions, evaluator } = approval
  const entries = parseBuildGraph(graph)
  const derivations = entries.filter(isDerivationEntry).length
  const more = roots.length > ROOTS ? [`  and ${roots.length - ROOTS} more`] : []
  return [
    signedLine(expressions),
    ...inputsOf(approval).map(input => `  input ${word(input.name)}: ${signedLine(input)}`),
    `evaluated ${word(evaluator.target)} by Nix ${word(evaluator.nix)} for ${word(evaluator.system)}`,
    `  ${counted(derivations, 'derivation')} and ${counted(entries.length - derivations, 'source')}, graph ${approval.graph.sha256}`,
    ...roots.slice(0, ROOTS).map(({ name }) => `  ${pathWord(name)}`),
    ...more,
  ]
}

/** What changed since an approval. */
export function changeLines(before: Approval, changes: GraphChanges): readonly string[] {
  const since = `since the approval of ${when(before.timeApproved)} (commit ${word(before.expressions.commit)})`
  const { derivations, sources, signers } = changes
  const lines = [
    ...part('derivation changed', derivations.changed),
    ...part('derivation new', derivations.added),
    ...part('derivation gone', derivations.removed),
    ...part('source changed', sources.changed),
    ...part('source new', sources.added),
    ...part('source gone', sources.removed),
    ...part('signer new', signers.added),
    ...part('signer gone', signers.removed),
  ]
  return lines.length === 0 ? [`${since}: nothing changed`] : [`${since}:`, ...lines]
}

/** An approval in a line: from which commit, by whom signed, by whom approved. */
export function approvalLine(policy: Policy, known: KnownApproval): string {
  const { approval } = known
  const inputs = inputsOf(approval).map(input => `${word(input.name)}: ${signedLine(input)}`)
  const from = [signedLine(approval.expressions), ...inputs].join('; ')
  const what = `as part of ${word(approval.evaluator.target)}`
  return `${approverWords(policy, known)} ${when(approval.timeApproved)} ${what}, from ${from}`
}

function approverWords(policy: Policy, known: KnownApproval): string {
  if (known.by === 'self') return 'approved by this machine'
  const { key } = known.signer
  const who = holderOf(policy, key.identity)?.principal.name
  return `approved by ${who === undefined ? word(key.label) : whoWord(who)} (in ${word(known.origin)})`
}

function inputsOf({ locks }: Pick<Approval, 'locks'>): readonly ApprovedInput[] {
  return locks.flatMap(({ inputs }) => inputs)
}

function signedLine({ commit, url, signers }: Omit<ApprovedInput, 'name'>): string {
  const by =
    signers.length === 0
      ? 'signed by nobody, as the policy allows'
      : `signed by ${signers.map(word).join(', ')}`
  return `${commit === undefined ? '' : `commit ${word(commit)} of `}${word(url)}, ${by}`
}

/** `what`: a noun, and what became of it. */
function part(what: string, names: readonly string[]): readonly string[] {
  const [noun = '', fate] = what.split(' ')
  return names.length === 0
    ? []
    : [`  ${counted(names.length, noun)} ${fate}: ${list(names.map(word), NAMES)}`]
}
