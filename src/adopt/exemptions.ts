/** The exemptions that would let pass what could not be adopted. Pure. */

import { isStorePath } from '../formats/nix/store-path.ts'
import type { Instant } from '../policy/policy.ts'
import { when } from '../policy/words.ts'
import type { Cause } from './cause.ts'
import { CAUSE_WORDS } from './cause-words.ts'

/** An `[[exemptions]]` entry for one path. */
export interface Exempting {
  readonly path: string
  /** Printable ASCII without quotes and backslashes. */
  readonly reason: string
  /** Likewise. */
  readonly author?: string | undefined
  readonly until: Instant
}

const DAY = 86_400
/** So long an exemption lasts if nothing else is asked for. */
const DAYS = 90

/** The end of an exemption that is made now: a midnight. */
export function usualEnd(now: Instant): Instant {
  return Math.floor(now / DAY + DAYS) * DAY
}

/** One exemption for each path that an exemption would help, sorted by path. */
export function exemptionsFor(
  causes: Iterable<Cause>,
  {
    now,
    until,
    author,
  }: { readonly now: Instant; readonly until: Instant; readonly author?: string | undefined },
): readonly Exempting[] {
  const found = new Map<string, Exempting>()
  const helpless = new Set<string>()
  for (const { code, path, kind } of causes) {
    const { exempt } = CAUSE_WORDS[code]
    if (exempt === undefined || kind === 'expression' || !isStorePath(path)) helpless.add(path)
    else found.set(path, { path, reason: `adopted ${dayOf(now)}: ${exempt}`, author, until })
  }
  const helped = [...found.values()].filter(({ path }) => !helpless.has(path))
  return helped.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** The entries as a policy has them, each after an empty line. */
export function exemptionsToml(exemptions: readonly Exempting[]): string {
  return exemptions
    .map(
      ({ path, reason, author, until }) => `
[[exemptions]]
path = "${path}"
reason = "${reason}"
${author === undefined ? '' : `author = "${author}"\n`}until = ${when(until)}
`,
    )
    .join('')
}

/** The same as the option security.nixsig.exemptions of NixOS. */
export function exemptionsNix(exemptions: readonly Exempting[]): string {
  const entries = exemptions.map(
    ({ path, reason, author, until }) => `  {
    path = "${path}";
    reason = "${reason}";
${author === undefined ? '' : `    author = "${author}";\n`}    until = "${when(until)}";
  }
`,
  )
  return `security.nixsig.exemptions = [\n${entries.join('')}];\n`
}

function dayOf(now: Instant): string {
  return when(Math.floor(now / DAY) * DAY)
}
