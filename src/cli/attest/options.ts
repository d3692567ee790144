import type { Argv } from 'yargs'
import { attestationFile } from '../../evidence/attestation-file.ts'
import { appendAttestation } from '../../evidence/attestation-files.ts'
import { printable } from '../../primitives/printable.ts'
import type { GlobalOptions } from '../command.ts'
import { SIGNER_OPTIONS, type SignerOptions } from '../signer-argument.ts'
import type { Terminal } from '../terminal.ts'

/** What all three commands have: what is attested, by whom, and where it goes. */
export interface AttestOptions extends SignerOptions {
  readonly paths: readonly string[]
  readonly out: string
}

export function withAttestOptions(
  yargs: Argv<GlobalOptions>,
  what: string,
): Argv<GlobalOptions & AttestOptions> {
  return yargs
    .positional('paths', { type: 'string', array: true, demandOption: true, describe: what })
    .options(SIGNER_OPTIONS)
    .option('out', {
      type: 'string',
      default: 'attestations',
      requiresArg: true,
      describe: 'Directory of attestations to add to',
    })
}

/** Adds a line to the directory and says what it says. */
export function publish(
  terminal: Terminal,
  out: string,
  path: string,
  word: { line: string; says: string },
): void {
  const isNew = appendAttestation(out, path, word.line)
  const done = isNew ? terminal.good('attested') : 'attested before'
  terminal.print(`${done} ${path} (${word.says}) in ${printable(attestationFile(out, path))}`)
}
