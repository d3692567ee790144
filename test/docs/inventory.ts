/**
 * Who runs the examples of the documentation, and where. `test/docs/blocks.test.ts` holds this against the pages, so
 * that a new example is run or has a reason; each file named here ends with `everyBlockWasRun`, which holds it against
 * what that file did.
 *
 * What has the same test on every page is not listed: `toml` and `json`, which examples.test.ts parses, and `text`
 * right below commands, which whoever runs them compares with what they print.
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

const FORMAT = not('a format, with names in place of values')
const DRAWING = not('a drawing')
const NPM = not("needs npm's registry; readme.test.ts looks whether there are such scripts")

const ADOPT = by('e2e/how-to-adopt', EVERY_VERSION)
const GATE = by('e2e/how-to-gate', EVERY_VERSION)
const ROLES = by('e2e/how-to-roles', EVERY_VERSION)
// Debian 12 and 13 have no cosign.
const COSIGN = by('e2e/how-to-roles', NEWEST)
const FLEET = by('e2e/fleet', VERSIONS)
const SNIPPETS = by('e2e/nixos-snippets', NEWEST)

export const INVENTORY: Readonly<Record<string, Run | Readonly<Record<string, Section>>>> = {
  'README.md': {
    nixsig: by('e2e/readme', EVERY_VERSION),
    Install: [NPM],
    'Ten lines to the first refusal': by('e2e/readme', EVERY_VERSION),
    'See it, test it': [NPM, NPM],
  },
  'CONTRIBUTING.md': { 'Where things live': [not('a list of folders; layers.test.ts holds it')] },
  'docs/architecture.md': { Architecture: [DRAWING] },
  'docs/attestations.md': {
    'Where they lie': [FORMAT],
    Published: by('e2e/remote', OLDEST),
    'In the derivation itself': by('e2e/nix-lib', VERSIONS),
    'Secret key files': [FORMAT],
    'An approver: approval': [FORMAT, not('a hash, with names in place of files')],
    'Verified by cosign': by('e2e/docs', NEWEST),
  },
  'docs/getting-started.md': by('e2e/docs', EVERY_VERSION),
  'docs/how-to/adopt.md': ADOPT,
  'docs/how-to/build-hook.md': by('e2e/build-hook', VERSIONS),
  'docs/how-to/builder.md': ROLES,
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
  'docs/how-to/fleet.md': FLEET,
  'docs/how-to/gate.md': GATE,
  'docs/how-to/packager.md': ROLES,
  'docs/how-to/reviewer.md': ROLES,
  'docs/how-to/setup.md': by('e2e/setup', OLDEST),
  'docs/how-to/own-versions.md': by('e2e/own-versions', OLDEST),
  'docs/how-to/user.md': by('e2e/how-to-user', EVERY_VERSION),
  'docs/ledger.md': {
    'The ledger': [not('a list of files')],
    'An admission': [FORMAT],
  },
  'docs/options.md': SNIPPETS,
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
