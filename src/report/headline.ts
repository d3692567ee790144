/** An audit in a few sentences, escaped. Pure. */
import type { Audit } from '../audit/audit.ts'
import { endingName, labelsOfEnding } from '../audit/ending-name.ts'
import { counted } from '../primitives/counted.ts'
import { printable } from '../primitives/printable.ts'

/** What is said first: a sentence each, none with markup. */
export interface Headline {
  readonly verdict: string
  readonly detail: string
  /** A short name and what it says. */
  readonly facts: readonly { readonly name: string; readonly says: string; readonly detail: string }[]
}

/** Numbers with a comma at each thousand. */
export const grouped = (count: number): string => String(count).replace(/\B(?=(?:\d{3})+$)/g, ',')

/** The day of an instant, `2026-12-31`, in UTC. */
export function dayOf(instant: number): string {
  const date = new Date(instant * 1000)
  return Number.isNaN(date.getTime()) ? 'an unknown day' : date.toISOString().slice(0, 10)
}

const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
)

/** The same day in words that no line divides: `31 December 2026`. */
function dayInWords(instant: number): string {
  const date = new Date(instant * 1000)
  if (Number.isNaN(date.getTime())) return 'an unknown day'
  return `${date.getUTCDate()}\u00a0${MONTHS[date.getUTCMonth()]}\u00a0${date.getUTCFullYear()}`
}

const paths = (count: number) => `${grouped(count)} ${count === 1 ? 'path' : 'paths'}`

export function headlineOf(audit: Audit): Headline {
  const asked = audit.paths.filter(({ part }) => part === 'closure')
  const count = (outcome: string) => asked.filter(path => path.outcome === outcome).length
  const [trusted, refused, undecided] = [count('trusted'), count('untrusted'), count('indeterminate')]
  return {
    verdict: verdictWords(trusted, asked.length),
    detail: [
      refusedWords(refused, undecided, asked.length),
      ...(audit.unjudged === 0 ? [] : [`${paths(audit.unjudged)} could not be judged in time.`]),
      ...(audit.respite === undefined
        ? []
        : [`A respite until ${dayInWords(audit.respite.until)} lets in what would be refused.`]),
    ].join(' '),
    facts: [weakestFact(audit), endingFact(audit), exemptionFact(audit), diskFact(audit)],
  }
}

function verdictWords(trusted: number, all: number): string {
  if (all === 0) return 'Nothing was audited.'
  if (trusted < all) return `${grouped(trusted)} of ${paths(all)} ${trusted === 1 ? 'is' : 'are'} trusted.`
  return `${all === 1 ? 'The one path is' : `All ${paths(all)} are`} trusted.`
}

function refusedWords(refused: number, undecided: number, all: number): string {
  if (all === 0) return 'What was asked for has no path.'
  if (refused === 0)
    return undecided === 0 ? 'Nothing would be refused.' : `${grouped(undecided)} could not be decided.`
  const first = `${grouped(refused)} ${refused === 1 ? 'is' : 'are'} refused`
  return undecided === 0 ? `${first}.` : `${first}, and ${grouped(undecided)} could not be decided.`
}

type Fact = Headline['facts'][number]

function weakestFact({ weakest, keys, principals }: Audit): Fact {
  const name = 'Most rests on'
  const key = weakest === undefined ? undefined : keys[weakest.key]
  if (weakest === undefined || key === undefined)
    return { name, says: 'no single key', detail: 'No path falls for want of one key alone.' }
  const who = key.principal === undefined ? undefined : principals[key.principal]?.name
  return {
    name,
    says: printable(who ?? key.label, 80),
    detail: `Without the key ${printable(key.label, 80)}, ${paths(weakest.falls)} would fall.`,
  }
}

function endingFact(audit: Audit): Fact {
  const { ends, time } = audit
  const [first] = ends
  const name = 'Ends next'
  if (first === undefined) return { name, says: 'nothing soon', detail: 'Nothing ends within 30 days.' }
  const days = Math.max(0, Math.floor((first.at - time) / 86_400))
  const what = endingName(first, labelsOfEnding(audit)(first))
  return {
    name,
    says: days === 0 ? 'today' : `in ${counted(days, 'day')}`,
    detail: `The ${what} ends on ${dayInWords(first.at)}; ${paths(first.falls.length)} would fall.`,
  }
}

function exemptionFact({ exemptions, paths: all }: Audit): Fact {
  const name = 'By exemption'
  const resting = [...new Set(exemptions.flatMap(exemption => exemption.paths))]
  if (resting.length === 0) return { name, says: 'nothing', detail: 'No path rests on an exemption alone.' }
  const asked = resting.filter(at => all[at]?.part === 'closure').length
  const behind = resting.length - asked
  const used = exemptions.filter(exemption => exemption.paths.length > 0).length
  return {
    name,
    says: paths(asked),
    detail: `Trusted by ${counted(used, 'exemption')} alone${behind === 0 ? '' : `, as are ${grouped(behind)} that it was made of`}.`,
  }
}

function diskFact({ disk, asked }: Audit): Fact {
  const name = 'On the disk'
  const found = disk.unregistered.length + disk.differing.length + disk.missing.length
  if (found > 0) {
    const more = disk.isCut ? 'at least ' : ''
    return {
      name,
      says: `${more}${grouped(found)} ${found === 1 ? 'finding' : 'findings'}`,
      detail: `${grouped(disk.differing.length)} altered, ${grouped(disk.missing.length)} missing, ${grouped(disk.unregistered.length)} not registered.`,
    }
  }
  return {
    name,
    says: 'nothing odd',
    detail: asked.contents ? 'Contents are what was registered.' : 'Contents were not read (--contents).',
  }
}
