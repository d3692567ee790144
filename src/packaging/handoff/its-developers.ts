/** Who signs one source by the word of a policy's entries and lists, and whom they could name. */
import { addressesOf } from '../../formats/nix/fetched-urls.ts'
import { findingWords } from '../../policy/finding-words.ts'
import { absentLists } from '../../policy/lists/absent.ts'
import {
  type About,
  asksItsDevelopers,
  isAbout,
  namedDevelopers,
  policyFor,
} from '../../policy/lists/policy-for.ts'
import { listOfName, silenceOf } from '../../policy/lists/scope.ts'
import { type Demand, type Instant, ITS_DEVELOPERS, type Key, type Policy } from '../../policy/policy.ts'
import { list, whoWord, word } from '../../policy/words.ts'
import { keysInForce } from '../attest/checked-signature.ts'
import type { CheckedSource } from './checked-source.ts'
import type { Source } from './sources.ts'

const NAMES = 4
const DEMAND: Demand = { who: ITS_DEVELOPERS, role: 'developer' }

/** The words of a policy on sources at an instant. A policy without lists and entries has none. */
export interface DevelopersWord {
  /** The keys that count for this source: the user's own, and those of whom its rule asks for. */
  keysFor(source: Source): readonly Key[]
  /** What is worth saying of a source without a good signature; fit for a terminal. */
  notesOn(checked: CheckedSource): readonly string[]
}

export function developersWord(policy: Policy, now: Instant): DevelopersWord {
  const asking = askingForDevelopers(policy)
  return {
    keysFor: source => keysInForce(policyFor(policy, aboutOf(source)), now),
    notesOn: ({ source, state }) => {
      if (state !== 'unsigned' && state !== 'doubtful') return []
      const about = aboutOf(source)
      return asksItsDevelopers(policy, about)
        ? whomItAsks(policyFor(policy, about), about, now)
        : whomItCouldAsk(policyFor(asking, about), now)
    },
  }
}

function aboutOf({ path, kind, madeBy }: Source): About {
  const urls = madeBy === undefined ? [] : addressesOf(madeBy.derivation)
  return { name: path.name, kind, ...(urls.length > 0 && { urls }) }
}

/** The policy, if it asked for the developers of every source. */
function askingForDevelopers(policy: Policy): Policy {
  const source = { kind: 'all', demands: [DEMAND] } as const
  return {
    ...policy,
    rules: [],
    fallback: { ...policy.fallback, require: { ...policy.fallback.require, source } },
  }
}

function whomItAsks(policy: Policy, { name, urls = [] }: About, now: Instant): readonly string[] {
  const absent = absentLists(policy, DEMAND, { name, aspect: 'source', now }).map(findingWords)
  const named = namedDevelopers(policy)
  if (named.length > 0) return [`your policy asks for its developers, ${namesOf(named)}`, ...absent]
  if (absent.length > 0 || !isAbout(policy)) return absent
  const from = urls.length === 0 ? ', whose address is not known' : ''
  return [`your policy asks for its developers, and nothing names one of ${word(name)}${from}`]
}

/** An entry that names somebody for a source, where the policy does not ask for it. */
function whomItCouldAsk(policy: Policy, now: Instant): readonly string[] {
  const named = namedDevelopers(policy).filter(who => silenceOf(policy, who, 'developer', now) === undefined)
  if (named.length === 0) return []
  const lists = [...new Set(named.flatMap(who => listOfName(policy, who) ?? []))]
  const by =
    lists.length === 0
      ? 'your [developers] names'
      : `${list(
          lists.map(({ name, book }) => `list ${word(name)}${saysOf(book)}`),
          NAMES,
        )} names`
  return [
    `${by} ${namesOf(named)} for it; require.source = { developer = "${ITS_DEVELOPERS}" } would ask for it`,
  ]
}

function saysOf(book: object): string {
  return 'says' in book && book.says === 'extracted' ? ' (collected by a program)' : ''
}

function namesOf(names: readonly string[]): string {
  return list(names.map(whoWord), NAMES)
}
