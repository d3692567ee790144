/** The checkout in a world, as Nix sees it there: sources, expressions, and a nixpkgs to evaluate them with. */
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKOUT } from './nixos.ts'
import type { World } from './world.ts'

/** Nix's sandbox shows the programs of the world, of which the stand-in for nixpkgs makes its packages. */
export const MACHINE_IN_SANDBOX = { 'sandbox-paths': '/bin /lib /lib64 /usr' }

/** What is made in a checkout, and is no part of it. */
const MADE = ['.build', '.git', 'dist', 'node_modules']

/**
 * Copies this checkout to `CHECKOUT`, without what was made in it. Returns where nixpkgs lies in the world: a copy of
 * $NIXPKGS if there is one, else the stand-in of the checkout.
 */
export function placeCheckout(world: World): string {
  const isSource = (path: string) => !MADE.some(name => path.startsWith(join(PROJECT_ROOT, name)))
  cpSync(PROJECT_ROOT, world.path(CHECKOUT), { recursive: true, filter: isSource })
  const real = process.env['NIXPKGS']
  if (real === undefined) return `${CHECKOUT}/test/nixpkgs`
  cpSync(real, world.path('/srv/nixpkgs'), { recursive: true, verbatimSymlinks: true })
  return '/srv/nixpkgs'
}

/** Copies what npm installed to a directory of the world, without the packages that only check sources. */
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
