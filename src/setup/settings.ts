/**
 * The contents of /etc/nix/nixsig.conf: the settings that make nixsig the only way into the store.
 */
import { FRONTS, type Front, type Installation } from './installation.ts'
import { HEADER } from './unit.ts'

/** What Nix has to know about the gate. */
export interface GateAddress {
  /** Without a trailing slash. */
  readonly url: string
  /** `name:<base 64>` */
  readonly publicKey: string
}

/** What the settings enable: an installation, its gate and its fronts. */
export interface InForce {
  readonly installation: Installation
  /** Fronts that the user left out. */
  readonly without: readonly Front[]
  readonly gate: GateAddress | undefined
  /**
   * Other plugins that nix.conf names. Not every Nix can add to this setting, so they are named
   * again.
   */
  readonly otherPlugins?: readonly string[]
  /** Trusted users besides root whom the policy accepts. */
  readonly trustedUsers?: readonly string[]
  /**
   * Whether Nix has flakes; true by default. Without them, Nix warns about their settings at every
   * call.
   */
  readonly hasFlakes?: boolean
}

type Line = readonly [name: string, value: string]

/** The text of the whole file. */
export function settingsText(inForce: InForce): string {
  const { without } = inForce
  const sections = sectionsOf(inForce).map(
    ([why, lines]) =>
      `\n${why.map(line => `# ${line}\n`).join('')}${lines.map(([name, value]) => `${name} = ${value}`.trimEnd()).join('\n')}\n`,
  )
  return `# ${HEADER}
# nix.conf includes it at its end, so that it wins. Settings of your own belong into nix.conf.
# in force: ${frontsIn(inForce).join(', ') || 'none'}; left out: ${without.join(', ') || 'none'}
${sections.join('')}`
}

/** The fronts that this file enables. */
export function frontsIn({ installation, without }: Omit<InForce, 'gate'>): readonly Front[] {
  const isThere = {
    hooks: true,
    gate: true,
    'build-hook': installation.buildHook,
    plugin: installation.plugin,
  }
  return FRONTS.filter(front => !without.includes(front) && Boolean(isThere[front]))
}

/** The names of all settings in the file. */
export function namesIn(inForce: InForce): readonly string[] {
  return sectionsOf(inForce).flatMap(([, lines]) => lines.map(([name]) => name))
}

/** The value that the file gives a setting; undefined if it does not set it. */
export function valueIn(inForce: InForce, name: string): string | undefined {
  return sectionsOf(inForce)
    .flatMap(([, lines]) => lines)
    .find(([written]) => written === name)?.[1]
}

function sectionsOf(
  inForce: InForce,
): readonly (readonly [why: readonly string[], lines: readonly Line[]])[] {
  return [
    [
      [
        'Nix calls the pre-build hook only for sandboxed builds; the second line keeps it from building without.',
      ],
      [
        ['sandbox', 'true'],
        ['sandbox-fallback', 'false'],
      ],
    ],
    ...programSections(inForce),
    ...substituterSections(inForce),
    [
      ['Others could switch all of this off.'],
      [['trusted-users', ['root', ...(inForce.trustedUsers ?? [])].join(' ')]],
    ],
    ...(inForce.hasFlakes === false
      ? []
      : [[['So could a flake, with a setting of its own.'], [['accept-flake-config', 'false']]] as const]),
  ]
}

function programSections(inForce: InForce) {
  const { installation } = inForce
  const fronts = frontsIn(inForce)
  const sections: (readonly [readonly string[], readonly Line[]])[] = []
  if (fronts.includes('hooks')) {
    sections.push([
      ['Judge what is about to be built, and what came out.'],
      [
        ['pre-build-hook', installation.preBuildHook],
        ['post-build-hook', installation.postBuildHook],
      ],
    ])
  }
  if (fronts.includes('build-hook') && installation.buildHook !== undefined) {
    sections.push([
      ['Refuses one build and lets those beside it go on; passes on to your remote builders.'],
      [['build-hook', installation.buildHook]],
    ])
  }
  if (fronts.includes('plugin') && installation.plugin !== undefined) {
    sections.push([
      ['Refuses each path that was not admitted, when it is about to become valid.'],
      [['plugin-files', [...(inForce.otherPlugins ?? []), installation.plugin].join(' ')]],
    ])
  }
  return sections
}

function substituterSections({ gate }: InForce) {
  const sections: (readonly [readonly string[], readonly Line[]])[] = [
    [
      gate === undefined
        ? ['No gate, so nothing comes from binary caches.']
        : ['All binary caches are asked through the gate, which signs what it lets in.'],
      [
        ['substituters', gate?.url ?? ''],
        ['trusted-substituters', ''],
        ['trusted-public-keys', gate?.publicKey ?? ''],
        ['require-sigs', 'true'],
      ],
    ],
    [['What the gate refuses is refused, and not built in its place.'], [['fallback', 'false']]],
    [
      ['Otherwise Nix would remember answers for thirty days, even after a revocation.'],
      [
        ['narinfo-cache-positive-ttl', '0'],
        ['narinfo-cache-negative-ttl', '0'],
      ],
    ],
  ]
  return sections
}
