import { resolve } from 'node:path'
import { assertAttestationDirectory } from '../../evidence/attestation-files.ts'
import { FileError } from '../../files/regular-file.ts'
import { describePolicy } from '../../policy/describe.ts'
import { remarkWords } from '../../policy/passage-words.ts'
import type { Policy } from '../../policy/policy.ts'
import { remarksOn } from '../../policy/unsigned-passages.ts'
import { counted } from '../../primitives/counted.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { readPolicy } from '../policy-argument.ts'

/** `nixsig policy check [FILE]` */
export const checkPolicy = command({
  arguments: {
    file: {
      count: 'at most one',
      text: 'A draft; without it, the policy in force, and whether others can change it',
    },
  },
  examples: [['policy check draft.toml', 'before it is put into force']],
  reads: ['policy'],
  ownPolicy: 'first',
  run: check,
})

/** `nixsig policy describe` */
export const describe = command({
  examples: [['policy describe', '']],
  reads: ['policy'],
  ownPolicy: 'first',
  run: async (_: object, { places, terminal }) => {
    terminal.print(describePolicy(readPolicy(places.policy, true)))
    return 0
  },
})

async function check(args: { file: string | undefined }, invocation: Invocation<'policy'>): Promise<Status> {
  const { terminal, places } = invocation
  const file = args.file === undefined ? places.policy : resolve(args.file)
  const checked = readPolicy(file, args.file === undefined)
  const warnings = [...directoryProblems(checked), ...remarks(checked)]
  for (const warning of warnings) terminal.note(`nixsig: warning: ${warning}`)
  terminal.print(`${terminal.good('good')} ${printable(file)}: ${summary(checked)}`)
  return 0
}

function directoryProblems({ attestations }: Policy): readonly string[] {
  return attestations.flatMap(directory => {
    try {
      assertAttestationDirectory(directory)
      return []
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      return [error.message]
    }
  })
}

/** Remarks that are printed one by one. */
const REMARKS = 20

function remarks(policy: Policy): readonly string[] {
  const all = remarksOn(policy, Math.floor(Date.now() / 1000)).map(remarkWords)
  const more = all.length - REMARKS
  return more > 0 ? [...all.slice(0, REMARKS), `${more} more rules like these`] : all
}

function summary({ mode, principals, groups, rules, digest }: Policy): string {
  const counts = [
    counted(principals.size, 'principal'),
    counted(groups.size, 'group'),
    counted(rules.length, 'rule'),
  ]
  return `mode ${mode}, ${counts.join(', ')}, digest ${digest.slice(0, 16)}`
}
