/**
 * The fuzzing of one target: cases run one after another, each derived from the results of earlier
 * ones.
 */
import { memoryInUse } from './heap.ts'
import { InterruptedError, interruptible } from './interrupt.ts'
import { mutate } from './mutate.ts'
import { type Random, randomFor } from './random.ts'
import { shrink } from './shrink.ts'
import { bytesOf, kindOf, type Target } from './target.ts'

/** Milliseconds of processor time that a case may take, and wall time after which it is killed. */
const CASE_LIMIT = 1000
const FORCED_END = 5000
/** Milliseconds after which a new watch is started. */
const TURN = 250

/**
 * Bytes that a case may leave on the heap, including garbage: a fixed number, and more for each
 * byte of its input.
 */
const MEMORY_LIMIT = 48 * 1024 * 1024
const MEMORY_PER_BYTE = 256

/** The most bytes of an input that is kept: long ones are slow to mutate. */
const KEPT_LIMIT = 16 * 1024

/** The most inputs kept besides the seeds, and the most distinct failures reported. */
const CORPUS_LIMIT = 256
const FAILURE_LIMIT = 5

/** A case that took too much time or memory. */
class CostError extends Error {
  override readonly name = 'CostError'
}

export interface Failure {
  /** The number of the case, from 1. */
  readonly number: number
  readonly message: string
  /** The input, shortened if a shorter one fails in the same way. */
  readonly input: Uint8Array
}

/**
 * Continues from case to case; with the same seed, the n-th case of a target is always the same.
 */
export interface Campaign {
  readonly target: Target
  readonly failures: readonly Failure[]
  /** The number of cases before the random ones: seeds and extremes. */
  readonly opening: number
  /** The number of cases run, and of inputs that reached something new. */
  count(): { readonly cases: number; readonly kept: number }
  /** Runs cases until their total reaches `cases` or `performance.now()` reaches `time`. */
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

/** A case that is running. */
interface Running {
  readonly input: Uint8Array
  /** Milliseconds of processor time that this process had used before. */
  readonly worked: number
  readonly memory: number
}

/** Starts a campaign for a target; its seeds and extremes are the first cases. */
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

/** Runs a target on a known input; returns why it fails, or undefined if it does not. */
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
      // One watch covers many cases, which need not wait for it.
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

/** Milliseconds of processor time: wall time depends on what else the machine does. */
function workedUntilNow(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/**
 * Handles a case whose property holds. It may still have cost too much; if it reached something
 * new, it is kept.
 */
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
 * Records a failure unless one with the same message is known. An excessive cost has to occur
 * twice, because other processes use the machine.
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
