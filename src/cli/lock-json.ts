import { jsonLine } from '../explain/verdict-json.ts'
import type { FindingCode, InputVerdict } from '../expressions/lock/input-verdict.ts'
import type { CheckoutKind } from '../expressions/lock/tree-hash.ts'
import { narHashWords } from '../expressions/lock/words.ts'
import type { ExitCode } from '../policy/exit-code.ts'
import { inputStatus } from './lock-table.ts'

/**
 * A verdict on an input as `--json` prints it. Fields are added in later versions, none is taken
 * away or changes its meaning. Messages and notes are text for people.
 */
interface InputJson {
  /** The lock, relative to the directory that was asked about, and the line, from 1, in it. */
  readonly file: string
  readonly line: number
  /** Its path among the inputs; `self` for the tree around the lock. */
  readonly input: string
  /** The canonical URL by which the rule was found; null for what is part of another input. */
  readonly url: string | null
  readonly commit: string | null
  /** The hash in the lock, and that of the commit's tree as it is; null if there is none. */
  readonly narHash: { readonly locked: string | null; readonly computed: string | null }
  /** How the files of the lock come from that tree; null where they were not compared. */
  readonly checkout: CheckoutKind | null
  readonly outcome: 'trusted' | 'refused'
  /** The exit status that this input alone would give. */
  readonly status: ExitCode
  readonly rule: string | null
  /** Who of the trusted list signed the commit, and how. */
  readonly signers: readonly { readonly principal: string; readonly role: string; readonly way: string }[]
  readonly findings: readonly { readonly code: FindingCode; readonly message: string }[]
  readonly notes: readonly string[]
}

/** One line of JSON in printable ASCII. */
export function inputLine(verdict: InputVerdict): string {
  const { file, line, input, url, commit, locked, computed, checkout, rule, revision, notes } = verdict
  const hash = (hex: string | undefined) => (hex ? narHashWords(hex) : null)
  const json: InputJson = {
    file,
    line,
    input,
    url: url || null,
    commit: commit ?? null,
    narHash: { locked: hash(locked), computed: hash(computed) },
    checkout: checkout ?? null,
    outcome: verdict.findings.length === 0 ? 'trusted' : 'refused',
    status: inputStatus(verdict),
    rule: rule || null,
    signers: (revision?.signatures ?? []).map(({ principal, role, way }) => ({ principal, role, way })),
    findings: verdict.findings.map(({ code, message }) => ({ code, message })),
    notes,
  }
  return jsonLine(json)
}
