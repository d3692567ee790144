/**
 * Why a history is not authentic. It is data until the command line prints it; docs/semantics.md
 * explains the rules.
 */

/** What kind of refusal it is; src/git/authenticate/exit-status.ts has the status of each. */
export type RefusalCode =
  | 'unsigned'
  | 'missing-key'
  | 'unauthorized'
  | 'not-a-descendant'
  | 'bad-signature'
  | 'unacceptable'
  | 'revoked-key'
  | 'expired-key'
  | 'malformed'
  | 'undecided'
  | 'missing-object'

/** The numbered rules of docs/semantics.md. */
export type Rule = 'A1' | 'A2' | 'A3' | 'A4' | 'A5' | 'A6' | 'A7'

/** All texts are escaped. */
export interface Refusal {
  readonly code: RefusalCode
  /** The commit that is refused: its whole id. */
  readonly commit: string
  readonly rule: Rule
  readonly needed: string
  readonly found: string
  readonly next: string
}

/** Carries a refusal to where it is reported. */
export class HistoryRefused extends Error {
  override readonly name = 'HistoryRefused'
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(`commit ${refusal.commit}: ${refusal.found} (${refusal.rule})`)
    this.refusal = refusal
  }
}
