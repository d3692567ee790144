/** In what two policies differ, in words. Pure. */
import {
  exemptionWords,
  inputWords,
  keyWords,
  quorumWords,
  revocationWords,
  ruleLines,
} from '../policy/describe.ts'
import { developersWords, listWords } from '../policy/lists/list-words.ts'
import type { InputRule, Key, Policy, Rule } from '../policy/policy.ts'
import { whoWord, word } from '../policy/words.ts'
import { plain } from './plain.ts'

/** The parts of a policy; `settings` are all that have no part of their own here. */
export type PolicyPart =
  | 'mode'
  | 'principals'
  | 'groups'
  | 'lists'
  | 'developers'
  | 'quorums'
  | 'rules'
  | 'inputs'
  | 'revocations'
  | 'exemptions'
  | 'settings'

/** One difference. Escaped. Absent: there is nothing of it on that side. */
export interface Difference {
  readonly part: PolicyPart
  readonly before?: string
  readonly after?: string
}

/** The fields that are compared by name, or stand for no difference by themselves. */
const NAMED = new Set([
  'mode',
  'principals',
  'groups',
  'lists',
  'developers',
  'quorums',
  // This machine's, whichever policy it has.
  'machineKeys',
  'rules',
  'fallback',
  'inputs',
  'revocations',
  'exemptions',
  'digest',
])

/**
 * All differences, part by part. Comments, the order of tables and the lines on which they stand
 * make none; the order of rules does, as the first that matches decides.
 */
export function policyDifference(before: Policy, after: Policy): readonly Difference[] {
  const mode: readonly Difference[] =
    before.mode === after.mode ? [] : [{ part: 'mode', before: before.mode, after: after.mode }]
  return [
    ...mode,
    ...ofSets('principals', keyEntries(before), keyEntries(after)),
    ...ofSets('groups', groupEntries(before), groupEntries(after)),
    ...ofSets('lists', listEntries(before), listEntries(after)),
    ...ofSets('developers', developerEntries(before), developerEntries(after)),
    ...ofSets('quorums', quorumEntries(before), quorumEntries(after)),
    ...inOrder('rules', rulesOf(before).map(ruleEntry), rulesOf(after).map(ruleEntry)),
    ...inOrder('inputs', before.inputs.map(inputEntry), after.inputs.map(inputEntry)),
    ...ofSets('revocations', revocationEntries(before), revocationEntries(after)),
    ...ofSets('exemptions', exemptionEntries(before), exemptionEntries(after)),
    ...settings(before, after),
  ]
}

/** Something that a policy has: what makes it the same on both sides, and its words. */
type Entry = readonly [identity: string, words: string]

function ofSets(part: PolicyPart, before: readonly Entry[], after: readonly Entry[]): readonly Difference[] {
  const [was, is] = [new Set(before.map(([id]) => id)), new Set(after.map(([id]) => id))]
  return [
    ...before.filter(([id]) => !is.has(id)).map(([, words]) => ({ part, before: words })),
    ...after.filter(([id]) => !was.has(id)).map(([, words]) => ({ part, after: words })),
  ]
}

/** Where the order differs, everything between the common beginning and the common end is told. */
function inOrder(part: PolicyPart, before: readonly Entry[], after: readonly Entry[]): readonly Difference[] {
  const shorter = Math.min(before.length, after.length)
  let head = 0
  while (head < shorter && before[head]?.[0] === after[head]?.[0]) head++
  let tail = 0
  while (tail < shorter - head && before.at(-1 - tail)?.[0] === after.at(-1 - tail)?.[0]) tail++
  return [
    ...before.slice(head, before.length - tail).map(([, words]) => ({ part, before: words })),
    ...after.slice(head, after.length - tail).map(([, words]) => ({ part, after: words })),
  ]
}

function keyEntries({ principals }: Policy): readonly Entry[] {
  return [...principals.values()].flatMap(({ name, keys }) => {
    if (keys.length === 0) return [entry({ name }, `${word(name)}, without a key`)]
    return keys.map(key => entry({ name, key }, `${word(name)}: ${keyWords(key)} (${shownIdentity(key)})`))
  })
}

/** Labels are shortened, so that two keys may look the same. */
function shownIdentity({ identity }: Key): string {
  return identity.length > 60 ? `${identity.slice(0, 30)}…${identity.slice(-12)}` : word(identity)
}

function groupEntries({ groups }: Policy): readonly Entry[] {
  return [...groups.values()].map(group => {
    const members = [...group.members].sort()
    const words = `${word(group.name)}: ${group.threshold} of ${members.length} (${members.map(whoWord).join(', ')})`
    return entry({ ...group, members }, words)
  })
}

/**
 * A list with its state, as far as it is here: another book is a difference. Not until when it
 * counts.
 */
function listEntries({ lists }: Policy): readonly Entry[] {
  return [...lists.values()].map(one => {
    const { book } = one
    const state = 'problem' in book ? book.problem : book.digest
    const words = listWords(one, undefined)
    const shown = 'problem' in book ? words : `${words} (${state.slice(0, 12)})`
    return entry({ ...one, line: 0, book: state }, shown)
  })
}

function developerEntries({ developers }: Policy): readonly Entry[] {
  return developers.map(one => entry(one, developersWords(one)))
}

/** Which file it is does not matter, but what it means. */
function quorumEntries({ quorums }: Policy): readonly Entry[] {
  return [...quorums.values()].map(one => {
    const { digest } = one.policy
    return entry({ name: one.name, digest }, `${quorumWords(one)} (${digest.slice(0, 12)})`)
  })
}

function rulesOf({ rules, fallback }: Policy): readonly Rule[] {
  return [...rules, fallback]
}

function ruleEntry(rule: Rule): Entry {
  return entry({ ...rule, line: 0 }, withoutLine(ruleLines(rule).join('; '), rule.line))
}

function inputEntry(rule: InputRule): Entry {
  return entry({ ...rule, line: 0 }, withoutLine(inputWords(rule), rule.line))
}

/** Lines say nothing in a comparison of two files. */
function withoutLine(words: string, line: number): string {
  return words.replace(` (line ${line}): `, ': ').replace(/ {2,}/g, ' ')
}

function revocationEntries(policy: Policy): readonly Entry[] {
  return policy.revocations.map(one => entry({ ...one, line: 0 }, revocationWords(policy, one)))
}

function exemptionEntries({ exemptions }: Policy): readonly Entry[] {
  return exemptions.map(one => entry({ ...one, line: 0 }, exemptionWords(one, undefined)))
}

/** All other fields, whatever they are: none may differ unseen. */
function settings(before: Policy, after: Policy): readonly Difference[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)].filter(name => !NAMED.has(name)))
  return [...names].sort().flatMap(name => {
    const [was, is] = [before, after].map(policy => plain(policy[name as keyof Policy]))
    if (was === is) return []
    return [
      { part: 'settings', before: `${name}: ${word(was ?? '')}`, after: `${name}: ${word(is ?? '')}` },
    ] as const
  })
}

function entry(value: object, words: string): Entry {
  return [plain(value) ?? '', words]
}
