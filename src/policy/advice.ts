/**
 * What to do about a verdict, for whoever reads it. Pure: what is known beside it comes as data.
 */
import { stepAfterSystemError } from '../primitives/system-steps.ts'
import { ASPECT, type Instant, type SubjectKind } from './policy.ts'
import { anyone, byOthers, byRoot, or, type Reader, type Step, stepWords } from './steps.ts'
import { type Finding, NOT_THERE, type Refusal, type Verdict } from './verdict.ts'
import { list, pathWord, when, word } from './words.ts'

/** A source of attestations, and when it last answered; undefined if it never did. */
export interface AskedSource {
  readonly url: string
  readonly answered?: Instant
}

/** What is known beside a verdict. Whatever is absent is not known. */
export interface Circumstances {
  readonly reader: Reader
  /** Sources whose last answer is used, without asking them again. */
  readonly sources?: readonly AskedSource[]
  /** Whether the path is in this store; what is not there nobody can sign here by its path. */
  readonly isHere?: boolean
  /** Nix's database has no signature of the path but those that this machine's gate made. */
  readonly isSignedByGateAlone?: boolean
}

const SOURCES_TOLD = 3

/** What can be done about a verdict, best first, a line each; none where all is well. */
export function adviceFor(
  verdict: Verdict,
  circumstances: Circumstances = { reader: 'root' },
): readonly string[] {
  return [...new Set(stepsFor(verdict, circumstances).map(step => stepWords(step, circumstances.reader)))]
}

/** The same as data. Several findings may come to one step, which is there once. */
export function stepsFor(verdict: Verdict, circumstances: Circumstances): readonly Step[] {
  if (verdict.outcome === 'trusted') return []
  // Known by its hash part alone, which no command takes.
  const isNameless = verdict.path.endsWith('-*')
  const steps = isNameless
    ? verdict.findings.flatMap(onNameless)
    : verdict.findings.flatMap(finding => [
        ...byCause(finding, verdict, circumstances),
        ...stepsOn(finding, verdict, circumstances.isHere ?? true),
      ])
  const first = new Map<string, Step>()
  for (const step of steps) if (!first.has(step.text)) first.set(step.text, step)
  return [...first.values()]
}

const WITHOUT_CACHES = anyone(
  'build it without binary caches: the same nix command with --option substitute false',
)
const ASK_AGAIN = anyone('ask again, for what did not answer may answer now')
const DOCTOR = byRoot('repair what cannot be read, and bring here what is missing: nixsig doctor')
const ACCEPT_EXPIRED_KEY = or(
  byRoot(
    'set accept-expired-key = "if-signed-before" in the rule, if the signer\'s word about the date suffices',
  ),
)
const SIGN_COMMIT = byOthers(
  'have them sign it (nixsig git sign), and take in their signatures (nixsig git fetch REMOTE)',
)
const EXEMPT = or(
  byRoot(
    'let it pass for a stated reason and time: an [[exemptions]] entry in the policy (nixsig policy check)',
  ),
)
const COLLECT = byRoot('put what they publish where the policy looks')
const SIGN_AGAIN = byOthers('have it signed again with a key that is in force')
const NEWER_CERTIFICATE = byRoot(
  'look for a newer copy of the certificate, for many keys are only prolonged, and put it where the policy names it',
)
const GET_ANEW = anyone('do not use it: get it anew from its origin, and ask whoever signed what they signed')

