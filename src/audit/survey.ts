/** Judges a closure, and what it was made of, each path once. */

import { parseStorePath } from '../formats/nix/store-path.ts'
import { ruleFor } from '../policy/match.ts'
import type { Policy } from '../policy/policy.ts'
import { type MadeOf, openMadeOf } from '../reach/made-of.ts'
import type { PathInfo } from '../store/store-client.ts'
import { inputsOf } from '../verifier/stored-derivation.ts'
import { type Closure, closureOf } from './closure.ts'
import { type Judging, judgeMember, type Member } from './member.ts'

/** What is surveyed. */
export interface SurveyAsked {
  readonly roots: readonly string[]
  /** Called with the number of paths that are known of, and for each that is judged. */
  onBegin(paths: number): void
  onJudged(): void
}

/** What was found. */
export interface Surveyed {
  /** First the closure, then what it was made of. */
  readonly members: readonly Member[]
  /** How many of them belong to the closure. */
  readonly closure: number
  /** What each derivation is built from, as far as it is known. */
  readonly inputs: ReadonlyMap<string, readonly string[]>
  readonly madeOf: MadeOf
  readonly unjudged: number
}

/** Throws StoreError where the store does not answer. */
export async function surveyClosure(judging: Judging, asked: SurveyAsked): Promise<Surveyed> {
  const { inquiry, end } = judging
  const store = await inquiry.store()
  const closure = await closureOf(store, asked.roots, end)
  asked.onBegin(closure.infos.size + closure.absent.length)
  const members: Member[] = []
  const known = new Map<string, Member>()
  const judge = async (path: string, info: PathInfo | undefined): Promise<Member | undefined> => {
    const member = await judgeMember(judging, path, info)
    asked.onJudged()
    if (member === undefined) return undefined
    members.push(member)
    known.set(path, member)
    return member
  }
  let unjudged = closure.left
  for (const [path, info] of pathsOf(closure)) if ((await judge(path, info)) === undefined) unjudged++
  const count = members.length
  const inputs = new Map<string, readonly string[]>()
  // What was built here rests on all inputs; of what came from elsewhere, the sources are told.
  const addMaking = async (path: string, takes: (info: PathInfo) => boolean = () => true): Promise<void> => {
    if (known.has(path)) return
    const info = await store.pathInfo(path)
    if (info !== undefined && takes(info)) await judge(path, info)
  }
  for (const member of members) {
    const { derivation } = member
    if (derivation !== undefined) await addMaking(derivation)
    const made = member.kind === 'derivation' ? member : known.get(derivation ?? '')
    if (made === undefined) continue
    const own = inputs.get(made.path) ?? inputsHere(judging, made)
    inputs.set(made.path, own)
    for (const input of own) await addMaking(input, info => member.builtHere || isSource(info))
  }
  return { members, closure: count, inputs, madeOf: arrowsOf(judging.policy, members, inputs), unjudged }
}

function* pathsOf({ infos, absent }: Closure): Generator<readonly [string, PathInfo | undefined]> {
  yield* infos
  for (const path of absent) yield [path, undefined]
}

/** What is named by its contents was not built. */
function isSource({ ca }: PathInfo): boolean {
  return ca !== undefined
}

/** By the ledger's record, else as the derivation in the store says. */
function inputsHere({ inquiry }: Judging, { path, entry }: Member): readonly string[] {
  if (entry?.build !== undefined) return entry.build.inputs.map(input => input.path)
  try {
    return inputsOf(inquiry.derivation(path)).map(input => input.path.path)
  } catch {
    // Of a kind whose outputs are not known, or collected since.
    return []
  }
}

function arrowsOf(
  policy: Policy,
  members: readonly Member[],
  inputs: ReadonlyMap<string, readonly string[]>,
): MadeOf {
  const madeOf = openMadeOf()
  for (const { path, kind, builtHere, derivation } of members) {
    const rests = builtHere || !acceptsUnknown(policy, path)
    madeOf.add({ path, kind, builtHere, derivation: rests ? derivation : undefined, build: undefined })
  }
  for (const [derivation, own] of inputs) madeOf.addInputs(derivation, own)
  return madeOf
}

/** Whether an output from elsewhere passes by its builders alone, whatever becomes of its derivation. */
function acceptsUnknown(policy: Policy, path: string): boolean {
  const { name } = parseStorePath(path)
  return ruleFor(policy, { name, kind: 'output' }).acceptUnknownDerivation
}
