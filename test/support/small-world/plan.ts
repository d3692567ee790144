/**
 * The plan of a small world. It contains no store paths, so that changing one node keeps the others
 * the same.
 */
import { type Content, nameInList, someContent } from './contents.ts'
import type { Decisions } from './decisions.ts'
import { FORMS, type Form, PEOPLE, type Person, WORDS, type Word } from './people.ts'
import { type PolicyPlan, somePolicy } from './policy.ts'

/** An attestation of a path. */
export interface Said {
  readonly by: Person
  readonly word: Word
  /** Whether it names other contents. */
  readonly wrong: boolean
  /** Whether it does not state the references. */
  readonly isBare: boolean
}

/**
 * A signature of `subject`, which is a node or the derivation's own output. Nodes are referred to
 * by number; only earlier ones.
 */
export interface Label {
  readonly subject: number | 'out'
  readonly signature: number
  readonly checksums?: number
  readonly kind?: string
  readonly fileName?: string
}

/** What a derivation says about signatures. */
export interface Labels {
  /**
   * Where the labels are: in the environment, in structured attributes, in both, or as malformed
   * JSON.
   */
  readonly form: 'environment' | 'structured' | 'both' | 'malformed'
  readonly role: boolean
  readonly records: readonly Label[]
}

/** Which of the two binary caches have a path, and which of these state its content address. */
export interface Offered {
  readonly caches: readonly [boolean, boolean]
  readonly addressed: readonly [boolean, boolean]
  readonly deriver: boolean
  readonly signedBy: readonly Person[]
}

/** A path that the store has or could have. */
interface Made {
  /** A developer's detached signature, kept beside the attestations. */
  readonly kept?: { readonly by: Person; readonly form: Form; readonly over: number }
  readonly said: readonly Said[]
  readonly offered: Offered
  /** Whether it is valid in the store. */
  readonly isHere: boolean
  /** Whether the store knows its derivation. */
  readonly hasDeriver: boolean
}

/** A file that evaluation copied in. */
export interface LocalNode extends Made {
  readonly kind: 'local'
  readonly content: Content
  readonly isExecutable: boolean
  /** Earlier files that it refers to. */
  readonly references: readonly number[]
}

interface Derived extends Made {
  /** Earlier nodes that are inputs of the derivation. */
  readonly inputs: readonly number[]
  /** Inputs that the derivation does not have after all; its outputs may refer to them. */
  readonly without?: readonly number[]
  readonly labels?: Labels
  readonly saidOfDerivation: readonly Said[]
  /** Whether the derivation is deleted, if nothing in the store needs it. */
  readonly isGone: boolean
}

/** A fixed-output derivation. */
export interface FetchNode extends Derived {
  readonly kind: 'fetch'
  readonly content: Content
  readonly isExecutable: boolean
  readonly url: number
}

/** An ordinary derivation with one or two outputs. */
export interface BuildNode extends Derived {
  readonly kind: 'build'
  readonly outputs: readonly string[]
  /** Whether its outputs refer to the inputs that are in the store. */
  readonly refers: boolean
  readonly signedBy: readonly Person[]
  readonly isOurs: boolean
}

export type Node = LocalNode | FetchNode | BuildNode

export interface Plan {
  readonly nodes: readonly Node[]
  readonly policy: PolicyPlan
}

/** Possible numbers of nodes. */
const SIZES = [2, 2, 3, 3, 3, 4, 5]

/** A random plan. */
export function somePlan(decisions: Decisions): Plan {
  const policy = somePolicy(decisions)
  const nodes: Node[] = []
  const size = decisions.pick(SIZES)
  while (nodes.length < size) nodes.push(someNode(decisions, nodes))
  return { nodes, policy }
}

/** Random labels of a derivation that comes after these nodes, mostly about its inputs. */
export function someLabels(decisions: Decisions, nodes: readonly Node[], inputs: readonly number[]): Labels {
  const form = decisions.pick([
    'environment',
    'structured',
    'environment',
    'structured',
    'both',
    'malformed',
  ] as const)
  const role = decisions.oneIn(2)
  const count = nodes.length === 0 ? 0 : decisions.below(3)
  const records = Array.from({ length: count }, () => someLabel(decisions, nodes, inputs))
  return { form, role, records }
}

