import { ASPECT, type SubjectKind } from '../policy/policy.ts'
import type { Finding, Refusal, Verdict } from '../policy/verdict.ts'
import { pathWord, word } from '../policy/words.ts'
import { BY_ROOT } from '../primitives/next-step.ts'
import { stepAfterSystemError } from './system-steps.ts'

/**
 * What can be done about a verdict, a line each; none where all is well. A line that takes root's
 * rights says so: whoever reads it may have none.
 */
export function adviceFor(verdict: Verdict): readonly string[] {
  if (verdict.outcome === 'trusted') return []
  return [...new Set(verdict.findings.flatMap(finding => adviceOn(finding, verdict)))]
}

/** A step that only root can take. */
function byRoot(step: string): string {
  return `${step} (${BY_ROOT})`
}

const ACCEPT_EXPIRED_KEY = byRoot(
  'or set accept-expired-key = "if-signed-before" in the rule, if the signer\'s word about the date suffices',
)
const SIGN_COMMIT =
  'have them sign it (nixsig git sign), and take in their signatures (nixsig git fetch REMOTE)'
const EXEMPT = byRoot('or let it pass for a stated reason and time: an [[exemptions]] entry in the policy')
const SIGN_AGAIN = 'have it signed again with a key that is in force'
const GET_ANEW = 'do not use it: get it anew from its origin, and ask whoever signed what they signed'

/** Advice that is the same whatever else is known. */
const ADVICE = {
  'unknown-signer': [
    byRoot(
      'if you trust the signer, and got their key from themselves: list it under [principals] in the policy',
    ),
  ],
  'bad-signature': [GET_ANEW],
  'wrong-digest': [GET_ANEW],
  'not-a-signature': [GET_ANEW],
  conflict: [
    'do not use it, and ask both builders to build it again: one of two builds is not what its derivation says, or it does not build the same twice',
  ],
  disagreement: [
    byRoot(
      'find out which of them is wrong, and take the other out of gate.upstreams; what does not build the same twice can come from one cache only',
    ),
  ],
  'unvouched-references': [
    'have a builder attest it again: what nixsig signs now says what a path refers to',
    'or evaluate what made it here, so that its contents can be held against its derivation',
  ],
  revoked: [SIGN_AGAIN],
  'not-yet-valid': ['wait, and look at the clock', byRoot('or correct the date in the policy')],
  'no-input-rule': [
    'give the URL by which the policy knows the repository: --url',
    byRoot('or add a rule with its URL to [[inputs]] in the policy'),
  ],
  'refused-by-rule': [
    'see which rule forbids it: nixsig policy describe',
    byRoot('change that rule in the policy'),
  ],
  'unknown-derivation': [
    'evaluate what made it here, so that its derivation is in this store',
    byRoot('or set accept-unknown-derivation in the rule, if its builders alone suffice'),
  ],
  'unsupported-derivation': [
    'write the derivation without what makes it one of this kind, or ask whoever wrote it to: nixsig cannot judge derivations of this kind',
  ],
  unreadable: [
    'ask again, for what did not answer may answer now',
    byRoot('bring here what is missing, and repair what cannot be read: nixsig doctor'),
  ],
} as const satisfies Partial<Record<Finding['code'], readonly string[]>>

function adviceOn(finding: Finding, { path, kind }: Refusal): readonly string[] {
  switch (finding.code) {
    case 'unsigned':
    case 'threshold':
      if (kind === 'expression') return [SIGN_COMMIT]
      if (finding.need.role === 'approver') return adviceOnApproval(finding.need.who === 'self')
      return finding.need.who === 'self'
        ? [byRoot(`have this machine build it again and compare: nixsig adopt ${pathWord(path)}`)]
        : [
            `have them sign it: ${signing(kind, path)}`,
            byRoot('put what they publish where the policy looks'),
            EXEMPT,
          ]
    case 'altered':
      return [
        `see whether what it refers to was changed as well: nix-store --verify-path $(nix-store -qR ${pathWord(path)})`,
        byRoot('find out who changed it, and repair it or delete it and have it made again'),
      ]
    case 'references':
      return [
        `do not take it from ${word(finding.upstream)}, which says something false of it: another cache may have it whole, or build it here`,
      ]
    case 'expired':
      return finding.signedAt === undefined ? [SIGN_AGAIN] : adviceOnEnd(kind)
    case 'unreadable': {
      const system = stepAfterSystemError(finding.trouble.detail)
      return system === undefined ? ADVICE.unreadable : [system]
    }
    case 'input':
      return [`look at what it is built from: nixsig explain ${pathWord(finding.path)}`]
    default:
      return ADVICE[finding.code]
  }
}

/** On what nobody approved who had to. */
function adviceOnApproval(isHere: boolean): readonly string[] {
  if (isHere) return [byRoot('approve the commit that it is evaluated from: nixsig approve --here')]
  return [
    'have them approve the commit that it is evaluated from: nixsig approve',
    byRoot('put what they publish where the policy looks'),
    EXEMPT,
  ]
}

/** On a key that ended after it signed. */
function adviceOnEnd(kind: SubjectKind): readonly string[] {
  const newer =
    'look for a newer copy of the certificate, for many keys are only prolonged, and put it where the policy names it'
  return [byRoot(newer), ...(ASPECT[kind] === 'source' ? [ACCEPT_EXPIRED_KEY] : [])]
}

function signing(kind: SubjectKind, path: string): string {
  const proof = ASPECT[kind] === 'source' ? ' --signature FILE' : ''
  return `nixsig attest ${ASPECT[kind]} ${pathWord(path)}${proof} --key FILE`
}
