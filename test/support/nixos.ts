/** Systems of NixOS, evaluated and built by the real Nix of a world, against the stand-in for nixpkgs in test/nixpkgs. */
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome, World } from './world.ts'

/** Where a world has the checkout, as far as Nix reads it. */
export const CHECKOUT = '/srv/checkout'

const PARTS = ['nix', 'test/nixpkgs', 'flake.nix', 'flake.lock', 'default.nix', 'package.json']

/** Settings of nix.conf with which a world can build what its own programs build. */
export const BUILDS_HERE: Readonly<Record<string, string>> = {
  'sandbox-paths': '/bin=/bin /usr=/usr /lib=/lib /lib64=/lib64 /etc/alternatives=/etc/alternatives /srv',
}

/** nix.conf of a machine before it is switched to anything. */
export const MACHINE_CONF = Object.entries({
  ...BUILDS_HERE,
  sandbox: 'true',
  'build-users-group': '',
  substituters: '',
  'experimental-features': 'nix-command flakes',
})
  .map(([name, value]) => `${name} = ${value}\n`)
  .join('')

/** The same for a system's own nix.conf. */
export const BUILDS_THERE = `{
  nix.settings.sandbox-paths = [ "/bin=/bin" "/usr=/usr" "/lib=/lib" "/lib64=/lib64" "/srv" ];
  nix.settings.build-users-group = "";
}`

/** Copies into a world what Nix reads of the checkout, and dist/ as the package of nixsig. */
export function bringCheckout(world: World): void {
  for (const part of PARTS.filter(part => existsSync(join(PROJECT_ROOT, part)))) {
    const there = join(CHECKOUT, part)
    world.write(join(there, '..', '.keep'), '')
    cpSync(join(PROJECT_ROOT, part), world.path(there), { recursive: true })
  }
  cpSync(join(PROJECT_ROOT, 'dist'), world.path('/srv/dist'), { recursive: true })
}

/** Where the stand-in for nixpkgs lies in a world. */
export const STAND_IN = `${CHECKOUT}/test/nixpkgs`

/** A Nix expression in which `pkgs` is known: dist/ as the package of nixsig. */
export const DIST_PACKAGE = `pkgs.runCommand "nixsig" { meta.mainProgram = "nixsig"; } ''
  mkdir -p $out/libexec $out/bin
  cp -r \${/srv/dist} $out/libexec/nixsig
  ln -s ../libexec/nixsig/nixsig $out/bin/nixsig
''`

/** A Nix expression: the system that some modules make, on top of nixsig's, with dist/ as its package. */
export function systemOf(...modules: readonly string[]): string {
  return systemIn(STAND_IN, ...modules)
}

/** The same in the nixpkgs at a path. */
export function systemIn(nixpkgs: string, ...modules: readonly string[]): string {
  return `import ${nixpkgs}/nixos/lib/eval-config.nix {
  modules = [
    ${CHECKOUT}/nix/module.nix
    ({ pkgs, lib, ... }: { security.nixsig.package = lib.mkDefault (${DIST_PACKAGE}); })
    ${modules.map(module => `(${module})`).join('\n    ')}
  ];
}`
}

/** The value of an expression. Throws with what Nix said if it has none. */
export async function evaluate(world: World, expression: string): Promise<unknown> {
  world.write('/srv/evaluated.nix', expression)
  return JSON.parse(
    await world.output('nix-instantiate --eval --strict --json /srv/evaluated.nix 2>/srv/said'),
  )
}

/** What Nix says of an expression that has no value. Throws if it has one. */
export async function evaluationError(world: World, expression: string): Promise<string> {
  world.write('/srv/evaluated.nix', expression)
  const { status, stdout, stderr } = await world.run(
    'nix-instantiate --eval --strict --json /srv/evaluated.nix',
  )
  if (status === 0) throw new Error(`it has a value: ${stdout}`)
  return stderr
}

/** Builds what an expression is; the outcome of nix-build, which prints the store path. */
export function build(world: World, expression: string, options = ''): Promise<Outcome> {
  world.write('/srv/built.nix', expression)
  return world.run(`nix-build --no-out-link ${options} /srv/built.nix`)
}
