/** The five questions of `nixsig init`, at the terminal. Lines have at most 80 columns. */

import { FileError } from '../files/regular-file.ts'
import { when } from '../policy/words.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import type { Answers } from '../setup/init/answers.ts'
import type { Interview } from './ask.ts'
import {
  buildersOf,
  type Known,
  type PartialAnswers,
  packagersOf,
  sourcesOf,
  suggestedAnswers,
  unsignedOf,
} from './init-answers.ts'
import { UsageError } from './usage-error.ts'

/** Asks what is not answered yet, and asks again after an answer that cannot be used. */
export async function askRest(given: PartialAnswers, known: Known, interview: Interview): Promise<Answers> {
  const suggested = suggestedAnswers(known)
  const build = given.build ?? (await askBuilders(known, interview))
  const packagers = given.packagers ?? (await askPackagers(known, interview))
  const { sources, signers } =
    given.sources === undefined ? await askSources(interview) : { sources: given.sources, signers: [] }
  const all = [...packagers, ...signers]
  const unsigned = given.unsigned ?? (await askUnsigned(known, suggested, interview))
  const canSign = known.hasPackagers || all.length > 0
  const derivations = given.derivations ?? (await askDerivations(known, canSign, interview))
  return { build, packagers: all, sources, unsigned, derivations }
}

function askBuilders(known: Known, interview: Interview): Promise<Answers['build']> {
  const { keys, hasPolicy } = known
  interview.say('')
  interview.say('1 of 5: Whom do you trust to build? This machine counts for what it builds.')
  interview.say(keys.length === 0 ? '  nix.conf trusts nobody else.' : '  nix.conf trusts:')
  for (const [index, { key }] of keys.entries())
    interview.say(`  ${String(index + 1).padStart(3)}  ${printable(key.split(':')[0] ?? '', 60)}`)
  interview.say('  Numbers or keys (name:…), "all" of these, "self": this machine alone')
  if (hasPolicy) interview.say('  "keep": as the policy has it')
  const usual = hasPolicy ? 'keep' : keys.length > 0 ? 'all' : 'self'
  return until(interview, `builders [${usual}]: `, text => {
    const words = (text === '' ? usual : text).split(/[\s,]+/)
    return buildersOf(
      words.map(word => {
        if (word === 'all') return 'nix-conf'
        return /^\d{1,3}$/.test(word) ? (keys[Number(word) - 1]?.key ?? word) : word
      }),
      known,
    )
  })
}

async function askPackagers({ hasPackagers }: Known, interview: Interview): Promise<Answers['packagers']> {
  interview.say('')
  interview.say('2 of 5: Whom do you trust to package: to say that a source is the real one?')
  interview.say('  NAME=KEY in each line: a key that you got from them, or its file.')
  interview.say(
    hasPackagers ? '  Those of the policy stay. An empty line: no more' : '  An empty line: no more',
  )
  const found: Answers['packagers'][number][] = []
  for (;;) {
    const [one] = await until(interview, 'packager []: ', text => (text === '' ? [] : packagersOf([text])))
    if (one === undefined) return found
    found.push(one)
  }
}

async function askSources(
  interview: Interview,
): Promise<{ readonly sources: readonly string[]; readonly signers: Answers['packagers'] }> {
  interview.say('')
  interview.say('3 of 5: Is there an address at which they publish attestations?')
  interview.say('  URL, or URL NAME=KEY for one more packager who signs there, in each line.')
  interview.say('  An empty line: no more')
  const sources: string[] = []
  const signers: Answers['packagers'][number][] = []
  for (;;) {
    const found = await until(interview, 'source of attestations []: ', text => {
      const [, url = '', signer] = /^(\S*)(?:\s+(.+))?$/s.exec(text) ?? []
      return {
        urls: url === '' ? [] : sourcesOf([url]),
        people: signer === undefined ? [] : packagersOf([signer]),
      }
    })
    if (found.urls.length === 0) return { sources, signers }
    sources.push(...found.urls)
    signers.push(...found.people)
  }
}

function askUnsigned(known: Known, suggested: Answers, interview: Interview): Promise<Answers['unsigned']> {
  const end = typeof suggested.unsigned === 'string' ? undefined : when(suggested.unsigned.exemptUntil)
  const usual = suggested.unsigned === 'keep' ? 'keep' : 'exempt'
  interview.say('')
  interview.say('4 of 5: What about sources that nobody signs?')
  interview.say(`  exempt   they pass until ${end ?? 'a day in 90 days'}, or "exempt DATE"; then no more`)
  interview.say('  refuse   nothing is built from them')
  interview.say('  pass     they pass for ever: whoever serves a source chooses the program')
  if (known.hasPolicy) interview.say('  keep     as the policy has it')
  return until(interview, `unsigned sources [${usual}]: `, text => {
    const [word = '', date] = (text === '' ? usual : text).split(/\s+/)
    if (word === 'exempt' || word === 'refuse' || word === 'pass' || word === 'keep')
      return unsignedOf(word, word === 'exempt' ? date : undefined, known)
    throw new UsageError('answer exempt, refuse or pass')
  })
}

function askDerivations(
  { hasPolicy }: Known,
  canSign: boolean,
  interview: Interview,
): Promise<Answers['derivations']> {
  const usual = hasPolicy ? 'keep' : 'anybody'
  interview.say('')
  interview.say('5 of 5: Who may write derivations, and with them programs?')
  interview.say('  anybody    whoever may build on this machine')
  if (canSign) interview.say('  packagers  what a packager signed alone is built')
  if (hasPolicy) interview.say('  keep       as the policy has it')
  return until(interview, `derivations [${usual}]: `, text => {
    const word = text === '' ? usual : text
    if (word === 'anybody' || (word === 'packagers' && canSign) || (word === 'keep' && hasPolicy)) return word
    throw new UsageError(canSign ? 'answer anybody or packagers' : 'answer anybody: there is no packager')
  })
}

/** Asks again until an answer can be used. */
async function until<T>(interview: Interview, prompt: string, read: (text: string) => T): Promise<T> {
  for (;;) {
    const text = await interview.ask(prompt)
    try {
      return read(text)
    } catch (error) {
      const isForeseen =
        error instanceof UsageError || error instanceof FormatError || error instanceof FileError
      if (!isForeseen) throw error
      interview.say(`  ${error.message.replace(/^--[a-z-]+ /, '')}`)
    }
  }
}
