/**
 * Who runs the examples of the documentation, and where. `test/docs/blocks.test.ts` holds this
 * against the pages, so that a new example is run or has a reason; each file named here ends with
 * `everyBlockWasRun`, which holds it against what that file did.
 *
 * What has the same test on every page is not listed: `toml` and `json`, which examples.test.ts
 * parses, and `text` right below commands, which whoever runs them compares with what they print.
 */
import glob from 'fast-glob'
import { EVERY_VERSION, NEWEST, OLDEST, VERSIONS, type Version } from '../support/world.ts'
import { type Block, blocksOf } from './markdown.ts'

/** A Debian, or `here`: outside a world, because no Nix has a part in it. */
export type Place = Version | 'here'

/** Run by a test file, named below test/ without its ending. */
export interface Run {
  readonly by: string
  readonly on: readonly Place[]
}

/** Run by nobody. */
export interface Omitted {
  readonly because: string
}

export type Treatment = Run | Omitted

/** How the blocks of a section are treated: all of them by one run, or one after the other. */
type Section = Run | readonly Treatment[]

const by = (file: string, on: readonly Place[]): Run => ({ by: file, on })
const not = (because: string): Omitted => ({ because })

const HERE: readonly Place[] = ['here']
const FORMAT = not('a format, with names in place of values')
const DRAWING = not('a drawing')
const NPM = not("needs npm's registry; readme.test.ts looks whether there are such scripts")

const SWITCHES = not("changes the machine's own configuration, with programs of nixpkgs")

const ADOPT = by('e2e/how-to-adopt', EVERY_VERSION)
const GATE = by('e2e/how-to-gate', EVERY_VERSION)
const ROLES = by('e2e/how-to-roles', EVERY_VERSION)
// Debian 12 and 13 have no cosign.
const COSIGN = by('e2e/how-to-roles', NEWEST)
const FLEET = by('e2e/fleet', OLDEST)
const EXPRESSIONS = by('e2e/how-to-expressions', EVERY_VERSION)
const DEPLOY = by('e2e/how-to-deploy', EVERY_VERSION)
const SUBSCRIBE = by('e2e/subscribe', NEWEST)
const UPGRADE = by('e2e/how-to-upgrade', EVERY_VERSION)
const EXAMPLES = by('e2e/nixos-examples', NEWEST)
const SNIPPETS = by('e2e/nixos-snippets', NEWEST)

