/** What the rows of the matrix try to get into the store: packages of one source and one program. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import * as nix from '../../support/expressions.ts'
import { testRepository } from '../../support/git.ts'
import type { GuardedWorld } from '../../support/guarded-world.ts'
import type { Cell } from './entrance.ts'

export interface Package {
  /** All its files, as root's: `package.nix`, its source, a flake of it, and a shell and a bundler that need it. */
  readonly directory: string
  /** The file with its expression. */
  readonly file: string
  readonly drv: string
  readonly out: string
}

export interface PackageOptions {
  /** The cell's unless told. */
  readonly name?: string
  /** What its flake says besides its outputs. */
  readonly flake?: string
  /** A line of shell that the build begins with. */
  readonly build?: string
  readonly attributes?: Readonly<Record<string, string>>
  /** Whether the packager signs it: if the cell is trusted, unless told. */
  readonly attested?: boolean
}

const SYSTEM = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux'

/** What each world has already: a cell that is tried twice makes its package once. */
const made = new WeakMap<GuardedWorld, Map<string, Promise<Package>>>()

/** Writes a package, makes its derivation, and attests that and its source where they are to be trusted. */
export function makePackage(cell: Cell, options: PackageOptions = {}): Promise<Package> {
  const { guarded, name } = cell
  const known = made.get(guarded) ?? new Map<string, Promise<Package>>()
  made.set(guarded, known)
  const key = options.name ?? name
  const found = known.get(key) ?? makeNew(cell, options)
  known.set(key, found)
  return found
}

async function makeNew(cell: Cell, options: PackageOptions): Promise<Package> {
  const { guarded, world } = cell
  const name = options.name ?? cell.name
  const directory = `/srv/packages/${name}`
  const file = `${directory}/package.nix`
  world.write(file, packageExpression(name, options))
  world.write(`${directory}/source.txt`, `echo ${name} runs\n`)
  world.write(`${directory}/flake.nix`, flakeExpression(options.flake ?? ''))
  world.write(`${directory}/shell.nix`, shellExpression(name))
  world.write(`${directory}/bundle.nix`, bundleExpression(name))
  const drv = await world.output(`nix-instantiate ${file} 2>/dev/null`)
  const out = await guarded.outputOf(drv)
  if (options.attested ?? cell.trusted) await guarded.attest(drv)
  return { directory, file, drv, out }
}

/** The package's directory as a git repository of the user's own. */
export async function ownRepository({ world, user, name }: Cell, { directory }: Package): Promise<string> {
  const repository = `${user === 'root' ? '/root' : `/home/${user}`}/git-${name}`
  // Not every world has a git. Made outside, it is the same.
  const outside = mkdtempSync(join(tmpdir(), 'nixsig-git-'))
  try {
    const { git } = testRepository(outside)
    cpSync(world.path(directory), outside, { recursive: true })
    git('add', '.')
    git('commit', '--quiet', '--message', 'all of it')
    cpSync(outside, join(world.path(dirname(repository)), basename(repository)), { recursive: true })
  } finally {
    rmSync(outside, { recursive: true })
  }
  await world.output(`chown -R ${user} ${repository}`)
  return repository
}

/** The NAR hash of the package as the other machine builds it, hex. */
export async function hashElsewhere({ guarded, world }: Cell, { file, out }: Package): Promise<string> {
  await world.output(`nix-store -r $(nix-instantiate ${file})`, guarded.elsewhere)
  return (await world.output(`nix-store --dump /srv/elsewhere${out} | sha256sum`)).slice(0, 64)
}

function packageExpression(name: string, { build = '', attributes = {} }: PackageOptions): string {
  const program = '{ echo "#!/bin/sh"; while read -r line; do echo "$line"; done < $source; } > $out/bin/tool'
  const expression = nix.derivation(name, {
    build: `PATH=$PATH:/bin:/usr/bin; ${build}\nmkdir -p $out/bin; ${program}; chmod +x $out/bin/tool`,
    attributes: { source: './source.txt', ...attributes },
  })
  return `(${pure(expression)} // { meta.mainProgram = "tool"; })\n`
}

/** For `nix-shell` and `nix develop`, which build what a shell needs, and need a bash to ask what is in it. */
function shellExpression(name: string): string {
  const expression = nix.derivation(`${name}-shell`, {
    inputs: ['(import ./package.nix)'],
    attributes: { outputs: '[ "out" ]' },
  })
  return pure(expression).replace('"/bin/sh"', '"/bin/bash"')
}

/** A function that wraps what it is given into a bundle. */
function bundleExpression(name: string): string {
  return `what: ${pure(nix.withInputs(`${name}-bundle`, ['what']))}`
}

/** Flakes do not know the system that they are evaluated on. */
function pure(expression: string): string {
  return expression.replace('builtins.currentSystem', nix.nixString(SYSTEM))
}

function flakeExpression(more: string): string {
  return `{
  ${more}
  outputs = { self }: {
    packages.${SYSTEM}.default = import ./package.nix;
    checks.${SYSTEM}.default = import ./package.nix;
    devShells.${SYSTEM}.default = import ./shell.nix;
    bundlers.${SYSTEM}.default = import ./bundle.nix;
  };
}
`
}
