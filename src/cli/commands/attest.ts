import type { AddCommand } from '../command.ts'
import { attestDerivation } from './attest-derivation.ts'
import { attestOutput } from './attest-output.ts'
import { attestSource } from './attest-source.ts'

/** `nixsig attest source|derivation|output`: what a person or a machine says about a store path, signed. */
export const attest: AddCommand = yargs =>
  yargs.command('attest', 'Sign what you say about a source, a derivation or an output', command =>
    [attestSource, attestDerivation, attestOutput]
      .reduce((yargs, add) => add(yargs), command)
      .demandCommand(1, 'attest source, attest derivation or attest output?'),
  )
