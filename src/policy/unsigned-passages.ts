/**
 * Finds what a valid policy lets pass without a signature. It asks the judge about outputs and
 * derivations without any evidence, so that groups, thresholds, exemptions and the order of rules
 * have their real effect.
 */

import { commonGlob } from './glob-intersection.ts'
import { judge } from './judge.ts'
import { ruleFor } from './match.ts'
import type { Exemption, Instant, Policy, Rule } from './policy.ts'
import type { Evidence, Subject } from './verdict.ts'

/** A rule, or an exemption in force, by which something unsigned passes. */
export interface Passage {
  /** The rule's title; undefined for an exemption. */
  readonly title: string | undefined
  /** The line in policy.toml, from 1. */
  readonly line: number
  /** A glob for the names that it covers. */
  readonly name: string
  /** The end of an exemption. */
  readonly until: Instant | undefined
}

/** One thing that the author of a policy should know. The codes are stable. */
export type Remark =
  /** Outputs pass without a builder's signature, wherever they come from. */
  | { readonly code: 'output-by-anybody'; readonly output: Passage }
  /** Outputs pass that only this machine built, from derivations that nobody signed. */
  | {
      readonly code: 'output-by-self-alone'
      readonly output: Passage
      /** The rules or exemptions by which the derivations pass, at most MAKERS. */
      readonly derivations: readonly [Passage, ...Passage[]]
    }
  /** So many rules let something pass that not all were compared with each other. */
  | { readonly code: 'not-compared' }

/** How many rules of derivations one remark names. */
const MAKERS = 5

/**
 * How many questions the judge is asked: a second or two of work. Real policies need some hundreds.
 */
const QUESTIONS = 20_000

/** One remark for each rule or exemption by which such outputs pass, in the order of the policy. */
export function remarksOn(policy: Policy, now: Instant): readonly Remark[] {
  const letter = unusedLetter(policy)
  const derivations = passagesOf(policy, 'derivation', now)
  const remarks: Remark[] = []
  let questions = 0
  const ask = (name: string, what: What) => {
    questions++
    return unsigned(policy, name, what, now)
  }
  for (const output of passagesOf(policy, 'output', now)) {
    if (questions > QUESTIONS) return [...remarks, { code: 'not-compared' }]
    if (namesIn(output.name, letter).some(name => ask(name, 'elsewhere') === output.line)) {
      remarks.push({ code: 'output-by-anybody', output })
      continue
    }
    const makers: Passage[] = []
    for (const derivation of derivations) {
      if (makers.length >= MAKERS || questions > QUESTIONS) break
      if (makesBy(derivation, output, letter, ask)) makers.push(derivation)
    }
    const [first, ...more] = makers
    if (first !== undefined)
      remarks.push({ code: 'output-by-self-alone', output, derivations: [first, ...more] })
  }
  return questions > QUESTIONS ? [...remarks, { code: 'not-compared' }] : remarks
}

type What = 'here' | 'elsewhere' | 'derivation'

/** Whether some derivation that passes by `by` has an output that passes by `to`. */
function makesBy(
  by: Passage,
  to: Passage,
  letter: string,
  ask: (name: string, what: What) => number | undefined,
): boolean {
  // The output `out` has the name of its derivation; any other adds its own name to that.
  const globs = [
    commonGlob(by.name, to.name),
    commonGlob(`${by.name}-?*`, to.name),
    commonGlob(`${by.name}-*`, to.name),
  ]
  const names = globs.flatMap(glob => (glob === undefined ? [] : namesIn(glob, letter)))
  return names.some(output => {
    if (ask(output, 'here') !== to.line) return false
    return makersOf(output).some(name => ask(name, 'derivation') === by.line)
  })
}

/** The possible names of a derivation that has an output of this name. */
function makersOf(output: string): readonly string[] {
  const dashes = [...output.matchAll(/-(?=.)/g)].map(({ index }) => output.slice(0, index))
  return [output, ...dashes.filter(name => name !== '')]
}

/**
 * Every rule or exemption by which something of this kind passes unsigned, each looked at as if it
 * were the only one.
 */
function passagesOf(policy: Policy, kind: 'output' | 'derivation', now: Instant): readonly Passage[] {
  const exemptions = policy.exemptions.flatMap(exemption => exemptionPassage(exemption, kind, now))
  const rules = [...policy.rules, policy.fallback].filter(rule => {
    if (!rule.kinds.includes(kind) || rule.require[kind] === undefined) return false
    const alone = { ...policy, rules: [], exemptions: [], fallback: rule }
    return unsigned(alone, 'name', kind === 'output' ? 'here' : kind, now) !== undefined
  })
  return [...exemptions, ...rules.map(rulePassage)]
}

function exemptionPassage(
  { match, line, until }: Exemption,
  kind: 'output' | 'derivation',
  now: Instant,
): readonly Passage[] {
  // A path has one derivation, and nobody can choose a path by choosing a name.
  if ('path' in match || !match.kinds.includes(kind) || now >= until) return []
  return [{ title: undefined, line, name: match.name, until }]
}

function rulePassage({ title, line, name }: Rule): Passage {
  return { title, line, name, until: undefined }
}

const NOTHING: Evidence = { claims: [], strays: [], troubles: [] }

/**
 * The line of the rule or exemption by which the judge lets this name pass without evidence;
 * undefined if it does not pass.
 */
function unsigned(policy: Policy, name: string, what: What, now: Instant): number | undefined {
  const subject: Subject = {
    path: `/nix/store/${'0'.repeat(32)}-${name}`,
    name,
    kind: what === 'derivation' ? what : 'output',
    narHash: '0'.repeat(64),
    builtHere: what === 'here',
    derivation: `/nix/store/${'1'.repeat(32)}-${name}.drv`,
  }
  const verdict = judge(policy, subject, NOTHING, now)
  if (verdict.outcome !== 'trusted') return undefined
  return verdict.basis.kind === 'exemption' ? verdict.basis.line : ruleFor(policy, subject).line
}

/**
 * How many letters replace a star: several lengths, since other globs may require a certain number
 * of letters.
 */
const FILLS = [0, 1, 2, 3, 4, 12, 60]

/**
 * Some names that a glob matches. In place of a star they have a letter that no glob contains, or
 * the dash before the name of an output.
 */
function namesIn(glob: string, letter: string): readonly string[] {
  const names = [letter, '-'].flatMap(one => {
    const filled = glob.replace(/\?/g, one)
    return FILLS.flatMap(fill => shapesOf(letter.repeat(fill)).map(text => filled.replace(/\*/g, text)))
  })
  return [...new Set(names)].filter(name => name !== '')
}

/** A run of letters, and variants in which a derivation's name may end before or after it. */
function shapesOf(run: string): readonly string[] {
  return [run, `-${run}`, `${run}-`]
}

const LETTERS = 'qzjxkvwybhgfumpcldrnshiotaeQZJXKVWYBHGFUMPCLDRNSHIOTAE0123456789+_='

/** A letter that no glob contains, so that only wildcards match it. */
function unusedLetter({ rules, exemptions }: Policy): string {
  const globs = [
    ...rules.map(({ name }) => name),
    ...exemptions.map(({ match }) => ('path' in match ? '' : match.name)),
  ].join('')
  return [...LETTERS].find(letter => !globs.includes(letter)) ?? 'q'
}
