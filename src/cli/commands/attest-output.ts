import type { Signer } from '../../crypto/signers/signer.ts'
import { statedReferences } from '../../formats/in-toto/statement.ts'
import { parseStorePath } from '../../formats/nix/store-path.ts'
import { readAdmission } from '../../ledger/admissions.ts'
import { openStore, type PathInfo, type Store } from '../../store/store-client.ts'
import { outputOfValid } from '../../verifier/makers.ts'
import type { Places } from '../../verifier/places.ts'
import { inputsOf, type Output } from '../../verifier/stored-derivation.ts'
import { validContents } from '../attest/contents.ts'
import { provenanceLine } from '../attest/lines.ts'
import { type AttestOptions, publish, withAttestOptions } from '../attest/options.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { withSigner } from '../signer-argument.ts'
import type { Status } from '../status.ts'
import { storePathOf } from '../store-argument.ts'
import { UsageError } from '../usage-error.ts'

/** Inputs that a provenance lists; it leaves them out where there are more, for the derivation names them all. */
const INPUT_LIMIT = 1000

/** `nixsig attest output PATH…`: a builder's word about what this machine built. */
export const attestOutput: AddCommand = yargs =>
  yargs.command(
    'output <paths..>',
    'Say as a builder what came out of a derivation on this machine',
    command =>
      withAttestOptions(command, 'Store paths that this machine built, or links to them').example(
        '$0 attest output ./result --key builder-1.secret',
        '',
      ),
    runs((options, invocation) => withSigner(options, signer => attestPaths(signer, options, invocation))),
  )

async function attestPaths(
  signer: Signer,
  options: AttestOptions,
  { places, terminal }: Invocation,
): Promise<Status> {
  const paths = options.paths.map(storePathOf)
  const store = await openStore()
  try {
    for (const path of paths) {
      terminal.progress(`reading ${path}`)
      const { contents, info } = await validContents(store, path)
      const output = await outputOf(store, info)
      assertBuiltHere(places, info)
      const build = {
        derivation: output.derivation.path.path,
        output: output.name,
        inputs: await inputsFound(store, output),
      }
      const seen = { ...contents, ...referencesSeen(info) }
      const line = await provenanceLine(signer, seen, build, info.registrationTime)
      publish(terminal, options.out, path, { line, says: `as builder, of ${build.derivation}` })
    }
    return 0
  } finally {
    store.close()
  }
}

async function outputOf(store: Store, { path, deriver }: PathInfo): Promise<Output> {
  const made = deriver && (await outputOfValid(store, deriver, path))
  if (made) return made
  throw new UsageError(`the derivation of ${path} is not in this store: instantiate it first`)
}

/** A builder vouches for what it saw being built, and for nothing that it was given. */
function assertBuiltHere({ state }: Places, info: PathInfo): void {
  if (info.ultimate) return
  const entry = readAdmission(state, parseStorePath(info.path).digest, info.path)
  if (entry?.builtHere === true && entry.narHash === info.narHash) return
  throw new UsageError(`${info.path} was not built by this store, so this machine cannot say how it was`)
}

/** What Nix found in the bytes when this store built them; of what came back from elsewhere others said it. */
function referencesSeen({ ultimate, references }: PathInfo) {
  return ultimate ? statedReferences(references) : {}
}

async function inputsFound(store: Store, { derivation }: Output) {
  const inputs = inputsOf(derivation)
  if (inputs.length > INPUT_LIMIT) return []
  const infos = await Promise.all(inputs.map(({ path }) => store.pathInfo(path.path)))
  return infos.flatMap(info => (info === undefined ? [] : [{ name: info.path, narHash: info.narHash }]))
}
