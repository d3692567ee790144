/** Random NixOS modules that set what Nix reads, as fast-check makes them. */
import fc from 'fast-check'

/** A definition of one setting, with the functions around it, the outermost first. */
export interface Definition {
  readonly setting: string
  /** In Nix syntax. */
  readonly value: string
  readonly around: readonly string[]
}

/** Text for nix.extraOptions. */
export interface Lines {
  readonly text: string
  readonly around: readonly string[]
}

/** What other modules define; each definition is a module of its own. */
export interface Foreign {
  readonly definitions: readonly Definition[]
  readonly lines: readonly Lines[]
}

const KEY = '"x-1:EpTFvmwt6KlmMeKIgfrH1LoEaPN6igaL2wh+9bEyRUw="'
const NIXOS_KEY = '"cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="'

/** Values that nixsig takes, and values that it does not. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  sandbox: ['true', 'false', '"relaxed"'],
  'sandbox-fallback': ['false', 'true', '"no"', '1'],
  'sandbox-paths': ['[ "/srv" ]', '[ "/k=/var/lib/nixsig" ]', '"/var//lib/nixsig/x?"', 'null'],
  'extra-sandbox-paths': ['[ ]', '[ "/var/lib/nixsignal" ]', '[ "/run/nixsig" ]'],
  'trusted-users': ['[ "root" ]', '[ "root" "@wheel" ]', '[ ]', '[ "bob" ]'],
  'extra-trusted-users': ['[ "root" ]', '"alice"', '[ ]'],
  substituters: [
    '[ ]',
    '[ "https://cache.nixos.org" ]',
    '[ "http://127.0.0.1:4649" ]',
    '[ "https://x.example.org" ]',
  ],
  'extra-substituters': ['[ ]', '"https://cache.nixos.org/"', '[ "https://y.example.org" ]'],
  'trusted-substituters': ['[ ]', '[ "http://127.0.0.1:4649" ]', '[ "https://x.example.org" ]'],
  'trusted-public-keys': ['[ ]', `[ ${NIXOS_KEY} ]`, `[ ${KEY} ]`],
  'extra-trusted-public-keys': ['""', KEY],
  'require-sigs': ['true', 'false'],
  fallback: ['false', 'true', '"yes"', '0'],
  'experimental-features': ['[ "nix-command" ]', '"nix-command flakes"', '[ "ca-derivations" ]'],
  'extra-experimental-features': ['"flakes"', '[ "impure-derivations" ]'],
  'secret-key-files': ['"/etc/key"', '[ "/etc/key" "/var/lib/nixsig/gate.secret" ]'],
  store: ['"auto"', '"local"', '"local?root=/mnt"'],
  'filter-syscalls': ['true', 'false'],
  'accept-flake-config': ['false', 'true'],
  'narinfo-cache-positive-ttl': ['0', '60', '"0"'],
  'narinfo-cache-negative-ttl': ['0', '60'],
  'pre-build-hook': ['"/srv/hook"'],
  'post-build-hook': ['"/srv/hook"'],
  'build-hook': ['"/srv/hook"'],
  'plugin-files': ['[ "/srv/theirs.so" ]', '"/srv/theirs.so"'],
  'extra-plugin-files': ['[ "/srv/theirs.so" ]'],
  cores: ['2'],
  'user-agent-suffix': [
    '"x"',
    '"x\\nsandbox = false"',
    '"x\\nextra-trusted-users = bob"',
    '"x # sandbox = false"',
  ],
}

/** Text with tabs, comments, former names and files that are included. */
const TEXTS: readonly string[] = [
  'keep-outputs = true',
  '# sandbox = false',
  'keep-outputs = true # sandbox = false',
  'sandbox = false',
  '  build-use-sandbox =  no',
  '\tsandbox\t=\ttrue',
  'sandbox = false\nsandbox = true',
  'extra-substituters = https://z.example.org',
  'binary-caches = https://cache.nixos.org',
  'trusted-binary-caches = https://z.example.org',
  'trusted-users = root',
  'extra-trusted-users = mallory',
  'build-fallback = 1',
  'pre-build-hook =',
  'extra-experimental-features = ca-derivations',
  '!include /srv/hostile.conf',
  'include /srv/hostile.conf',
  '!include /srv/absent.conf',
  'extra-sandbox-paths = /x=/var/lib/nixsig',
]

