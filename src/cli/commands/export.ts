import type { AddCommand } from '../command.ts'
import { exportInToto, exportSigstore } from './export-attestations.ts'
import { exportKey } from './export-key.ts'
import { exportNarinfo } from './export-narinfo.ts'
import { exportSigners } from './export-signers.ts'

/** `nixsig export in-toto|sigstore|narinfo|pem|allowed-signers`: what other tools read. */
export const exportCommand: AddCommand = yargs =>
  yargs.command('export', 'Print what is attested, or a key, as other tools read it', command =>
    [exportInToto, exportSigstore, exportNarinfo, exportKey, exportSigners]
      .reduce((yargs, add) => add(yargs), command)
      .demandCommand(1, 'as what? "nixsig export --help" lists the forms'),
  )
