/**
 * Small Nix expressions for the end-to-end tests. They need no nixpkgs, only the sandbox's busybox
 * as /bin/sh.
 */

/** A Nix string literal with exactly this text. */
export function nixString(text: string): string {
  return `"${text.replace(/[\\"]|\$\{/g, '\\$&')}"`
}

export interface DerivationOptions {
  /** Shell script with `$out`; by default it writes the name to `$out`. */
  readonly build?: string
  /** Nix expressions of derivations or paths that the derivation depends on. */
  readonly inputs?: readonly string[]
  /** Further attributes, each a Nix expression. */
  readonly attributes?: Readonly<Record<string, string>>
}

/** One derivation. Its build has the paths of its inputs in `$inputs`. */
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

/** `count` independent derivations `PREFIX-0`, `PREFIX-1` …, as a list of Nix expressions. */
export function independent(prefix: string, count: number, build?: string): readonly string[] {
  const options = build === undefined ? {} : { build }
  return Array.from({ length: count }, (_, index) => derivation(`${prefix}-${index}`, options))
}

/**
 * A chain: `PREFIX-0` has no input, each other one has its predecessor; returns the expression of
 * the last.
 */
export function chain(prefix: string, length: number): string {
  let last = derivation(`${prefix}-0`)
  for (let index = 1; index < length; index++) last = withInputs(`${prefix}-${index}`, [last])
  return last
}

/** One derivation with `count` inputs, each a derivation to build. */
export function manyInputs(name: string, count: number): string {
  return withInputs(name, independent(`${name}-input`, count))
}

/** Combines a list of Nix expressions into one for nix-build. */
export function all(expressions: readonly string[]): string {
  return `[ ${expressions.join('\n')} ]`
}

/** Fetches a file:///srv/… or http:// URL with this sha256 of the contents (hex or nix32). */
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

/**
 * A fixed-output derivation built by a shell in the sandbox: the same kind of path, without a
 * fetch.
 */
export function fixedOutput(name: string, contents: string, sha256: string): string {
  const attributes = {
    contents: nixString(contents),
    outputHashMode: '"flat"',
    outputHashAlgo: '"sha256"',
    outputHash: nixString(sha256),
  }
  return derivation(name, { build: 'printf %s "$contents" > $out', attributes })
}

/** A text file that evaluation adds to the store: a local source. */
export function toFile(name: string, contents: string): string {
  return `(builtins.toFile ${nixString(name)} ${nixString(contents)})`
}

/** Names that Nix accepts and that a careless parser could misread. */
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
