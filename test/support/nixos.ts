/**
 * NixOS systems, evaluated and built by the real Nix of a world with the stand-in for nixpkgs in
 * test/nixpkgs.
 */
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { copyDist } from './dist.ts'
import type { Outcome, World } from './world.ts'

/** The checkout in a world, as far as Nix reads it. */
export const CHECKOUT = '/srv/checkout'

const PARTS = ['nix', 'test/nixpkgs', 'flake.nix', 'flake.lock', 'default.nix', 'package.json']

/** Settings of nix.conf with which a world can build with its own programs. */
export const BUILDS_HERE: Readonly<Record<string, string>> = {
  'sandbox-paths': '/bin=/bin /usr=/usr /lib=/lib /lib64=/lib64 /etc/alternatives=/etc/alternatives /srv',
}

/** nix.conf of a machine before its first switch. */
export const MACHINE_CONF = Object.entries({
  ...BUILDS_HERE,
  sandbox: 'true',
  'build-users-group': '',
  substituters: '',
  'experimental-features': 'nix-command flakes',
})
  .map(([name, value]) => `${name} = ${value}\n`)
  .join('')

/** These settings for a system's own nix.conf, as a Nix expression. */
export const BUILDS_THERE = `{
  nix.settings.sandbox-paths = [ "/bin=/bin" "/usr=/usr" "/lib=/lib" "/lib64=/lib64" "/srv" ];
  nix.settings.build-users-group = "";
}`

/** The path of the stand-in for nixpkgs in a world. */
export const STAND_IN = `${CHECKOUT}/test/nixpkgs`

/**
 * nixpkgs' own library, given by NIXPKGS_LIB (its directory, or the one above); undefined where
 * there is no copy. Throws if NIXPKGS_LIB names something else.
 */
export const REAL_LIB = realLib(process.env['NIXPKGS_LIB'])

function realLib(named: string | undefined): string | undefined {
  if (named === undefined || named === '') return undefined
  const found = [named, join(named, 'lib')].find(directory => existsSync(join(directory, 'modules.nix')))
  if (found === undefined) throw new Error(`NIXPKGS_LIB=${named} is not a copy of nixpkgs' lib`)
  return found
}

/**
 * Copies the files of the checkout that Nix reads into a world, and dist/ as nixsig's package.
 * `lib`: a copy of nixpkgs' own library for the stand-in, by default the one of NIXPKGS_LIB; null:
 * the stand-in's.
 */
export function bringCheckout(world: World, lib: string | null = REAL_LIB ?? null): void {
  for (const part of PARTS.filter(part => existsSync(join(PROJECT_ROOT, part)))) {
    const there = join(CHECKOUT, part)
    world.write(join(there, '..', '.keep'), '')
    cpSync(join(PROJECT_ROOT, part), world.path(there), { recursive: true })
  }
  copyDist(world.path('/srv/dist'))
  bringLib(world, lib)
}

/** Has the stand-in use this copy of nixpkgs' library from now on; null: its own. */
export function bringLib(world: World, lib: string | null): void {
  const there = world.path(`${STAND_IN}/nixpkgs-lib`)
  rmSync(there, { recursive: true, force: true })
  if (lib !== null) cpSync(lib, there, { recursive: true })
}

/** A Nix expression with `pkgs` in scope: dist/ as nixsig's package. */
export const DIST_PACKAGE = `pkgs.runCommand "nixsig" { meta.mainProgram = "nixsig"; } ''
  mkdir -p $out/libexec $out/bin
  cp -r \${/srv/dist} $out/libexec/nixsig
  ln -s ../libexec/nixsig/nixsig $out/bin/nixsig
''`

/**
 * A Nix expression: the system of these modules together with nixsig's, with dist/ as its package.
 */
export function systemOf(...modules: readonly string[]): string {
  return systemIn(STAND_IN, ...modules)
}

/** The same system in the nixpkgs at a path. */
export function systemIn(nixpkgs: string, ...modules: readonly string[]): string {
  return `import ${nixpkgs}/nixos/lib/eval-config.nix {
  modules = [
    ${CHECKOUT}/nix/module.nix
    ({ pkgs, lib, ... }: { security.nixsig.package = lib.mkDefault (${DIST_PACKAGE}); })
    ${modules.map(module => `(${module})`).join('\n    ')}
  ];
}`
}

/** The value of an expression. Throws with Nix's message if evaluation fails. */
export async function evaluate(world: World, expression: string): Promise<unknown> {
  world.write('/srv/evaluated.nix', expression)
  const { status, stdout, stderr } = await world.run(
    'nix-instantiate --eval --strict --json /srv/evaluated.nix',
  )
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

/** Nix's message about an expression that fails. Throws if it has a value. */
export async function evaluationError(world: World, expression: string): Promise<string> {
  world.write('/srv/evaluated.nix', expression)
  const { status, stdout, stderr } = await world.run(
    'nix-instantiate --eval --strict --json /srv/evaluated.nix',
  )
  if (status === 0) throw new Error(`it has a value: ${stdout}`)
  return stderr
}

/** Builds an expression; returns the outcome of nix-build, which prints the store path. */
export function build(world: World, expression: string, options = ''): Promise<Outcome> {
  world.write('/srv/built.nix', expression)
  return world.run(`nix-build --no-out-link ${options} /srv/built.nix`)
}