function someLabel(decisions: Decisions, nodes: readonly Node[], inputs: readonly number[]): Label {
  const someone = () =>
    inputs.length > 0 && !decisions.oneIn(4) ? decisions.pick(inputs) : decisions.below(nodes.length)
  const oneOf = (kinds: readonly string[]) => {
    const fit = nodes.flatMap((node, index) => (kinds.includes(contentOf(node)?.kind ?? '') ? [index] : []))
    return fit.length > 0 && !decisions.oneIn(3) ? decisions.pick(fit) : someone()
  }
  const signature = oneOf(['signature'])
  const signed = contentOf(nodes[signature])
  const over = signed?.kind === 'signature' ? signed.over : undefined
  const isOverList = over === 'list' ? !decisions.oneIn(3) : decisions.oneIn(6)
  const subject = decisions.oneIn(3) ? 'out' : (subjectOf(decisions, nodes, over) ?? someone())
  const file = subject === 'out' ? undefined : contentOf(nodes[subject])
  return {
    subject,
    signature,
    ...(isOverList ? { checksums: oneOf(['list']) } : {}),
    ...(decisions.oneIn(6) ? { kind: decisions.pick(['minisign', 'sshsig', 'openpgp']) } : {}),
    ...(decisions.oneIn(2) ? { fileName: nameInList(file?.kind === 'blob' ? file.number : 0) } : {}),
  }
}

/** A random subject, mostly one that a signature covers. */
function subjectOf(
  decisions: Decisions,
  nodes: readonly Node[],
  over: number | 'list' | undefined,
): number | undefined {
  const fit = nodes.flatMap((node, index) => {
    const content = contentOf(node)
    return content?.kind === 'blob' && (over === 'list' || over === content.number) ? [index] : []
  })
  return fit.length > 0 && !decisions.oneIn(3) ? decisions.pick(fit) : undefined
}

/** The content of a file; undefined for an ordinary output. */
export function contentOf(node: Node | undefined): Content | undefined {
  return node === undefined || node.kind === 'build' ? undefined : node.content
}

function someNode(decisions: Decisions, before: readonly Node[]): Node {
  const kind = decisions.pick(['local', 'fetch', 'build', 'build'] as const)
  const made = {
    said: someWords(decisions, usualWord(decisions, kind)),
    offered: someOffer(decisions),
    isHere: decisions.oneIn(2),
    hasDeriver: decisions.oneIn(2),
    ...(kind === 'build' || !decisions.oneIn(6) ? {} : { kept: someSignature(decisions) }),
  }
  if (kind === 'local') {
    const files = before.flatMap((node, index) => (node.kind === 'local' ? [index] : []))
    const references = decisions.oneIn(4) ? decisions.some(files) : []
    return { kind, content: someContent(decisions), isExecutable: decisions.oneIn(8), references, ...made }
  }
  const isBuiltOfOthers = kind === 'build' || decisions.oneIn(6)
  const inputs = isBuiltOfOthers ? decisions.some(before.map((_, index) => index)) : []
  const labels = decisions.oneIn(3) ? { labels: someLabels(decisions, before, inputs) } : {}
  const saidOfDerivation = someWords(decisions, {
    by: 'packager',
    word: decisions.oneIn(3) ? 'graph' : 'packaged',
    wrong: false,
    isBare: true,
  })
  const derived = { ...made, inputs, ...labels, saidOfDerivation, isGone: decisions.oneIn(6) }
  if (kind === 'fetch') {
    return { kind, content: someContent(decisions), isExecutable: decisions.oneIn(8), url: 0, ...derived }
  }
  return {
    kind,
    outputs: decisions.oneIn(5) ? ['dev', 'out'] : ['out'],
    refers: decisions.oneIn(2),
    signedBy: decisions.some(PEOPLE),
    isOurs: decisions.oneIn(3),
    ...derived,
  }
}

function someSignature(decisions: Decisions): NonNullable<Made['kept']> {
  return { by: decisions.pick(PEOPLE), form: decisions.pick(FORMS), over: decisions.below(3) }
}

/** Random attestations, mostly the usual one of each person. */
function someWords(decisions: Decisions, usual: Said): readonly Said[] {
  const count = decisions.pick([0, 1, 0, 1, 2])
  return Array.from({ length: count }, () => {
    if (!decisions.oneIn(3)) return usual
    return {
      by: decisions.pick(PEOPLE),
      word: decisions.pick(WORDS),
      wrong: decisions.oneIn(6),
      isBare: decisions.oneIn(2),
    }
  })
}

function usualWord(decisions: Decisions, kind: Node['kind']): Said {
  if (kind === 'build') return { by: 'builder', word: 'built', wrong: false, isBare: decisions.oneIn(3) }
  return decisions.oneIn(2)
    ? { by: 'packager', word: 'packaged', wrong: false, isBare: true }
    : { by: 'dev', word: 'released', wrong: false, isBare: true }
}

function someOffer(decisions: Decisions): Offered {
  return {
    caches: [decisions.oneIn(2), decisions.oneIn(2)],
    addressed: [decisions.oneIn(2), decisions.oneIn(2)],
    deriver: decisions.oneIn(2),
    signedBy: decisions.oneIn(3) ? decisions.some(PEOPLE) : ['builder'],
  }
}