/** Advice that is the same whatever else is known. */
const ADVICE = {
  'no-developer': [
    byRoot(
      'say who signs it, with an entry of [developers] in the policy, once their key came from themselves',
    ),
    or(byOthers('ask those who keep a list to name its developers in it')),
    EXEMPT,
  ],
  'unknown-signer': [
    byRoot(
      'list the signer under [principals] in the policy, if the signer is trusted and the key came from themselves',
    ),
  ],
  'bad-signature': [GET_ANEW],
  'wrong-digest': [GET_ANEW],
  'not-a-signature': [GET_ANEW],
  conflict: [
    byOthers(
      'do not use it, and ask both builders to build it again: one of two builds is not what its derivation says, or it does not build the same twice',
    ),
  ],
  disagreement: [
    WITHOUT_CACHES,
    byRoot(
      'find out which of the caches is wrong, and take the other out of gate.upstreams; what does not build the same twice can come from one cache only',
    ),
  ],
  'unvouched-references': [
    byOthers('have a builder attest it again: what nixsig signs now says what a path refers to'),
    or(anyone('evaluate what made it here, so that its contents can be held against its derivation')),
  ],
  revoked: [SIGN_AGAIN],
  'not-yet-valid': [
    anyone('wait, and look at the clock: date'),
    or(byRoot('correct the date in the policy')),
  ],
  'no-input-rule': [
    anyone('give the URL by which the policy knows the repository: --url'),
    or(byRoot('add a rule with its URL to [[inputs]] in the policy')),
  ],
  'refused-by-rule': [
    anyone('see which rule forbids it: nixsig policy describe'),
    byRoot('change that rule in the policy'),
  ],
  'unknown-derivation': [
    anyone('evaluate what made it here, so that its derivation is in this store'),
    or(byRoot('set accept-unknown-derivation in the rule, if its builders alone suffice')),
  ],
  'unsupported-derivation': [
    anyone(
      'write the derivation without what makes it one of this kind, or ask whoever wrote it to, for nixsig cannot judge this kind',
    ),
  ],
  unreadable: [ASK_AGAIN, DOCTOR],
} as const satisfies Partial<Record<Finding['code'], readonly Step[]>>

/** Findings that say that a signature is missing, and may be there once somebody is asked. */
const MISSING: readonly Finding['code'][] = ['unsigned', 'threshold', 'unknown-signer', 'unknown-derivation']

/** Steps that what is known beside the verdict suggests; they come first. */
function byCause(finding: Finding, { kind, path }: Refusal, circumstances: Circumstances): readonly Step[] {
  if (!MISSING.includes(finding.code)) return []
  const { sources = [], isSignedByGateAlone } = circumstances
  const steps: Step[] = []
  if (isSignedByGateAlone && kind === 'output') {
    steps.push(
      byRoot(
        `fetch the signatures of the cache that it came from, for the gate's own says only that it was let in: nixsig adopt ${pathWord(path)}`,
      ),
    )
  }
  if (sources.length > 0) {
    const answers = sources.map(({ url, answered }) =>
      answered === undefined ? `${word(url)} never answered` : `${word(url)} answered ${when(answered)}`,
    )
    steps.push(
      byRoot(
        `have the sources of attestations asked anew, for what was published since is not known here: nixsig sync (${list(answers, SOURCES_TOLD)})`,
      ),
    )
  }
  return steps
}

function onNameless(finding: Finding): readonly Step[] {
  return finding.code === 'disagreement' ? ADVICE.disagreement : [ASK_AGAIN, WITHOUT_CACHES, DOCTOR]
}

function stepsOn(finding: Finding, verdict: Refusal, isHere: boolean): readonly Step[] {
  const { path, kind } = verdict
  switch (finding.code) {
    case 'unsigned':
    case 'threshold':
      return onMissing(finding, verdict, isHere)
    case 'altered':
      return [
        anyone(
          `see whether what it refers to was changed as well: nix-store --verify-path $(nix-store -qR ${pathWord(path)})`,
        ),
        byRoot('find out who changed it, and repair it or delete it and have it made again'),
      ]
    case 'references':
      return [
        anyone(
          `do not take it from ${word(finding.upstream)}, which says something false of it: another cache may have it whole`,
        ),
        or(WITHOUT_CACHES),
      ]
    case 'ended-list':
      return [newerState(finding.list), or(byOthers('ask those who keep it to renew it'))]
    case 'missing-list':
      return [newerState(finding.list)]
    case 'expired':
      return onExpired(kind, finding.signedAt !== undefined)
    case 'unreadable':
      return onUnreadable(finding, verdict)
    case 'input':
      return finding.path.endsWith('-*')
        ? onNameless(finding)
        : [anyone(`look at what it is built from: nixsig explain ${pathWord(finding.path)}`)]
    default:
      return ADVICE[finding.code]
  }
}

