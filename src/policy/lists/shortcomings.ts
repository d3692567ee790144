/**
 * What a valid policy says of lists in vain, for those who mend it. Calls books, and nothing else.
 */
import type { Demand, Instant, Policy, Requirement } from '../policy.ts'
import { when, word } from '../words.ts'
import type { ListInForce } from './book.ts'
import { endOfList, listOfName } from './scope.ts'

/** The codes are stable. `message` is escaped. */
export interface ListShortcoming {
  /** In the policy, from 1; null if it is about no line that is known. */
  readonly line: number | null
  readonly code: 'list-missing' | 'list-ended' | 'list-lacks-name'
  readonly message: string
}

/** A name of a list, and where the policy uses it. */
interface Use {
  readonly name: string
  readonly line: number | null
  readonly where: string
  /** A revocation stays right where nobody has the name any more. */
  readonly revokes?: true
}

/**
 * Lists without a book, lists that ended, and names that a list's book lacks: each once. Never
 * throws because of a book.
 */
export function listShortcomings(policy: Policy, now: Instant): readonly ListShortcoming[] {
  const unfit = [...policy.lists.values()].flatMap(list => unfitness(list, now) ?? [])
  const told = new Set<string>()
  const lacking = usesIn(policy).flatMap(use => {
    if (told.has(use.name)) return []
    const list = listOfName(policy, use.name)
    const message = list && lackWords(list, use)
    if (message === undefined) return []
    told.add(use.name)
    return { line: use.line, code: 'list-lacks-name' as const, message }
  })
  return [...unfit, ...lacking]
}

function unfitness(list: ListInForce, now: Instant): ListShortcoming | undefined {
  const { name, line, book, grace } = list
  const next = `take in a newer state of it: nixsig trust update ${word(name)}`
  if ('problem' in book) {
    const message = `[lists.${word(name)}] has no state here (${word(book.problem)}), so what needs it is undecided; take it in: nixsig trust update ${word(name)}`
    return { line, code: 'list-missing', message }
  }
  const end = endOfList(list)
  if (end === undefined || end > now) return undefined
  const graced = grace > 0 ? ` and its grace ${when(end)}` : ''
  const message = `the list ${word(name)} ended ${when(book.ends)}${graced}, so what needs it is undecided; ${next}`
  return { line, code: 'list-ended', message }
}

function lackWords({ name: list, book }: ListInForce, { name, where, revokes }: Use): string | undefined {
  if ('problem' in book) return undefined
  try {
    if (book.principal(name) !== undefined || book.group(name) !== undefined) return undefined
  } catch (error) {
    return `${word(name)} (${where}) cannot be looked up: ${word((error as Error).message)}`
  }
  const nobody = `the list ${word(list)} (version ${book.version}) has nobody called ${word(name)} (${where})`
  if (revokes)
    return `${nobody}, so it revokes nobody now; make sure that the name is written as the list writes it`
  return `${nobody}, so nobody is meant by it; take it out, or write the name as the list does: nixsig trust show ${word(list)}`
}

/** All uses of names of lists, in rules first. */
function usesIn({ rules, fallback, inputs, groups, developers, revocations }: Policy): readonly Use[] {
  return [
    ...[...rules, fallback].flatMap(({ title, line, require }) =>
      Object.values(require).flatMap(requirement =>
        demandsOf(requirement).map(({ who }) => ({ name: who, line, where: `rule "${word(title)}"` })),
      ),
    ),
    ...inputs.flatMap(({ title, line, require }) =>
      demandsOf(require).map(({ who }) => ({ name: who, line, where: `"${word(title)}" of [[inputs]]` })),
    ),
    ...[...groups.values()].flatMap(({ name, members }) =>
      members.map(member => ({ name: member, line: null, where: `group ${word(name)}` })),
    ),
    ...developers.flatMap(({ name, by }) =>
      by.map(who => ({ name: who, line: null, where: `[developers.${word(name)}]` })),
    ),
    ...revocations.flatMap(({ line, target }) =>
      'principal' in target ? [{ name: target.principal, line, where: 'a revocation', revokes: true }] : [],
    ),
  ]
}

function demandsOf(requirement: Requirement | undefined): readonly Demand[] {
  return requirement?.kind === 'all' ? requirement.demands : []
}
