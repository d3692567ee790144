/** Small Nix expressions for the end-to-end tests: no nixpkgs, and no tools but the sandbox's busybox as /bin/sh. */

/** A Nix string literal with exactly this text. */
export function nixString(text: string): string {
  return `"${text.replace(/[\\"]|\$\{/g, '\\$&')}"`
}

export interface DerivationOptions {
  /** Shell; `$out` is there. Writes the name to `$out` unless told. */
  readonly build?: string
  /** Nix expressions of derivations or paths, which the derivation depends on. */
  readonly inputs?: readonly string[]
  /** Further attributes: a Nix expression each. */
  readonly attributes?: Readonly<Record<string, string>>
}

/** One derivation. Its build sees its inputs' paths in `$inputs`. */
export function derivation(name: string, options: DerivationOptions = {}): string {
  const attributes = Object.entries(options.attributes ?? {}).map(([key, value]) => `${key} = ${value};`)
  const build = options.build ?? 'echo "$name" > $out'
  return `(derivation {
  name = ${nixString(name)};
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [ "-c" ${nixString(build)} ];
  inputs = [ ${(options.inputs ?? []).join(' ')} ];
  ${attributes.join('\n  ')}
})`
}

/** A derivation whose output lists the paths of its inputs and so refers to all of them. */
export function withInputs(name: string, inputs: readonly string[]): string {
  return derivation(name, { build: 'for i in $inputs; do echo "$i"; done > $out', inputs })
}

/** So many derivations `PREFIX-0` … that need nothing of each other, as a list of Nix expressions. */
export function independent(prefix: string, count: number, build?: string): readonly string[] {
  const options = build === undefined ? {} : { build }
  return Array.from({ length: count }, (_, index) => derivation(`${prefix}-${index}`, options))
}

/** A chain: `PREFIX-0` needs nothing, each other one its predecessor; the expression of the last. */
export function chain(prefix: string, length: number): string {
  let last = derivation(`${prefix}-0`)
  for (let index = 1; index < length; index++) last = withInputs(`${prefix}-${index}`, [last])
  return last
}

/** One derivation with so many inputs, every one a derivation to build. */
export function manyInputs(name: string, count: number): string {
  return withInputs(name, independent(`${name}-input`, count))
}

/** A list of Nix expressions as one that nix-build takes. */
export function all(expressions: readonly string[]): string {
  return `[ ${expressions.join('\n')} ]`
}

/** A fetch of a file:///srv/… or http:// URL, known by the sha256 of its contents (hex or nix32). */
export function fetchurl(name: string, url: string, sha256: string): string {
  return `(derivation {
  name = ${nixString(name)};
  system = "builtin";
  builder = "builtin:fetchurl";
  url = ${nixString(url)};
  urls = [ ${nixString(url)} ];
  outputHashMode = "flat";
  outputHashAlgo = "sha256";
  outputHash = ${nixString(sha256)};
  preferLocalBuild = true;
  unpack = false;
  executable = false;
})`
}

/** A fixed output that a shell in the sandbox makes: the same kind of path without any fetching. */
export function fixedOutput(name: string, contents: string, sha256: string): string {
  const attributes = {
    contents: nixString(contents),
    outputHashMode: '"flat"',
    outputHashAlgo: '"sha256"',
    outputHash: nixString(sha256),
  }
  return derivation(name, { build: 'printf %s "$contents" > $out', attributes })
}

/** A text file that evaluation puts into the store: a local source. */
export function toFile(name: string, contents: string): string {
  return `(builtins.toFile ${nixString(name)} ${nixString(contents)})`
}

/** Names that Nix accepts and that a careless reader could take for something else. */
export const ODD_NAMES: readonly string[] = [
  'a=b',
  'q?x',
  '-rf',
  '+plus',
  '_',
  '1.0',
  'x.drv.y',
  'UPPER',
  'a--b',
  'n'.repeat(200),
]