export const INVENTORY: Readonly<Record<string, Run | Readonly<Record<string, Section>>>> = {
  'README.md': {
    nixsig: by('e2e/readme', EVERY_VERSION),
    Install: [NPM],
    'Ten lines to the first refusal': by('e2e/readme', EVERY_VERSION),
    'See how far you are trusted': [not('the answer of one machine; audit-report.test.ts has the words')],
    'See it, test it': [NPM, NPM],
  },
  'CONTRIBUTING.md': { 'Where things live': [not('a list of folders; layers.test.ts holds it')] },
  'docs/architecture.md': { Architecture: [DRAWING] },
  'docs/attestations.md': {
    'Where they lie': [FORMAT],
    Published: by('e2e/remote', OLDEST),
    'In the derivation itself': by('e2e/nix-lib', VERSIONS),
    'Secret key files': [FORMAT],
    'An approver: approval': [FORMAT, EXPRESSIONS],
    'Verified by cosign': by('e2e/docs', NEWEST),
  },
  'docs/book.md': { Format: [FORMAT] },
  'docs/getting-started.md': by('e2e/docs', EVERY_VERSION),
  'docs/how-to/adopt.md': ADOPT,
  'docs/how-to/approver.md': EXPRESSIONS,
  'docs/how-to/audit.md': by('e2e/audit', OLDEST),
  'docs/how-to/build-hook.md': by('e2e/build-hook', EVERY_VERSION),
  'docs/how-to/builder.md': ROLES,
  'docs/how-to/commits.md': EXPRESSIONS,
  'docs/how-to/deploy.md': {
    Sign: DEPLOY,
    'Which tool runs what': DEPLOY,
    Publish: SNIPPETS,
    'A new machine': DEPLOY,
  },
  'docs/how-to/developer.md': {
    'Sign with OpenPGP': ROLES,
    'Sign with minisign': ROLES,
    'Sign with signify': ROLES,
    'Sign with an SSH key': ROLES,
    'Sign with cosign': COSIGN,
    'Sign many files at once': ROLES,
    'Sign a tag': ROLES,
  },
  'docs/how-to/doctor.md': by('e2e/doctor', EVERY_VERSION),
  'docs/how-to/build-a-list.md': {
    'Collect the keys': [
      not("downloads from Debian's mirror; e2e/debian-list runs the command on what is there"),
      not("needs Gentoo's tree and Arch's repositories; lists/build/build.test.ts makes small ones"),
      not("needs sources of apt's with deb-src; e2e/debian-list lays out the same from apt's own files"),
    ],
  },
  'docs/how-to/fleet.md': {
    'Make the key': FLEET,
    'Set up the gates': FLEET,
    'Put nginx in front': FLEET,
    'Point the machines at it': by('e2e/fleet', VERSIONS),
    'Serve attestations': FLEET,
    'Watch over it': FLEET,
    'Change the key': FLEET,
  },
  'docs/how-to/fleet-report.md': {
    'Bring the audits together': [not('asks other machines over SSH; e2e/fleet-report makes such files')],
    'Look at the report': by('e2e/fleet-report', OLDEST),
    'In a script': [not('reads with jq; cli/fleet-report.test.ts tries both options')],
  },
  'docs/how-to/gate.md': {
    'Set it up': GATE,
    'What a refusal looks like': GATE,
    'Without a network': by('e2e/gate-offline', VERSIONS),
    'Who says what a path refers to': by('e2e/gate-references', VERSIONS),
    'Caches in S3, other machines, other stores': SNIPPETS,
    'Look before you download': GATE,
    'When a cache has no good copy': by('e2e/gate-nars', VERSIONS),
    'Under systemd': GATE,
  },
  'docs/how-to/json.md': {
    'Use nixsig in scripts': [not('reads with jq; each output is held to its schema where a test has it')],
  },
  'docs/how-to/keep-a-list.md': by('cli/list-keep', HERE),
  'docs/how-to/locks.md': {
    'Verify a lock': EXPRESSIONS,
    'Move an input': EXPRESSIONS,
    'In a hook and in CI': [by('cli/lock-hook', HERE), by('cli/lock-hook', HERE), EXPRESSIONS],
  },
  'docs/how-to/reports.md': by('e2e/audit-reports', OLDEST),
  'docs/how-to/machines.md': SNIPPETS,
  'docs/how-to/monitoring.md': {
    'From a gate': [not('settings of Prometheus')],
    'From audits': by('e2e/fleet-report', OLDEST),
  },
  'docs/how-to/nixos-state.md': {
    'Give it keys': SNIPPETS,
    'Change keys': SNIPPETS,
    'A lost state': [
      not("nixos-state.test.ts restarts the same units; the rest is the doctor's and the user's part"),
    ],
  },
  'docs/how-to/nixos.md': {
    'Enable nixsig on NixOS': EXAMPLES,
    'Get the module': [by('e2e/flake', VERSIONS), EXAMPLES],
    'Say whom you trust': EXAMPLES,
    'Go on with the caches that you have': EXAMPLES,
    'Two caches that have to agree': EXAMPLES,
    'Subscribe to a trusted list': EXAMPLES,
    'Sources by their own developers': EXAMPLES,
    'Only what is in a public log': EXAMPLES,
    'A fleet': EXAMPLES,
    'Reports of the machine': EXAMPLES,
    'The machine that builds for others': EXAMPLES,
    'With flakes': [
      EXAMPLES,
      not('asks at a terminal; nixos-expressions.test.ts runs it with --yes'),
      SWITCHES,
    ],
    'With channels': [not('compares a channel of nixpkgs with a clone of it')],
    'From warnings to refusals': [not('nixos-adopt.test.ts runs them on systems of its own')],
    'When too much is refused': by('e2e/nixos-machine', VERSIONS),
  },
  'docs/how-to/packager.md': {
    'Hand a package off': ROLES,
    'Keep the developers whom you know in a policy': ROLES,
    "Let the package name its developer's signature": ROLES,
    'Vouch for a single source': ROLES,
    'Check what GitHub, npm and PyPI attest': [
      not('has names in place of values; crypto/detached/sigstore-documents.test.ts reads such documents'),
    ],
    'Vouch for a git checkout': ROLES,
    'Vouch for everything under a derivation': ROLES,
    'Keep your key in an agent': ROLES,
    'Publish what you attested': ROLES,
  },
  'docs/how-to/read-the-page.md': by('e2e/audit-page', NEWEST),
  'docs/how-to/rotate-keys.md': {
    'A new key takes over': [
      not('has names in place of keys; evidence/certified.test.ts reads such certificates'),
    ],
    'Short-lived keys of builders': [
      not('has names in place of keys; policy/certified.test.ts applies such certificates'),
    ],
  },
  'docs/how-to/reviewer.md': ROLES,
  'docs/how-to/setup.md': by('e2e/setup', EVERY_VERSION),
  'docs/how-to/own-versions.md': by('e2e/own-versions', OLDEST),
  'docs/how-to/subscribe.md': {
    'Compare its fingerprint': SUBSCRIBE,
    'See what it says': SUBSCRIBE,
    'Take in what is new': [SUBSCRIBE, SUBSCRIBE, not('units of systemd')],
    "If this machine's clock was ahead": SUBSCRIBE,
    Unsubscribe: SUBSCRIBE,
  },
  'docs/how-to/upgrade.md': {
    'Make an archive and a Debian package': [
      not("needs npm's registry; support/release.ts runs the same program"),
    ],
    Install: [
      UPGRADE,
      UPGRADE,
      not('asks, and fetches what the package needs; debian-package.test.ts installs it by dpkg'),
    ],
    Upgrade: UPGRADE,
    'Roll back': UPGRADE,
    'If the programs are gone': UPGRADE,
    Remove: UPGRADE,
  },
  'docs/how-to/user.md': by('e2e/how-to-user', EVERY_VERSION),
  'docs/decision-log.md': {
    'The decision log': [not('names files of an auditor; e2e/decision-log runs the same commands'), FORMAT],
    'Cosigned by witnesses': [not('needs witnesses; cli/json runs the same commands')],
    'The files': [not('a list of files')],
  },
  'docs/ledger.md': {
    'The ledger': [not('a list of files')],
    'An admission': [FORMAT],
    'An output that was there before': [FORMAT],
    'An expected output': [FORMAT],
    'The policy, without its language': [FORMAT],
    'What was let in with a warning': [FORMAT],
    'An output that could not be adopted': [FORMAT],
    'A respite': [FORMAT],
    'The last answer of a cache': [FORMAT],
    'A conflict': [FORMAT],
    'A contradiction': [FORMAT],
  },
  'docs/options.md': SNIPPETS,
  'docs/policy.md': {
    'Describe a policy': [not('e2e/init.test.ts holds its words')],
  },
  'docs/resident.md': {
    'What is asked': [FORMAT],
    'What every user may ask': [FORMAT],
    'What is replied': [FORMAT, not('a reply; hook-question.test.ts reads it')],
  },
}

