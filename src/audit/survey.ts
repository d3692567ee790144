/** Judges a closure, and what it was made of, each path once. */
import { nameIn } from '../formats/nix/store-path.ts'
import { ruleFor } from '../policy/match.ts'
import type { Policy } from '../policy/policy.ts'
import { type MadeOf, openMadeOf } from '../reach/made-of.ts'
import { inputsOf } from '../verifier/stored-derivation.ts'
import type { Ahead } from './ahead.ts'
import type { Audit } from './audit.ts'
import { type Closure, closureOf } from './closure.ts'
import { type Judging, judgeMember, type Member, type Registered } from './member.ts'

/** What is surveyed. */
export interface SurveyAsked {
  readonly kind: Audit['asked']['kind']
  readonly roots: readonly string[]
  readonly ahead: Pick<Ahead, 'look' | 'take'>
  /** What the store registered about paths, in their order. */
  infosOf(paths: readonly string[]): Promise<readonly (Registered | undefined)[]>
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

/** Other work may run after so many paths: a signal, a time limit. */
const TURN = 256

/** Throws StoreError where the store does not answer. */
export async function surveyClosure(judging: Judging, asked: SurveyAsked): Promise<Surveyed> {
  const { ahead } = asked
  const closure = await closureOf(
    {
      isWhole: asked.kind === 'store',
      infosOf: asked.infosOf,
      // The store takes as long to answer as it takes to look at all of them here.
      meanwhile: ahead.look,
    },
    asked.roots,
    judging.end,
  )
  asked.onBegin(closure.infos.length + closure.absent.length)
  const members: Member[] = []
  const known = new Map<string, Member>()
  let unjudged = closure.left
  const judge = async (path: string, info: Registered | undefined): Promise<void> => {
    const judged = judgeMember(judging, path, info, ahead.take(path))
    // Without a promise for each of those that are known.
    const member = judged instanceof Promise ? await judged : judged
    asked.onJudged()
    if (member === undefined) unjudged++
    else {
      known.set(path, member)
      if (members.push(member) % TURN === 0) await new Promise(setImmediate)
    }
  }
  for (const [path, info] of pathsOf(closure)) await judge(path, info)
  const count = members.length
  const add = async (paths: Iterable<string>, takes: (info: Registered) => boolean) => {
    const fresh = [...new Set(paths)].filter(path => !known.has(path))
    for (const info of await asked.infosOf(fresh))
      if (info !== undefined && takes(info) && members.length < MEMBER_LIMIT) await judge(info.path, info)
  }
  const inputs = new Map<string, readonly string[]>()
  for (let done = 0; done < members.length; ) {
    const some = members.slice(done)
    done = members.length
    await add(
      some.flatMap(({ derivation }) => derivation ?? []),
      () => true,
    )
    // What was built here rests on all inputs; of what came from elsewhere, the sources are told.
    const needed = new Set<string>()
    const told: string[] = []
    for (const { path, kind, derivation, builtHere } of some) {
      const made = known.get(kind === 'derivation' ? path : (derivation ?? ''))
      if (made === undefined) continue
      const own = inputs.get(made.path) ?? inputsHere(judging, made)
      inputs.set(made.path, own)
      for (const input of own) if (builtHere) needed.add(input)
      for (const input of own) told.push(input)
    }
    await add(told, ({ path, isContentAddressed }) => isContentAddressed || needed.has(path))
  }
  return { members, closure: count, inputs, madeOf: arrowsOf(judging.policy, members, inputs), unjudged }
}

/** No more are read of an audit (parse.ts). */
const MEMBER_LIMIT = 200_000

function* pathsOf({ infos, absent }: Closure): Generator<readonly [string, Registered | undefined]> {
  for (const info of infos) yield [info.path, info]
  for (const path of absent) yield [path, undefined]
}

/** By the ledger's record, else as the derivation in the store says. */
function inputsHere({ inquiry }: Judging, { path, inputs }: Member): readonly string[] {
  if (inputs !== undefined) return inputs
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
  // The audit keeps their names anyhow.
  const madeOf = openMadeOf(name => name)
  for (const { path, kind, builtHere, derivation } of members) {
    if (derivation === undefined) continue
    const rests = builtHere || !acceptsUnknown(policy, path)
    madeOf.add({ path, kind, builtHere, derivation: rests ? derivation : undefined, build: undefined })
  }
  for (const [derivation, own] of inputs) madeOf.addInputs(derivation, own)
  return madeOf
}

/** Whether an output from elsewhere passes by its builders alone, whatever becomes of its derivation. */
function acceptsUnknown(policy: Policy, path: string): boolean {
  return ruleFor(policy, { name: nameIn(path), kind: 'output' }).acceptUnknownDerivation
}
