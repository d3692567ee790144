/**
 * The checkout as Nix sees it in a world: sources, expressions, and a nixpkgs to evaluate them
 * with.
 */
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKOUT } from './nixos.ts'
import type { World } from './world.ts'

/**
 * Shows the world's programs in Nix's sandbox; the stand-in for nixpkgs makes its packages from
 * them.
 */
export const MACHINE_IN_SANDBOX = { 'sandbox-paths': '/bin /lib /lib64 /usr' }

/** Generated directories of a checkout, which are not part of it. */
const MADE = ['.build', '.git', 'dist', 'node_modules']

/**
 * Copies this checkout to `CHECKOUT`, without generated files. Returns the path of nixpkgs in the
 * world: a copy of $NIXPKGS if set, otherwise the checkout's stand-in.
 */
export function placeCheckout(world: World): string {
  const isSource = (path: string) => !MADE.some(name => path.startsWith(join(PROJECT_ROOT, name)))
  cpSync(PROJECT_ROOT, world.path(CHECKOUT), { recursive: true, filter: isSource })
  const real = process.env['NIXPKGS']
  if (real === undefined) return `${CHECKOUT}/test/nixpkgs`
  cpSync(real, world.path('/srv/nixpkgs'), { recursive: true, verbatimSymlinks: true })
  return '/srv/nixpkgs'
}

/**
 * Copies the installed npm packages to a directory of the world, without those that only check
 * sources.
 */
export function placeNodeModules(world: World, directory: string): void {
  const modules = join(PROJECT_ROOT, 'node_modules')
  const unused = ['.package-lock.json', '@biomejs', '@typescript', 'typescript'].map(name =>
    join(modules, name),
  )
  if (!existsSync(modules)) throw new Error('npm ci comes first')
  cpSync(modules, world.path(directory), {
    recursive: true,
    verbatimSymlinks: true,
    filter: path => !unused.includes(path),
  })
}
