import type { Argv } from 'yargs'
import { attestationFile } from '../../evidence/attestation-file.ts'
import { readAttestationLines } from '../../evidence/attestation-files.ts'
import { parseEnvelope } from '../../formats/in-toto/dsse.ts'
import { sigstoreBundle } from '../../formats/sigstore/bundle.ts'
import { printable } from '../../primitives/printable.ts'
import { type AddCommand, type GlobalOptions, type Invocation, runs } from '../command.ts'
import type { Status } from '../status.ts'
import { storePathOf } from '../store-argument.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly paths: readonly string[]
  readonly from: readonly string[]
}

/** `nixsig export in-toto PATH…` */
export const exportInToto: AddCommand = yargs =>
  yargs.command(
    'in-toto <paths..>',
    'The envelopes about store paths, as an in-toto bundle: one a line',
    command =>
      withPaths(command).example('$0 export in-toto ./result --from published >hello.intoto.jsonl', ''),
    runs(async (options: Options, invocation) => printAll(options, invocation, line => line)),
  )

/** `nixsig export sigstore PATH…` */
export const exportSigstore: AddCommand = yargs =>
  yargs.command(
    'sigstore <paths..>',
    'The same, each as a Sigstore bundle, which cosign verifies with the key',
    command =>
      withPaths(command).example('$0 export sigstore ./result --from published >hello.sigstore.json', ''),
    runs(async (options: Options, invocation) => printAll(options, invocation, asBundle)),
  )

function withPaths(yargs: Argv<GlobalOptions>): Argv<GlobalOptions & Options> {
  return yargs
    .positional('paths', { type: 'string', array: true, demandOption: true, describe: 'Store paths' })
    .option('from', {
      type: 'string',
      array: true,
      default: ['attestations'],
      requiresArg: true,
      describe: 'Directory of attestations; may be repeated',
    })
}

function printAll(options: Options, { terminal }: Invocation, print: (line: string) => string): Status {
  for (const path of options.paths.map(storePathOf)) {
    const files = options.from.map(directory => attestationFile(directory, path))
    const lines = new Set(files.flatMap(file => readAttestationLines(file) ?? []))
    if (lines.size === 0)
      throw new UsageError(`nothing is attested of ${path} in ${printable(files.join(', '))}`)
    for (const line of lines) terminal.print(print(line))
  }
  return 0
}

/** cosign looks at the hint for people only. */
function asBundle(line: string): string {
  return sigstoreBundle(line, parseEnvelope(line).signatures[0]?.keyid ?? '')
}
