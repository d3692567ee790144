import { jsonLine } from '../../explain/verdict-json.ts'
import { LIST_NAME } from '../../formats/lists/names.ts'
import { buildList } from '../../lists/build/build.ts'
import { BuildError } from '../../lists/build/build-error.ts'
import { DEBIAN_KEYRING } from '../../lists/build/debian/collect.ts'
import { DISTRIBUTIONS, type Distribution } from '../../lists/build/finding.ts'
import { REPORTED, type Report } from '../../lists/build/report.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly from: readonly string[]
  readonly debian: string | undefined
  readonly suite: readonly string[]
  readonly 'archive-keyring': string
  readonly gentoo: string | undefined
  readonly distfiles: string | undefined
  readonly 'gentoo-keyring': string
  readonly 'unverified-tree': boolean
  readonly arch: string | undefined
  readonly cache: string | undefined
  readonly try: string
  readonly name: string
  readonly out: string
  readonly json: boolean
}

/** `nixsig list build --from debian,gentoo,arch --out DIR`: what distributions collected. */
export const listBuild = command({
  options: {
    from: {
      kind: 'values',
      value: 'DISTRIBUTIONS',
      required: true,
      text: 'What to read: debian, gentoo and arch, with commas between them',
    },
    debian: { kind: 'value', value: 'DIR|URL', text: "A mirror of Debian's archive" },
    suite: { kind: 'values', value: 'SUITE', text: "A suite of it; by default all of a directory's" },
    'archive-keyring': {
      kind: 'value',
      value: 'FILE',
      fallback: DEBIAN_KEYRING,
      text: 'The keys that sign InRelease',
    },
    gentoo: { kind: 'value', value: 'DIR', text: "Gentoo's tree of ebuilds" },
    distfiles: {
      kind: 'value',
      value: 'DIR',
      text: 'The key files that its ebuilds name; DIR/distfiles by default',
    },
    'gentoo-keyring': {
      kind: 'value',
      value: 'FILE',
      fallback: '/usr/share/openpgp-keys/gentoo-release.asc',
      text: "The keys that sign the tree's Manifest",
    },
    'unverified-tree': { kind: 'flag', text: "Take Gentoo's tree although nothing signs it" },
    arch: { kind: 'value', value: 'DIR', text: 'A directory of packaging repositories of Arch Linux' },
    cache: { kind: 'value', value: 'DIR', text: 'Keep what was downloaded here, for the next time' },
    try: {
      kind: 'value',
      value: 'N',
      fallback: '0',
      text: 'Verify the releases of so many packages of Debian with the keys that were found',
    },
    name: { kind: 'value', value: 'NAME', fallback: 'distributions', text: 'What the list calls itself' },
    out: {
      kind: 'value',
      value: 'DIR',
      required: true,
      text: 'A new directory, or that of an extracted list',
    },
    json: JSON_OPTION,
  },
  examples: [
    [
      'list build --from debian --debian https://deb.debian.org/debian --suite stable --cache ~/.cache/list --out list',
      "All packages of Debian that come with their developer's signature",
    ],
    [
      'list build --from debian,gentoo,arch --debian /srv/mirror --gentoo /var/db/repos/gentoo --arch ~/arch --out list',
      'Keys that two of them name are corroborated',
    ],
  ],
  run: build,
})

async function build(options: Options, { terminal }: Invocation): Promise<Status> {
  const from = distributionsOf(options.from)
  if (!LIST_NAME.test(options.name))
    throw new UsageError(`--name ${printable(options.name)}: 1 to 32 lower-case letters, digits and hyphens`)
  if (!/^\d{1,6}$/.test(options.try)) throw new UsageError(`--try ${printable(options.try)}: not a number`)
  try {
    const report = await buildList({
      from,
      out: options.out,
      name: options.name,
      tries: Number(options.try),
      cache: options.cache,
      now: Math.floor(Date.now() / 1000),
      remark: text => terminal.warn(text),
      debian: {
        place: given(options.debian, 'debian', from),
        suites: options.suite,
        keyring: options['archive-keyring'],
      },
      gentoo: {
        directory: given(options.gentoo, 'gentoo', from),
        distfiles: options.distfiles,
        keyring: options['gentoo-keyring'],
        trust: options['unverified-tree'] ? 'unverified' : 'signed',
      },
      arch: { directory: given(options.arch, 'arch', from) },
    })
    terminal.print(options.json ? jsonLine(report) : inWords(report))
    return 0
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    terminal.warn(error.message)
    return 20
  }
}

function distributionsOf(values: readonly string[]): readonly Distribution[] {
  return values
    .flatMap(value => value.split(','))
    .map(value => {
      const found = DISTRIBUTIONS.find(each => each === value)
      if (found === undefined)
        throw new UsageError(`--from ${printable(value)}: debian, gentoo and arch are read`)
      return found
    })
}

/** Where a distribution that was asked for is; empty for one that was not. */
function given(value: string | undefined, name: Distribution, from: readonly Distribution[]): string {
  if (value !== undefined) return value
  if (from.includes(name)) throw new UsageError(`--from ${name} needs --${name}`)
  return ''
}

function inWords(report: Report): string {
  const lines = REPORTED.filter(([key]) => report[key] > 0).map(
    ([key, words]) => `  ${String(report[key]).padStart(7)}  ${words}`,
  )
  return [
    `${printable(report.out)}: ${report.bytes} bytes, extracted; nobody vouches for its keys`,
    ...lines,
  ].join('\n')
}
