/** The derivations of planned nodes: ATerm text and store paths as Nix makes them. */
import { type Derivation, derivationPathOf, printDerivation } from '../../../src/formats/nix/derivation.ts'
import { fixedOutputPath } from '../../../src/formats/nix/make-store-path.ts'
import { narOfBytes } from '../../../src/formats/nix/nar.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { sha256 } from '../../../src/primitives/sodium.ts'
import { bytesOf } from './contents.ts'
import { hashModulo, type Modulo, withOutputPaths } from './hash-modulo.ts'
import type { BuildNode, FetchNode, Labels } from './plan.ts'

/** A derivation with its text and its store path. */
export interface MadeDerivation {
  readonly path: string
  readonly text: Uint8Array
  readonly derivation: Derivation
  /** Store paths by output name. */
  readonly outputs: ReadonlyMap<string, string>
}

/** Earlier nodes and their store paths. */
export interface Earlier {
  /** The derivation of a node and its used outputs; undefined for a file. */
  readonly derived: (node: number) => MadeDerivation | undefined
  /** The store path of a node: its file, or its first output. */
  readonly path: (node: number) => string
  readonly modulo: Modulo
}

export function hashOf(made: MadeDerivation, modulo: Modulo): string {
  return hashModulo(made.derivation, modulo)
}

export function fetchDerivation(node: FetchNode, name: string, earlier: Earlier): MadeDerivation {
  const bytes = bytesOf(node.content)
  const method = node.isExecutable ? 'recursive' : 'flat'
  const hash = toHex(sha256(node.isExecutable ? narOfBytes(bytes, true) : bytes))
  const output = fixedOutputPath({ name, method, algorithm: 'sha256', hash })
  const env = {
    name,
    out: output,
    outputHash: hash,
    outputHashAlgo: 'sha256',
    outputHashMode: method,
    system: 'builtin',
    url: `https://example.org/${node.url}/${name}`,
  }
  return finished(
    {
      version: undefined,
      outputs: [{ kind: 'fixed', name: 'out', path: output, method, algorithm: 'sha256', hash }],
      ...inputsOf(node, earlier),
      system: 'builtin',
      builder: 'builtin:fetchurl',
      args: [],
      env: withLabels(env, node.labels, earlier),
    },
    name,
  )
}

export function buildDerivation(node: BuildNode, name: string, earlier: Earlier): MadeDerivation {
  const blanks = Object.fromEntries(node.outputs.map(output => [output, '']))
  const env = {
    name,
    ...blanks,
    builder: '/bin/sh',
    outputs: node.outputs.join(' '),
    system: 'x86_64-linux',
    inputs: node.inputs.map(earlier.path).join(' '),
  }
  const blank: Derivation = {
    version: undefined,
    outputs: node.outputs.map(output => ({ kind: 'deferred', name: output })),
    ...inputsOf(node, earlier),
    system: 'x86_64-linux',
    builder: '/bin/sh',
    args: ['-c', 'build'],
    env: withLabels(env, node.labels, earlier),
  }
  return finished(withOutputPaths(blank, name, earlier.modulo), name)
}

/**
 * Refers to inputs as Nix expressions do: to files themselves, and to the first output of
 * derivations.
 */
function inputsOf(
  { inputs, without = [] }: BuildNode | FetchNode,
  { derived, path }: Earlier,
): Pick<Derivation, 'inputDerivations' | 'inputSources'> {
  const used = new Map<string, Set<string>>()
  const sources = new Set<string>()
  for (const input of inputs) {
    if (without.includes(input)) continue
    const made = derived(input)
    if (made === undefined) sources.add(path(input))
    else used.set(made.path, new Set([...(used.get(made.path) ?? []), firstOutput(made)]))
  }
  const inputDerivations = [...used]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, outputs]) => ({ path, outputs: [...outputs].sort(), dynamic: [] }))
  return { inputDerivations, inputSources: [...sources].sort() }
}

export function firstOutput(made: MadeDerivation): string {
  return made.outputs.has('out') ? 'out' : ([...made.outputs.keys()][0] ?? 'out')
}

function withLabels(
  env: Readonly<Record<string, string>>,
  labels: Labels | undefined,
  { path }: Earlier,
): Derivation['env'] {
  const said = labels === undefined ? {} : labelsIn(labels, path)
  return Object.entries({ ...env, ...said }).sort(([a], [b]) => (a < b ? -1 : 1))
}

function labelsIn({ form, role, records }: Labels, path: Earlier['path']): Readonly<Record<string, string>> {
  const list = records.map(({ subject, signature, checksums, ...rest }) => ({
    subject: subject === 'out' ? subject : path(subject),
    signature: path(signature),
    ...(checksums === undefined ? {} : { checksums: path(checksums) }),
    ...rest,
  }))
  const attributes = {
    ...(role ? { nixsigRole: 'signature' } : {}),
    ...(records.length > 0 ? { nixsigSignatures: JSON.stringify(list) } : {}),
  }
  switch (form) {
    case 'environment':
      return attributes
    case 'structured':
      return { __json: JSON.stringify(attributes) }
    case 'both':
      return { ...attributes, __json: JSON.stringify(attributes) }
    case 'malformed':
      return { ...attributes, nixsigSignatures: `${JSON.stringify(list)},` }
  }
}

function finished(derivation: Derivation, name: string): MadeDerivation {
  const text = printDerivation(derivation)
  const outputs = new Map(
    derivation.outputs.flatMap(output => ('path' in output ? [[output.name, output.path]] : [])),
  )
  return { path: derivationPathOf(text, `${name}.drv`), text, derivation, outputs }
}
