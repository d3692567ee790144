/** Remarks on a policy as text. All names are escaped. */
import type { Passage, Remark } from './unsigned-passages.ts'
import { list, when, word } from './words.ts'

const SAY_WHO = 'name somebody in require.derivation, or another builder in require.output'

/** One line: which rules, what that means, and what would help. */
export function remarkWords(remark: Remark): string {
  switch (remark.code) {
    case 'output-by-anybody':
      return `${passageWords(remark.output)} requires no signature on outputs, so whoever runs a binary cache or copies a path in chooses the program; name builders in require.output`
    case 'output-by-self-alone': {
      const { output, derivations } = remark
      const same = derivations.length === 1 && derivations[0].line === output.line
      const require = derivations.length === 1 ? 'requires' : 'require'
      const others = same ? '' : `${list(derivations.map(passageWords), derivations.length)} `
      return `${passageWords(output)} accepts outputs that only this machine built, and ${others}${require} no signature on their derivations, so whoever writes a derivation chooses the program${byName(derivations)}; ${SAY_WHO}`
    }
    case 'not-compared':
      return 'so many rules let outputs and derivations pass without a signature that not all of them were compared'
  }
}

function byName(derivations: readonly Passage[]): string {
  const isNamed = derivations.every(({ name }) => name !== '*')
  return isNamed ? ' and its name' : ''
}

function passageWords({ title, line, name, until }: Passage): string {
  const about = name === '*' ? '' : `, for names like ${word(name)}`
  return until === undefined
    ? `rule "${word(title ?? '')}" (line ${line}${about})`
    : `the exemption at line ${line} (until ${when(until)}${about})`
}