/** A block that the inventory has to name. */
export function isListed({ language }: Block): boolean {
  return !['toml', 'json', 'text'].includes(language)
}

export interface Inventory {
  /** Blocks that somebody runs. */
  readonly runs: readonly { readonly block: Block; readonly run: Run }[]
  /** Blocks that nobody runs. */
  readonly omitted: readonly { readonly block: Block; readonly because: string }[]
  /** Where the table and the pages differ, a sentence each. */
  readonly faults: readonly string[]
}

/** Every page of the documentation, relative to the checkout. */
export const PAGES: readonly string[] = glob
  .sync(['*.md', 'docs/**/*.md'], { cwd: PROJECT_ROOT })
  .filter(page => page !== 'CHANGELOG.md')
  .sort()

/** The Debians on which somebody runs the commands of a section. */
export function versionsOf(page: string, section: string): readonly Version[] {
  const found = takeInventory().runs.filter(
    ({ block: { at, ...block } }) => at.startsWith(`${page}:`) && block.section === section,
  )
  const places = new Set(found.flatMap(({ run }) => run.on))
  return EVERY_VERSION.filter(version => places.has(version))
}

/** What the table says of the blocks of all pages. */
export function takeInventory(): Inventory {
  const taken = { runs: [] as Inventory['runs'][number][], omitted: [] as Inventory['omitted'][number][] }
  const faults = Object.keys(INVENTORY)
    .filter(page => !PAGES.includes(page))
    .map(page => `${page} is listed, and is not there`)
  const treat = (block: Block, treatment: Treatment) => {
    if ('by' in treatment) taken.runs.push({ block, run: treatment })
    else taken.omitted.push({ block, because: treatment.because })
  }
  for (const page of PAGES) {
    const blocks = blocksOf(page).filter(isListed)
    const listed = INVENTORY[page] ?? {}
    const sections = isRun(listed) ? {} : listed
    for (const [title, section] of Object.entries(sections)) {
      const those = blocks.filter(block => block.section === title)
      const expected = isRun(section) ? Math.max(1, those.length) : section.length
      if (those.length !== expected)
        faults.push(`${page}, "${title}": ${those.length} blocks, ${expected} listed`)
    }
    for (const block of blocks) {
      const section = isRun(listed) ? listed : sections[block.section]
      const index = blocks.filter(other => other.section === block.section).indexOf(block)
      const treatment = section === undefined || isRun(section) ? section : section[index]
      if (treatment === undefined)
        faults.push(`${block.at} (${block.language}): nobody runs it, and no reason is listed`)
      else treat(block, treatment)
    }
  }
  return { ...taken, faults }
}

function isRun(listed: object): listed is Run {
  return 'by' in listed && 'on' in listed
}