const PRIORITIES = [
  'lib.mkForce',
  'lib.mkDefault',
  ...[1, 51, 54, 56, 70, 99, 101, 900].map(n => `lib.mkOverride ${n}`),
]
const ORDERS = ['lib.mkBefore', 'lib.mkAfter', 'lib.mkOrder 1', 'lib.mkOrder 3000']
const CONDITIONS = ['lib.mkIf true', 'lib.mkIf false']

const maybe = (names: readonly string[], weight: number) =>
  fc.oneof(
    { weight, arbitrary: fc.constant<readonly string[]>([]) },
    { weight: 1, arbitrary: fc.constantFrom(...names).map(name => [name]) },
  )

const around = fc.tuple(maybe(CONDITIONS, 6), maybe(PRIORITIES, 1), maybe(ORDERS, 3)).map(all => all.flat())

const definition: fc.Arbitrary<Definition> = fc
  .constantFrom(...Object.keys(VALUES))
  .chain(setting =>
    fc.record({ setting: fc.constant(setting), value: fc.constantFrom(...(VALUES[setting] ?? [])), around }),
  )

/** Forced text loses nixsig's own lines, so it is rare. */
const lines: fc.Arbitrary<Lines> = fc.record({
  text: fc.constantFrom(...TEXTS),
  around: fc
    .tuple(maybe(CONDITIONS, 6), maybe(['lib.mkForce'], 12), maybe([...ORDERS, 'lib.mkOrder 2000000'], 2))
    .map(all => all.flat()),
})

export const foreignModules: fc.Arbitrary<Foreign> = fc.record({
  definitions: fc.array(definition, { maxLength: 3 }),
  lines: fc.array(lines, { maxLength: 1 }),
})

const isOff = ({ around }: { readonly around: readonly string[] }) => around.includes('lib.mkIf false')

/** What nixsig does not set itself, so that nothing gives way to it. */
const OTHERS = [
  'sandbox-paths',
  'extra-sandbox-paths',
  'experimental-features',
  'extra-experimental-features',
  'secret-key-files',
  'store',
  'filter-syscalls',
  'cores',
  'user-agent-suffix',
]

/** Whether a definition is weaker than usual, so that it gives way to nixsig. */
const givesWay = ({ setting, around }: Definition) =>
  !OTHERS.includes(setting) &&
  around.some(one => one === 'lib.mkDefault' || Number(/^lib\.mkOverride (\d+)$/.exec(one)?.[1] ?? 0) > 100)

/** Whether this text replaces nixsig's own lines. */
export const isForced = (one: Lines): boolean => one.around.includes('lib.mkForce') && !isOff(one)

/** Whether a file is included after nixsig's lines: what is in it is not known. */
export const isLate = ({ lines }: Foreign): boolean =>
  lines.some(
    one => one.text.includes('include /') && one.around.includes('lib.mkOrder 2000000') && !isOff(one),
  )

/**
 * A module for each definition. `counting`: without those that give way, and with a harmless file in
 * place of the hostile one, since nobody sees what an included file says.
 */
export function modulesText({ definitions, lines }: Foreign, which: 'all' | 'counting'): readonly string[] {
  const written = (text: string) => (which === 'all' ? text : text.replaceAll('hostile', 'harmless'))
  const counting = definitions.filter(one => which === 'all' || !givesWay(one))
  return [
    ...counting.map(({ setting, value, around }) => moduleOf(`nix.settings.${setting}`, value, around)),
    ...lines.map(({ text, around }) => moduleOf('nix.extraOptions', JSON.stringify(written(text)), around)),
  ]
}

function moduleOf(option: string, value: string, around: readonly string[]): string {
  const wrapped = around.reduceRight((inner, one) => `(${one} ${inner})`, value)
  return `{ lib, ... }: { ${option} = ${wrapped}; }`
}
