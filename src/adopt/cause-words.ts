/** What is said of the causes, and whether an exemption is offered. Pure. */
import type { CauseCode } from './cause.ts'

export interface CauseWords {
  /** A heading. */
  readonly title: string
  readonly next: string
  /**
   * The reason of an exemption; absent where an exemption would not help (docs/semantics.md, S3) or
   * where nobody should want one.
   */
  readonly exempt?: string
}

/** The words for each kind of cause. */
export const CAUSE_WORDS: Readonly<Record<CauseCode, CauseWords>> = {
  altered: {
    title: 'changed on the disk since Nix registered it',
    next: 'find out who changed it, then repair it (nix-store --repair-path) or delete it and have it made again',
  },
  conflict: {
    title: 'builders or caches disagree about it',
    next: 'find out which of them is wrong (nixsig explain PATH); an exemption does not outweigh this',
  },
  'bad-signature': {
    title: 'a signature that is not over these contents',
    next: 'get it anew from its origin, and ask whoever signed what they signed',
  },
  'not-reproducible': {
    title: 'built again, it came out differently',
    next: 'see what differs (nixsig reproduce PATH --key FILE), have a builder whom you trust sign it, or exempt it until it builds the same twice',
    exempt: 'does not build the same twice',
  },
  'no-signature': {
    title: 'nobody signed it whose word is enough',
    next: 'have them sign it, or list who did (nixsig explain PATH)',
    exempt: 'was here before, and nobody on the list signed it yet',
  },
  'key-ended': {
    title: 'signed by a key that ended or was revoked',
    next: 'look for a newer copy of the certificate, or have it signed again',
    exempt: 'was here before, and its signature is by a key that ended',
  },
  'no-derivation': {
    title: 'no derivation in this store makes it, so it cannot be built again',
    next: 'evaluate what it comes from (nix-instantiate, nixos-rebuild build), list the key of the cache that it came from, or replace it',
    exempt: 'was here before, without its derivation',
  },
  'source-gone': {
    title: 'a source that it is built from cannot be had any more',
    next: 'bring the source here by hand (nix-store --add-fixed), and call adopt again',
    exempt: 'was here before, and a source that it is built from is gone',
  },
  'not-built': {
    title: 'building it again failed',
    next: 'mend what stopped the build, and call adopt again',
    exempt: 'was here before, and building it again fails',
  },
  unsupported: {
    title: 'made by a kind of derivation that nixsig cannot judge',
    next: 'have it made by an ordinary derivation',
    exempt: 'was here before, by a kind of derivation that cannot be judged',
  },
  'refused-by-rule': {
    title: 'a rule of the policy refuses it, whoever signs',
    next: 'name in that rule whom you trust for it (nixsig policy describe), or replace the path',
  },
  'no-hook': {
    title: 'built again and the same, but no hook of nixsig saw it',
    next: 'see whether the hooks are in force, and builds sandboxed: nixsig doctor',
  },
  undecided: {
    title: 'undecided: something did not answer or cannot be read',
    next: 'see what (nixsig explain PATH), repair it, and call adopt again; an exemption does not outweigh this',
  },
}
