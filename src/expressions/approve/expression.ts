/** The Nix expressions with which verified trees are evaluated. */
import { printable } from '../../primitives/printable.ts'
import { ExpressionError } from '../expression-error.ts'
import { narHashWords } from '../lock/words.ts'

/** The last second of the year 9999. */
const LAST_TIME = 253_402_300_799

/** A verified tree in the store. */
export interface TreeInStore {
  /** A store path that is named by the NAR hash. */
  readonly storePath: string
  /** Lower-case hex. */
  readonly narHash: string
  /** Absent for an input that is not a commit. */
  readonly commit?: string
  /** When it was committed, in seconds since 1970. */
  readonly committed: number
  /** How many commits lead to it, if that is known. */
  readonly revCount?: number
  /** Of what Nix fetches with git: whether with its submodules. */
  readonly submodules?: boolean
}

/**
 * An input of a flake. `inputs`: the keys of its own inputs among all, by the names that it uses.
 * One that is not a flake has none, and is only a tree.
 */
export interface FlakeInput extends TreeInStore {
  readonly isFlake: boolean
  /** Where flake.nix lies in the tree; empty: at the top. */
  readonly directory: string
  /** Of a part of another input's tree: the way to it, empty or with a slash first. */
  readonly place?: string
  readonly inputs: Readonly<Record<string, string>>
}

/** All inputs of a flake by the keys of its lock, and which of them the flake itself uses. */
export interface FlakeInputs {
  readonly all: Readonly<Record<string, FlakeInput>>
  readonly own: Readonly<Record<string, string>>
}

export const NO_INPUTS: FlakeInputs = { all: {}, own: {} }

/** The expression of a file in a tree. `file`: relative, without a leading slash. */
export function fileExpression(tree: TreeInStore, file: string): string {
  return `import (${pathOf(tree)} + ${nixString(`/${file}`)})`
}

/**
 * The expression of an output of a flake. Its `outputs` function is called here as Nix calls it,
 * with the inputs that were verified, so that no part of Nix looks at a lock or fetches anything.
 * The attribute is looked for where `nix build` looks.
 */
export function flakeExpression(
  tree: TreeInStore,
  attribute: readonly string[],
  { system, inputs }: { readonly system: string; readonly inputs: FlakeInputs },
): string {
  const names = attribute.length === 0 ? ['default'] : attribute
  const places = [['packages', system], ['legacyPackages', system], []]
  const old = attribute.length === 0 ? [['defaultPackage', system]] : []
  const candidates = [...places.map(place => [...place, ...names]), ...old]
  const all = Object.entries(inputs.all).map(
    ([key, input]) => `${nixString(key)} = ${inputExpression(input)};`,
  )
  return `let
  find = set: path:
    if path == [ ] then [ set ]
    else if builtins.isAttrs set && builtins.hasAttr (builtins.head path) set
    then find (builtins.getAttr (builtins.head path) set) (builtins.tail path)
    else [ ];
  call = info: directory: inputs: let
    outPath = info + directory;
    flake = import (outPath + "/flake.nix");
    outputs = flake.outputs (inputs // { inherit self; });
    self = outputs // info // { inherit inputs outputs outPath; sourceInfo = info; _type = "flake"; };
  in self;
  all = { ${all.join('\n')} };
  self = call ${infoOf(tree)} "" { ${uses(inputs.own)} };
  found = builtins.concatMap (find self) [ ${candidates.map(nixList).join(' ')} ];
  chosen = builtins.head found;
in
  if found == [ ] then throw ${nixString(`the flake has no output ${names.join('.')} for ${system}`)}
  else if (chosen.type or "") != "derivation" then throw ${nixString(`${names.join('.')} is not a derivation`)}
  else chosen`
}

/** The parts of an attribute path such as `a.b."c.d"`. Throws ExpressionError. */
export function attributePath(text: string): readonly string[] {
  if (text === '') return []
  const parts = [...`.${text}`.matchAll(/\.(?:"([^"\\$]+)"|([\w'+-]+))/gy)]
  const read = parts.map(([whole]) => whole).join('')
  if (read === `.${text}`) return parts.map(([, quoted, bare]) => quoted ?? bare ?? '')
  throw new ExpressionError('evaluation', `"${printable(text, 100)}" is not the path of an attribute`)
}

function inputExpression(input: FlakeInput): string {
  const info = input.place === undefined ? infoOf(input) : partOf(input, input.place)
  if (!input.isFlake) return info
  const directory = input.directory === '' ? '' : `/${input.directory}`
  return `call ${info} ${nixString(directory)} { ${uses(input.inputs)} }`
}

function uses(inputs: Readonly<Record<string, string>>): string {
  return Object.entries(inputs)
    .map(([name, key]) => `${nixString(name)} = all.${nixString(key)};`)
    .join(' ')
}

function infoOf(tree: TreeInStore): string {
  const { commit, committed, narHash, revCount, submodules } = tree
  if (committed > LAST_TIME) {
    throw new ExpressionError('evaluation', `a commit of a year after 9999: ${commit ?? tree.storePath}`)
  }
  const date = new Date(committed * 1000).toISOString().replace(/[-:T]|\..*$/g, '')
  return `{
    outPath = ${pathOf(tree)};
    narHash = ${nixString(narHashWords(narHash))};
    ${commit === undefined ? '' : `rev = ${nixString(commit)}; shortRev = ${nixString(commit.slice(0, 7))};`}
    ${revCount === undefined ? '' : `revCount = ${revCount};`}
    ${submodules === undefined ? '' : `submodules = ${submodules};`}
    lastModified = ${committed};
    lastModifiedDate = ${nixString(date)};
  }`
}

/** Nix calls a part of a tree what it calls the tree, with another path. */
function partOf(tree: TreeInStore, place: string): string {
  return `(let whole = ${infoOf(tree)}; in whole // { outPath = whole.outPath + ${nixString(place)}; })`
}

/** The hash makes the path one that a pure evaluation may read. */
function pathOf({ storePath, narHash }: TreeInStore): string {
  const attributes = `name = "source"; path = ${nixString(storePath)}; sha256 = ${nixString(narHash)};`
  return `(builtins.path { ${attributes} recursive = true; })`
}

function nixList(names: readonly string[]): string {
  return `[ ${names.map(nixString).join(' ')} ]`
}

/** A Nix string literal with exactly this text. Throws ExpressionError for what none can have. */
export function nixString(text: string): string {
  if (text.includes('\0'))
    throw new ExpressionError('evaluation', `a name with a NUL: ${printable(text, 100)}`)
  return `"${text.replace(/[\\"]|\$\{/g, '\\$&').replaceAll('\n', '\\n')}"`
}
