/** What the rows of the matrix try to get into the store: packages of one source and one program. */

import * as nix from '../../support/expressions.ts'
import type { Cell } from './entrance.ts'

export interface Package {
  /** `package.nix`, its source and a flake of it lie here, as root's. */
  readonly directory: string
  /** The file with its expression. */
  readonly file: string
  readonly drv: string
  readonly out: string
}

export interface PackageOptions {
  /** The cell's unless told. */
  readonly name?: string
  /** What a flake says besides its outputs. */
  readonly flake?: string
  /** A line of shell that the build begins with. */
  readonly build?: string
  readonly inputs?: readonly string[]
  readonly attributes?: Readonly<Record<string, string>>
  /** Whether the packager signs it: if the cell is trusted, unless told. */
  readonly attested?: boolean
}

const SYSTEM = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux'

/** Writes a package, makes its derivation, and attests that and its source where they are to be trusted. */
export async function makePackage(cell: Cell, options: PackageOptions = {}): Promise<Package> {
  const { guarded, world } = cell
  const name = options.name ?? cell.name
  const directory = `/srv/packages/${name}`
  const file = `${directory}/package.nix`
  const expression = packageExpression(name, options)
  world.write(`${directory}/source.txt`, `echo ${name} runs\n`)
  world.write(file, expression)
  world.write(`${directory}/flake.nix`, flakeExpression(options.flake ?? ''))
  const drv = (await world.output(`nix-instantiate ${file} 2>/dev/null`)).split('!')[0] ?? ''
  const out = await world.output(`nix-store -q --outputs ${drv}`)
  if (options.attested ?? cell.trusted) await guarded.attest(drv)
  return { directory, file, drv, out }
}

function packageExpression(
  name: string,
  { build = '', inputs = [], attributes = {} }: PackageOptions,
): string {
  const program = '{ echo "#!/bin/sh"; while read -r line; do echo "$line"; done < $source; } > $out/bin/tool'
  const expression = nix.derivation(name, {
    build: `${build}\nmkdir -p $out/bin; ${program}; chmod +x $out/bin/tool`,
    inputs,
    attributes: { source: './source.txt', ...attributes },
  })
  const pure = expression.replace('builtins.currentSystem', nix.nixString(SYSTEM))
  return `(${pure} // { meta.mainProgram = "tool"; })\n`
}

function flakeExpression(more: string): string {
  return `{
  ${more}
  outputs = { self }: let package = import ./package.nix; in {
    packages.${SYSTEM}.default = package;
    checks.${SYSTEM}.default = package;
    devShells.${SYSTEM}.default = package;
    bundlers.${SYSTEM}.default = what: import ./bundle.nix what;
  };
}
`
}
