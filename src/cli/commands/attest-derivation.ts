import { LEVEL } from '../../formats/in-toto/predicates/verification-summary.ts'
import { isDerivationPath, parseStorePath } from '../../formats/nix/store-path.ts'
import { printable } from '../../primitives/printable.ts'
import { readDerivation } from '../../verifier/stored-derivation.ts'
import { summaryLine } from '../attest/lines.ts'
import { type AttestOptions, publish, withAttestOptions } from '../attest/options.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { withSigner } from '../signer-argument.ts'
import type { Status } from '../status.ts'
import { storePathOf } from '../store-argument.ts'
import { UsageError } from '../usage-error.ts'

interface Options extends AttestOptions {
  readonly graph: boolean
  readonly as: string
}

/** `nixsig attest derivation PATH…`: a packager's or a reviewer's word about derivations. */
export const attestDerivation: AddCommand = yargs =>
  yargs.command(
    'derivation <paths..>',
    'Stand for derivations, alone or with all that they are built from',
    command =>
      withAttestOptions(command, 'Store paths of .drv files (nix-instantiate prints them)')
        .option('graph', { type: 'boolean', default: false, describe: 'And for their whole build graphs' })
        .option('as', { choices: ['packager', 'reviewer'], default: 'packager', describe: 'Your role' })
        .example('$0 attest derivation $(nix-instantiate) --graph --key alice-1.secret', ''),
    runs(attestPaths),
  )

async function attestPaths(options: Options, { terminal }: Invocation): Promise<Status> {
  const { graph, as, out } = options
  if (graph && as === 'reviewer')
    throw new UsageError('a reviewer reads one derivation: --graph is for packagers')
  const level = as === 'reviewer' ? LEVEL.reviewed : graph ? LEVEL.packagedGraph : LEVEL.packaged
  const now = Math.floor(Date.now() / 1000)
  const derivations = options.paths.map(storePathOf).map(readOne)
  await withSigner(options, async signer => {
    for (const { path, narHash } of derivations) {
      const contents = { path: path.path, narHash, file: path.path }
      const line = await summaryLine(signer, contents, { level, inputs: [] }, now)
      publish(terminal, out, path.path, { line, says: `as ${as}, ${level}` })
    }
  })
  return 0
}

function readOne(path: string) {
  if (isDerivationPath(parseStorePath(path))) return readDerivation(path)
  throw new UsageError(
    `${printable(path)} is no derivation (nix-store --query --deriver tells which one made it)`,
  )
}
