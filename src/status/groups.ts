/** Refused paths by what keeps them back, each group with one next step. Pure. */
import { type Cause, type CauseCode, causesOf } from '../adopt/cause.ts'
import { CAUSE_WORDS } from '../adopt/cause-words.ts'
import { ASPECT } from '../policy/policy.ts'
import type { Reader } from '../policy/steps.ts'
import type { Finding, Refusal } from '../policy/verdict.ts'
import { sentence } from '../policy/wording.ts'
import { word } from '../policy/words.ts'
import { BY_ROOT } from '../primitives/next-step.ts'

/** The kinds of groups, in the order in which they are told. */
export const GROUP_CODES = [
  'altered',
  'conflict',
  'bad-signature',
  'refused-by-rule',
  'key-ended',
  'unlisted-signer',
  'unapproved',
  'unsigned-source',
  'unsigned-derivation',
  'unsigned-output',
  'no-derivation',
  'unsupported',
  'undecided',
] as const

export type GroupCode = (typeof GROUP_CODES)[number]

/** A path that would be refused. */
export interface Stopped {
  readonly path: string
  /** The path at fault, if it is another: a source, a derivation, an input. */
  readonly because: string | undefined
  /** The refusal in one line, escaped. */
  readonly message: string
  readonly refusal: Refusal
}

export interface Group {
  readonly code: GroupCode
  /** Escaped. */
  readonly title: string
  readonly next: string
  readonly stopped: readonly Stopped[]
}

/**
 * Each refused path in the group of its first cause; the groups that most depends on come first.
 * What only root can do says so to others. `again`: the command that finds the same groups; with
 * `--refused CODE` it names the paths of one.
 */
export function groupsOf(refusals: readonly Refusal[], reader: Reader, again = STATUS): readonly Group[] {
  const groups = new Map<string, { kind: Kind; stopped: Stopped[] }>()
  for (const refusal of refusals) {
    const [cause] = causesOf(refusal)
    const asked = kindOf(cause)
    const isNew = !groups.has(keyOf(asked)) && asked.signer !== undefined
    const kind = isNew && groups.size >= GROUP_LIMIT ? { code: asked.code } : asked
    const key = keyOf(kind)
    const group = groups.get(key) ?? { kind, stopped: [] }
    const because = cause.path === refusal.path ? undefined : cause.path
    group.stopped.push({ path: refusal.path, because, message: sentence(refusal), refusal })
    groups.set(key, group)
  }
  const all = [...groups.values()].map(({ kind, stopped }) => ({ ...wordsOf(kind, reader, again), stopped }))
  const rank = ({ code }: Group) => GROUP_CODES.indexOf(code)
  return all.sort((a, b) => rank(a) - rank(b) || b.stopped.length - a.stopped.length)
}

/**
 * A cache may write any name beside a signature: names that come when there are so many groups
 * share one.
 */
const GROUP_LIMIT = 24

function keyOf({ code, signer }: Kind): string {
  return `${code} ${signer ?? ''}`
}

interface Kind {
  readonly code: GroupCode
  /** The name of a key that nobody lists, raw. */
  readonly signer?: string
}

function kindOf({ code, kind, finding }: Cause): Kind {
  if (code !== 'no-signature') return { code: CODES[code] }
  const signer = finding?.code === 'unknown-signer' ? finding.strays[0]?.detail : undefined
  if (signer !== undefined) return { code: 'unlisted-signer', signer }
  if (isOfApprover(finding)) return { code: 'unapproved' }
  const aspect = ASPECT[kind]
  return {
    code:
      aspect === 'output'
        ? 'unsigned-output'
        : aspect === 'source'
          ? 'unsigned-source'
          : 'unsigned-derivation',
  }
}

function isOfApprover(finding: Finding | undefined): boolean {
  return finding !== undefined && 'need' in finding && finding.need.role === 'approver'
}

/** Those that only building again comes to do not arise where nothing is built. */
const CODES: Readonly<Record<Exclude<CauseCode, 'no-signature'>, GroupCode>> = {
  altered: 'altered',
  conflict: 'conflict',
  'bad-signature': 'bad-signature',
  'not-reproducible': 'unsigned-output',
  'key-ended': 'key-ended',
  'no-derivation': 'no-derivation',
  'source-gone': 'undecided',
  'not-built': 'unsigned-output',
  unsupported: 'unsupported',
  'refused-by-rule': 'refused-by-rule',
  'no-hook': 'unsigned-output',
  undecided: 'undecided',
}

const STATUS = 'nixsig status'

/** A command that names the paths of a group by itself, as it is typed. */
const these = (code: GroupCode) => `$(${STATUS} --refused ${code})`

interface Words {
  readonly title: string
  readonly next: string
  /** Whether the step needs no root. */
  readonly isForAll?: true
}

function wordsOf({ code, signer }: Kind, reader: Reader, again: string): Omit<Group, 'stopped'> {
  const { title, next, isForAll } = signer === undefined ? WORDS[code] : wordsOnSigner(signer)
  const typed = next.replace(`${STATUS} --refused`, () => `${again} --refused`)
  const step = reader === 'root' || isForAll === true ? typed : `${typed} (${BY_ROOT})`
  return { code, title, next: step }
}

function wordsOnSigner(signer: string): Words {
  return {
    title: `signatures that name ${word(signer)}, whose key the policy does not list`,
    next: 'if you trust the signer, get the key from them, and list it under [principals] in the policy',
  }
}

const WORDS: Readonly<Record<GroupCode, Words>> = {
  altered: { title: CAUSE_WORDS.altered.title, next: `nix-store --repair-path ${these('altered')}` },
  conflict: {
    title: CAUSE_WORDS.conflict.title,
    next: 'nixsig conflicts list; withdraw those that are settled',
  },
  'bad-signature': {
    title: CAUSE_WORDS['bad-signature'].title,
    next: 'do not use it: get it anew from its origin',
    isForAll: true,
  },
  'refused-by-rule': {
    title: CAUSE_WORDS['refused-by-rule'].title,
    next: 'name in that rule whom you trust for it: nixsig init asks, nixsig policy describe shows it',
  },
  'key-ended': {
    title: CAUSE_WORDS['key-ended'].title,
    next: 'have it signed with a key that counts today; a newer copy of a certificate goes where the policy names it',
  },
  'unlisted-signer': {
    ...wordsOnSigner(''),
    title: 'signatures that name still others, whose keys the policy does not list',
  },
  unapproved: {
    title: 'nobody approved what they are evaluated from',
    next: 'approve the commit that they are evaluated from: nixsig approve --here',
  },
  'unsigned-source': {
    title: 'sources that not enough people signed',
    next: 'have their packager sign them: nixsig handoff PACKAGE.nix --key FILE',
    isForAll: true,
  },
  'unsigned-derivation': {
    title: 'derivations that not enough people signed',
    next: 'have their packager sign them: nixsig handoff PACKAGE.nix --key FILE',
    isForAll: true,
  },
  'unsigned-output': {
    title: 'outputs that not enough people signed',
    next: `nixsig adopt ${these('unsigned-output')}`,
  },
  'no-derivation': {
    title: 'no derivation in this store makes it',
    next: 'set accept-unknown-derivation = true in the rule, if its builders alone suffice',
  },
  unsupported: {
    title: CAUSE_WORDS.unsupported.title,
    next: 'have it made by an ordinary derivation',
    isForAll: true,
  },
  undecided: {
    title: CAUSE_WORDS.undecided.title,
    next: `nixsig explain $(${STATUS} --refused undecided | head -n 1)`,
    isForAll: true,
  },
}
