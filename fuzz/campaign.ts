/** The fuzzing of one target: cases made one after another, each from what earlier ones led to. */
import { memoryInUse } from './heap.ts'
import { InterruptedError, interruptible } from './interrupt.ts'
import { mutate } from './mutate.ts'
import { type Random, randomFor } from './random.ts'
import { shrink } from './shrink.ts'
import { bytesOf, kindOf, type Target } from './target.ts'

/** Milliseconds of this process's own work that a case may take, and after how long it is ended by force. */
const CASE_LIMIT = 1000
const FORCED_END = 5000
/** Milliseconds after which a new watch begins. */
const TURN = 250

/** Bytes that a case may leave on the heap, garbage counted: so many, and so many more for each byte of its input. */
const MEMORY_LIMIT = 48 * 1024 * 1024
const MEMORY_PER_BYTE = 256

/** Bytes of an input that is kept: long ones are slow to change. */
const KEPT_LIMIT = 16 * 1024

/** Inputs that are kept beside the seeds, and different failures that are told. */
const CORPUS_LIMIT = 256
const FAILURE_LIMIT = 5

/** A case that took too much time or memory. */
class CostError extends Error {
  override readonly name = 'CostError'
}

export interface Failure {
  /** Which case it was, from 1. */
  readonly number: number
  readonly message: string
  /** The input, made shorter where a shorter one fails in the same way. */
  readonly input: Uint8Array
}

/** Goes on from case to case; the n-th case of a target is the same whenever the seed is. */
export interface Campaign {
  readonly target: Target
  readonly failures: readonly Failure[]
  /** How many cases come before those that are made by chance: the seeds and the extremes. */
  readonly opening: number
  /** How many cases were run, and how many inputs led somewhere new. */
  count(): { readonly cases: number; readonly kept: number }
  /** Runs cases until there were so many in all, or until that time (`performance.now()`) has come. */
  run(until: { readonly cases: number; readonly time: number }): Promise<void>
}

interface State {
  readonly target: Target
  readonly random: Random
  readonly corpus: Uint8Array[]
  readonly outcomes: Set<string>
  readonly failures: Map<string, Failure>
  cases: number
}

/** A case that has begun. */
interface Running {
  readonly input: Uint8Array
  /** Milliseconds of the processor that this process had used before. */
  readonly worked: number
  readonly memory: number
}

/** Begins with a target; its seeds and its extremes are the first cases. */
export function openCampaign(target: Target, seed: number): Campaign {
  const state: State = {
    target,
    random: randomFor(seed, target.name),
    corpus: [...target.seeds],
    outcomes: new Set(),
    failures: new Map(),
    cases: 0,
  }
  return {
    target,
    opening: target.seeds.length + (target.extremes?.length ?? 0),
    get failures() {
      return [...state.failures.values()]
    },
    count: () => ({ cases: state.cases, kept: state.corpus.length - target.seeds.length }),
    run: until => runCases(state, until),
  }
}

/** Why a target fails on one input; undefined if it does not. For an input that is known already. */
export async function failureOn(target: Target, input: Uint8Array): Promise<string | undefined> {
  target.prepare?.()
  const running = begin(input)
  try {
    await interruptible(FORCED_END, () => target.check(input))
    assertCheap(running)
    return undefined
  } catch (error) {
    return wordsOf(error)
  }
}

async function runCases(state: State, until: { cases: number; time: number }): Promise<void> {
  state.target.prepare?.()
  while (state.cases < until.cases && performance.now() < until.time) {
    let current = begin(new Uint8Array())
    const turnEnd = Math.min(until.time, performance.now() + TURN)
    try {
      // One watch for as many cases as need not be waited for.
      const pending = interruptible(FORCED_END, () => {
        while (state.cases < until.cases && performance.now() < turnEnd) {
          current = begin(nextInput(state))
          const outcome = state.target.check(current.input)
          if (typeof outcome !== 'string') return outcome
          pass(state, current, outcome)
        }
        return undefined
      })
      if (pending !== undefined) pass(state, current, await pending)
    } catch (error) {
      await fail(state, current.input, error)
    }
  }
}

function nextInput(state: State): Uint8Array {
  const { target, random, corpus } = state
  const number = state.cases++
  const extreme = target.extremes?.[number - target.seeds.length]
  if (extreme !== undefined) return bytesOf(extreme())
  return target.seeds[number] ?? mutate({ random, corpus, tokens: target.tokens })
}

function begin(input: Uint8Array): Running {
  return { input, worked: workedUntilNow(), memory: memoryInUse() }
}

/** Milliseconds of the processor: how long it takes besides is a matter of what else the machine does. */
function workedUntilNow(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** A case whose property holds. It may still have cost too much, and if it came to something new it is kept. */
function pass(state: State, running: Running, outcome: string): void {
  assertCheap(running)
  if (state.outcomes.has(outcome)) return
  state.outcomes.add(outcome)
  const isRoom = state.corpus.length < state.target.seeds.length + CORPUS_LIMIT
  if (isRoom && running.input.length <= KEPT_LIMIT) state.corpus.push(running.input)
}

function assertCheap({ input, worked, memory }: Running): void {
  if (workedUntilNow() - worked > CASE_LIMIT) throw new CostError(`takes longer than ${CASE_LIMIT} ms`)
  const limit = MEMORY_LIMIT + MEMORY_PER_BYTE * input.length
  if (memoryInUse() - memory > limit) throw new CostError(`takes more than ${limit >> 20} MiB`)
}

/**
 * Notes a failure unless one of the same words is known. What an input cost it must cost twice: others use the
 * machine.
 */
async function fail(state: State, input: Uint8Array, error: unknown): Promise<void> {
  const message = wordsOf(error)
  const kind = kindOf(message)
  if (state.failures.has(kind) || state.failures.size === FAILURE_LIMIT) return
  const number = state.cases
  const failsAlike = async (other: Uint8Array) => {
    const again = await failureOn(state.target, other)
    return again !== undefined && kindOf(again) === kind
  }
  const isCost = error instanceof CostError || error instanceof InterruptedError
  if (isCost && !(await failsAlike(input))) return
  state.failures.set(kind, { number, message, input: await shrink(input, failsAlike) })
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const [, where = ''] = (error.stack ?? '').split(/\n\s+at /, 2)
  return `${error.name}: ${error.message}${where === '' ? '' : `\n    at ${where}`}`
}
