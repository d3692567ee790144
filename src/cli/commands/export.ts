import type { AddCommand } from '../command.ts'
import { exportInToto, exportSigstore } from './export-attestations.ts'
import { exportKey } from './export-key.ts'
import { exportNarinfo } from './export-narinfo.ts'

/** `nixsig export in-toto|sigstore|narinfo|pem`: what other tools read. */
export const exportCommand: AddCommand = yargs =>
  yargs.command('export', 'Print what is attested, or a key, as other tools read it', command =>
    [exportInToto, exportSigstore, exportNarinfo, exportKey]
      .reduce((yargs, add) => add(yargs), command)
      .demandCommand(1, 'as what? "nixsig export --help" lists the forms'),
  )
