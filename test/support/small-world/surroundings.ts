/**
 * What others can do around a small world: add derivations that nobody vouches for, add files,
 * change orders.
 */
import { derivationPathOf, printDerivation } from '../../../src/formats/nix/derivation.ts'
import { bytesOf } from './contents.ts'
import type { Decisions } from './decisions.ts'
import { fetchDerivation, type MadeDerivation } from './derivations.ts'
import type { Draft } from './draft.ts'
import { type MadeNode, makeWorld, nameOf, register } from './make.ts'
import { type FetchNode, type Labels, type Plan, someLabels } from './plan.ts'
import { addVariant, derivationOf, type Variant } from './variants.ts'

/** The number of derivations in a crowd. */
const CROWD = 300

/**
 * Adds more derivations that are related to a source than any search would visit. Used in few
 * cases, because they take a second.
 */
export function crowdAround({ nodes }: Plan, index: number): Disturbance {
  const node = nodes[index]
  if (node?.kind === 'local') return manyReferrers(index)
  if (node?.kind === 'fetch') return manyVariants(index, node)
  throw new RangeError('not a source')
}

/** A change to a world. */
export interface Disturbance {
  /** The name, for people. */
  readonly name: string
  readonly act: (draft: Draft, made: readonly MadeNode[]) => void
}

/** Random disturbances, alone or together. */
export function someDisturbances(decisions: Decisions, plan: Plan): readonly Disturbance[] {
  const chosen: Disturbance[] = []
  for (const [index, node] of plan.nodes.entries()) {
    if (node.kind === 'fetch' && decisions.oneIn(2)) chosen.push(variantOf(decisions, plan, index, node))
    if (node.kind === 'fetch' && decisions.oneIn(4)) chosen.push(fetchedElsewhere(decisions, plan, index))
    if (node.kind !== 'local' && decisions.oneIn(3)) chosen.push(lyingAround(decisions, index))
  }
  return chosen
}

/**
 * A derivation that fetches the same content from elsewhere, which anybody can add to the store; or
 * only its file.
 */
function variantOf(decisions: Decisions, plan: Plan, index: number, node: FetchNode): Disturbance {
  const isValid = decisions.oneIn(2)
  const url = 1 + decisions.below(200)
  const labels = decisions.oneIn(3) ? harmless(decisions, plan, index) : undefined
  const variant: Variant = { of: index, node, url, ...(labels && { labels }) }
  return {
    name: `${isValid ? 'a valid' : 'a lying'} variant of ${index}${labels === undefined ? '' : `, ${JSON.stringify(labels)}`}`,
    act: (draft, made) => {
      if (isValid) addVariant(draft, made, variant)
      else {
        const { path, text } = derivationOf(variant, made)
        lay(draft, path, text)
      }
    },
  }
}

/**
 * All derivations of the world as they are if one of them fetches from elsewhere: they make the
 * same outputs.
 */
function fetchedElsewhere(decisions: Decisions, plan: Plan, index: number): Disturbance {
  const url = 1 + decisions.below(200)
  const nodes = plan.nodes.map((node, at) =>
    node.kind === 'fetch' && at === index ? { ...node, url } : node,
  )
  return {
    name: `the world with ${index} fetched from elsewhere`,
    act: draft => {
      const { derivations, infos, disk, outputs } = makeWorld({ ...plan, nodes })
      for (const { path } of derivations) {
        const [info, file, made] = [infos.get(path), disk.get(path), outputs.get(path)]
        if (draft.infos.has(path) || info === undefined || file === undefined || made === undefined) continue
        draft.infos.set(path, info)
        draft.disk.set(path, file)
        draft.outputs.set(path, made)
      }
    },
  }
}

/** Labels that name no valid signature: a valid one counts, whoever's hint leads to it. */
function harmless(decisions: Decisions, plan: Plan, index: number): Labels {
  const labels = someLabels(decisions, plan.nodes.slice(0, index), [])
  const isBlob = (node: number) => {
    const named = plan.nodes[node]
    return named !== undefined && named.kind !== 'build' && named.content.kind === 'blob'
  }
  return { ...labels, records: labels.records.filter(({ signature }) => isBlob(signature)) }
}

/**
 * The file of a derivation that claims to make a node's output; only a check that recomputes the
 * path sees the lie.
 */
function lyingAround(decisions: Decisions, index: number): Disturbance {
  const isNamed = decisions.oneIn(2)
  return {
    name: `the file of a derivation that says it makes ${index}${isNamed ? ', and is named as its deriver' : ''}`,
    act: (draft, made) => {
      for (const { name, path, address } of made[index]?.items ?? []) {
        if (address !== undefined) continue
        const output = name.split('-')[1] ?? 'out'
        const text = printDerivation({
          version: undefined,
          outputs: [{ kind: 'input-addressed', name: output, path }],
          inputDerivations: [],
          inputSources: [],
          system: 'x86_64-linux',
          builder: '/bin/sh',
          args: [],
          env: [['name', `${nameOf(index)} ${decisions.below(200)}`]],
        })
        const drv = derivationPathOf(text, `${nameOf(index)}.drv`)
        lay(draft, drv, text)
        if (isNamed) nameDeriver(draft, { name, path }, drv)
      }
    },
  }
}

/** Derivations that use a file and have no label about it. */
function manyReferrers(index: number): Disturbance {
  return {
    name: `${CROWD} derivations that use ${index}`,
    act: (draft, made) => {
      const [item] = made[index]?.items ?? []
      if (item === undefined || !draft.infos.has(item.path)) return
      for (let number = 0; number < CROWD; number++) register(draft, using(item.path, number))
    },
  }
}

/** As many derivations that fetch the same content from elsewhere. */
function manyVariants(of: number, node: FetchNode): Disturbance {
  return {
    name: `${CROWD} derivations that fetch ${of} from elsewhere`,
    act: (draft, made) => {
      for (let url = 1; url <= CROWD; url++) addVariant(draft, made, { of, node, url })
    },
  }
}

function using(source: string, number: number): MadeDerivation {
  const bytes = bytesOf({ kind: 'blob', number })
  const node: FetchNode = {
    kind: 'fetch',
    content: { kind: 'blob', number },
    isExecutable: false,
    url: bytes.length,
    inputs: [0],
    saidOfDerivation: [],
    isGone: false,
    said: [],
    offered: { caches: [false, false], addressed: [false, false], deriver: false, signedBy: [] },
    isHere: false,
    hasDeriver: false,
  }
  return fetchDerivation(node, `u${number}`, {
    derived: () => undefined,
    path: () => source,
    modulo: () => '',
  })
}

function lay(draft: Draft, path: string, bytes: Uint8Array): void {
  if (!draft.disk.has(path)) draft.disk.set(path, { bytes, isExecutable: false })
}

/** Makes every cache state that a path was made by this derivation: no signature covers that. */
function nameDeriver(
  draft: Draft,
  { name, path }: { readonly name: string; readonly path: string },
  deriver: string,
): void {
  const info = draft.infos.get(path)
  if (info !== undefined) draft.infos.set(path, { ...info, deriver })
  const question = draft.incoming.get(name)
  if (question !== undefined) draft.incoming.set(name, { ...question, deriver })
  const answers = draft.answers.get(name) ?? []
  if (answers.length === 0) return
  draft.answers.set(
    name,
    answers.map(answer => {
      if (answer.said.kind !== 'offer') return answer
      const { offer } = answer.said
      return {
        ...answer,
        said: { kind: 'offer', offer: { ...offer, narinfo: { ...offer.narinfo, deriver } } },
      }
    }),
  )
}