function newerState(name: string): Step {
  return byRoot(`take in a newer state of that list, with "nixsig trust update ${word(name)}"`)
}

function onMissing(
  { need }: Extract<Finding, { code: 'unsigned' | 'threshold' }>,
  { kind, path }: Refusal,
  isHere: boolean,
): readonly Step[] {
  if (kind === 'expression') return [SIGN_COMMIT]
  if (need.role === 'approver') return onApproval(need.who === 'self')
  if (need.who === 'self') {
    const again = isHere
      ? byRoot(`have this machine build it again and compare: nixsig adopt ${pathWord(path)}`)
      : anyone('have this machine build it: the same nix command with --option substitute false')
    return [again, EXEMPT]
  }
  return [
    byOthers(`have them sign it: ${isHere ? signing(kind, path) : signingElsewhere(kind, path)}`),
    COLLECT,
    EXEMPT,
  ]
}

function onUnreadable(
  { trouble }: Extract<Finding, { code: 'unreadable' }>,
  { ground, path }: Refusal,
): readonly Step[] {
  if (trouble === NOT_THERE) {
    return [
      anyone(
        `have Nix build or fetch it, for then it is judged, and refused with the reason: nix-store --realise ${pathWord(path)}`,
      ),
    ]
  }
  const system = stepAfterSystemError(trouble.detail)
  if (ground.kind === 'policy') {
    return [byRoot('correct the policy, or restore it, by what is wrong with it: nixsig policy check')]
  }
  if (system !== undefined) return [byRoot(system)]
  if (ground.kind === 'log')
    return [byRoot('repair the decision log: nixsig log verify tells what is wrong with it')]
  return ground.kind === 'caches' ? [ASK_AGAIN, or(WITHOUT_CACHES), DOCTOR] : ADVICE.unreadable
}

/** On what nobody approved who had to. */
function onApproval(isHere: boolean): readonly Step[] {
  if (isHere) return [byRoot('approve the commit that it is evaluated from: nixsig approve --here')]
  return [byOthers('have them approve the commit that it is evaluated from: nixsig approve'), COLLECT, EXEMPT]
}

/** On a key that ended. `signedBefore`: after it signed, by its own word. */
function onExpired(kind: SubjectKind, signedBefore: boolean): readonly Step[] {
  const accepts = signedBefore && ASPECT[kind] === 'source' ? [ACCEPT_EXPIRED_KEY] : []
  return [NEWER_CERTIFICATE, ...accepts, or(SIGN_AGAIN)]
}

/** Of a path that is not in this store: the file itself, or the path where it was built. */
function signingElsewhere(kind: SubjectKind, path: string): string {
  const name = pathWord(path).replace(/^\/nix\/store\/.{33}/, '')
  return ASPECT[kind] === 'source'
    ? `nixsig attest source FILE --name ${name} --signature FILE --key FILE (the file itself, for the path is not here)`
    : `${signing(kind, path)} (where it was built, for it is not here)`
}

/** What is said of a source: its developer's signature, or that one is its developer oneself. */
const PROOF: Partial<Readonly<Record<SubjectKind, string>>> = {
  'fetched-source': ' --signature FILE',
  'local-source': ' --as developer --purl pkg:generic/NAME@VERSION',
}

function signing(kind: SubjectKind, path: string): string {
  return `nixsig attest ${ASPECT[kind]} ${pathWord(path)}${PROOF[kind] ?? ''} --key FILE`
}
