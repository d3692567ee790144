/** Remarks on a policy as text. All names are escaped. */
import type { Passage, Remark } from './remarks.ts'
import { list, when, word } from './words.ts'

const SAY_WHO = 'name somebody in require.derivation, or another builder in require.output'

/** One line: which rules, what that means, and what would help. */
export function remarkWords(remark: Remark): string {
  switch (remark.code) {
    case 'output-by-anybody':
      return `${passageWords(remark.output)} asks for nobody behind an output, so whoever runs a binary cache or copies a path in writes the program; name builders in require.output`
    case 'output-by-self-alone': {
      const { output, derivations } = remark
      const same = derivations.length === 1 && derivations[0].line === output.line
      const whose = same ? 'nobody' : `${list(derivations.map(passageWords), derivations.length)} for nobody`
      return `${passageWords(output)} asks for nobody but this machine behind an output, and ${whose} behind its derivation, so whoever writes a derivation writes the program${byName(derivations)}; ${SAY_WHO}`
    }
    case 'not-compared':
      return 'so many rules let outputs and derivations pass without a signature that not all were held against each other'
  }
}

function byName(derivations: readonly Passage[]): string {
  const isNamed = derivations.every(({ name }) => name !== '*')
  return isNamed ? ', and its name is theirs to choose' : ''
}

function passageWords({ title, line, name, until }: Passage): string {
  const about = name === '*' ? '' : `, for what is named ${word(name)}`
  return until === undefined
    ? `rule "${word(title ?? '')}" (line ${line}${about})`
    : `the exemption at line ${line} (until ${when(until)}${about})`
}
