import type { GroupCode } from '../status/groups.ts'
import type { SarifRule } from './sarif-log.ts'

/** What an audit can find besides refused paths. */
export type OtherRule =
  | 'differing-contents'
  | 'missing-from-disk'
  | 'unregistered'
  | 'ends-soon'
  | 'exempted'
  | 'single-key'
  | 'unjudged'
  | 'not-listed'

/** The rules of an audit's SARIF. Their names stay the same in later versions. */
export type RuleId = GroupCode | OtherRule

type Words = Omit<SarifRule, 'id'>

const REFUSED: Readonly<Record<GroupCode, Words>> = {
  altered: {
    text: 'The contents of a path were changed after they were judged',
    help: 'Have Nix repair the path, and find out who changed it.',
    severity: 9.5,
  },
  conflict: {
    text: 'Builders or caches disagree about what a path contains',
    help: 'Find out whose build is right before you use either: nixsig conflicts list shows them.',
    severity: 9,
  },
  'bad-signature': {
    text: 'A signature is wrong, or is one of other contents',
    help: 'Do not use it. Get it anew from its origin.',
    severity: 9,
  },
  'refused-by-rule': {
    text: 'A rule of the policy refuses a path whoever signed it',
    help: 'Name in that rule whom you trust for it, or do without it.',
    severity: 7,
  },
  'key-ended': {
    text: 'What signed a path has expired or was revoked, or is not valid yet',
    help: 'Get a newer copy of the certificate, or have it signed with a key that is valid.',
    severity: 7,
  },
  'unlisted-signer': {
    text: 'A path is signed only by keys that the policy does not list',
    help: 'If you trust the signer, list the key under [principals] in the policy.',
    severity: 7,
  },
  unapproved: {
    text: 'Nobody approved what a path was evaluated from',
    help: 'Have the commit approved.',
    severity: 6,
  },
  'unsigned-source': {
    text: 'Not enough of the right people signed a source',
    help: 'Have its developers or its packager sign it.',
    severity: 6,
  },
  'unsigned-derivation': {
    text: 'Not enough of the right people signed a derivation',
    help: 'Have its packager sign it.',
    severity: 6,
  },
  'unsigned-output': {
    text: 'Not enough of the right people signed an output',
    help: 'Build it here, or have a builder that you trust sign it.',
    severity: 6,
  },
  'no-derivation': {
    text: 'It is not known from which derivation a path was built',
    help: 'Fetch its derivation, or let its builders suffice: accept-unknown-derivation in the rule.',
    severity: 5,
  },
  unsupported: {
    text: 'A path comes from a kind of derivation that cannot be judged',
    help: 'Have it made by an ordinary derivation.',
    severity: 5,
  },
  undecided: {
    text: 'It could not be decided whether a path can be trusted',
    help: 'nixsig explain says what was missing.',
    severity: 5,
  },
}

const OTHER: Readonly<Record<OtherRule, Words>> = {
  'differing-contents': {
    text: 'What is on the disk is not what the store registered',
    help: 'Have Nix repair the path, and find out who changed it.',
    severity: 9.5,
  },
  'missing-from-disk': {
    text: 'A path is registered in the store and not on the disk',
    help: 'Have Nix repair the path.',
    severity: 3,
  },
  unregistered: {
    text: 'Something lies in the store that is not in its database',
    help: 'Have Nix collect garbage; what then stays was not put there by Nix.',
    severity: 4,
  },
  'ends-soon': {
    text: 'A key, a list, an exemption or a respite ends within 30 days',
    help: 'Renew it before what rests on it is refused.',
  },
  exempted: {
    text: 'Paths are trusted only because the policy exempts them',
    help: 'Have them signed before the exemption ends.',
  },
  'single-key': {
    text: 'Much would no longer be trusted without one single key',
    help: 'Have a second one sign as well, and require both or either.',
  },
  unjudged: {
    text: 'Paths were not judged, for want of time',
    help: 'Audit again: what was judged is remembered.',
    severity: 5,
  },
  'not-listed': {
    text: 'There is more than this document can hold',
    help: 'nixsig audit --json has all of it.',
  },
}

/** All of them, in an order that stays the same. */
export const RULES: readonly SarifRule[] = Object.entries({ ...REFUSED, ...OTHER }).map(([id, words]) => ({
  id,
  ...words,
}))
