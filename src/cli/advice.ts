import { ASPECT, type SubjectKind } from '../policy/policy.ts'
import type { Finding, Refusal, Verdict } from '../policy/verdict.ts'
import { pathWord, word } from '../policy/words.ts'

/** What can be done about a verdict, a line each; none where all is well. */
export function adviceFor(verdict: Verdict): readonly string[] {
  if (verdict.outcome === 'trusted') return []
  return [...new Set(verdict.findings.flatMap(finding => adviceOn(finding, verdict)))]
}

const ACCEPT_EXPIRED_KEY =
  'or set accept-expired-key = "if-signed-before" in the rule, if the signer\'s word about the date suffices'

const EXEMPT = 'or let it pass for a stated reason and time: an [[exemptions]] entry in the policy'
const ALTERED = 'find out who changed it, and repair it or have it made again: nixsig verify says how'

function adviceOn(finding: Finding, { path, kind }: Refusal): readonly string[] {
  switch (finding.code) {
    case 'unsigned':
    case 'threshold':
      return finding.need.who === 'self'
        ? [`have this machine build it: nix-store --realise --check, or forbid substitutes for it`]
        : [
            `have them sign it (${signing(kind, path)}) and put what they publish where the policy looks`,
            EXEMPT,
          ]
    case 'unknown-signer':
      return [
        'if you trust the signer, and got their key from themselves: list it under [principals] in the policy',
      ]
    case 'bad-signature':
    case 'wrong-digest':
    case 'not-a-signature':
      return ['do not use it: get it anew from its origin, and ask whoever signed what they signed']
    case 'conflict':
      return [
        'do not use it: one of two builds is not what its derivation says, or it does not build the same twice',
      ]
    case 'disagreement':
      return [
        'find out which of them is wrong, and take the other out of gate.upstreams; what does not build the same twice can come from one cache only',
      ]
    case 'altered':
      return [ALTERED]
    case 'references':
      return [
        `do not take it from ${word(finding.upstream)}, which says something false of it; another cache may have it whole`,
      ]
    case 'unvouched-references':
      return [
        'have a builder attest it again: what nixsig signs now says what a path refers to',
        'or evaluate what made it here, so that its contents can be held against its derivation',
      ]
    case 'revoked':
      return ['have it signed again with a key that is in force']
    case 'expired':
      return finding.signedAt === undefined
        ? ['have it signed again with a key that is in force']
        : [
            'look for a newer copy of the certificate, for many keys are only prolonged, and put it where the policy names it',
            ...(ASPECT[kind] === 'source' ? [ACCEPT_EXPIRED_KEY] : []),
          ]
    case 'not-yet-valid':
      return ['wait, or correct the date in the policy (and look at the clock)']
    case 'refused-by-rule':
      return ['the policy forbids it: nixsig policy describe']
    case 'unknown-derivation':
      return [
        'evaluate what made it here, so that its derivation is in this store',
        'or set accept-unknown-derivation in the rule, if its builders alone suffice',
      ]
    case 'unsupported-derivation':
      return ['none: nixsig cannot judge derivations of this kind']
    case 'input':
      return [`look at what it is built from: nixsig explain ${pathWord(finding.path)}`]
    case 'unreadable':
      return ['bring here what is missing, repair what cannot be read, and ask again']
  }
}

function signing(kind: SubjectKind, path: string): string {
  const proof = ASPECT[kind] === 'source' ? ' --signature FILE' : ''
  return `nixsig attest ${ASPECT[kind]} ${pathWord(path)}${proof} --key FILE`
}
