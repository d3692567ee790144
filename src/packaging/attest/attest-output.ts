import type { Signer } from '../../crypto/signers/signer.ts'
import { parseStorePath } from '../../formats/nix/store-path.ts'
import { readAdmission } from '../../ledger/admissions.ts'
import type { PathInfo, Store } from '../../store/store-client.ts'
import type { Output } from '../../verifier/derivation-parts.ts'
import { referencesFound } from '../../verifier/look-into.ts'
import { outputOfValid } from '../../verifier/makers.ts'
import { inputsOf } from '../../verifier/stored-derivation.ts'
import { validContents } from '../contents.ts'
import { PackagingError } from '../packaging-error.ts'
import { type Attested, keepAttestation } from './keep.ts'
import { provenanceLine } from './lines.ts'

/** Inputs that a provenance lists. Past this it lists none: the derivation names them all. */
const INPUT_LIMIT = 1000

/** Who attests outputs, and with what. */
export interface AttestingOutputs {
  readonly signer: Signer
  readonly store: Store
  /** State directory, whose ledger tells what was built here. */
  readonly state: string
  /** Directory of attestations. */
  readonly out: string
}

/**
 * A builder's word about an output that this machine built. Throws PackagingError if it was not
 * built here, if its derivation is not in the store, or if its contents are not what the store
 * registered.
 */
export async function attestOutput(
  path: string,
  { signer, store, state, out }: AttestingOutputs,
): Promise<Attested> {
  const { contents, info } = await validContents(store, path)
  const output = await outputOf(store, info)
  assertBuiltHere(state, info)
  const build = {
    derivation: output.derivation.path.path,
    output: output.name,
    inputs: await inputsFound(store, output),
  }
  // Nix calls a path its own after it only compared it (--check), with the references that a cache said.
  const seen = { ...contents, ...(await referencesFound({ store: async () => store }, output, info)) }
  const line = await provenanceLine(signer, seen, build, info.registrationTime)
  return keepAttestation(out, path, { line, says: `as builder, of ${build.derivation}` })
}

async function outputOf(store: Store, { path, deriver }: PathInfo): Promise<Output> {
  const made = deriver && (await outputOfValid(store, deriver, path))
  if (made) return made
  throw new PackagingError(
    'no-derivation',
    `the derivation of ${path} is not in this store: instantiate it first`,
  )
}

/** A builder vouches for what it saw being built, and not for what it was given. */
function assertBuiltHere(state: string, info: PathInfo): void {
  if (info.ultimate) return
  const entry = readAdmission(state, parseStorePath(info.path).digest, info.path)
  if (entry?.builtHere === true && entry.narHash === info.narHash) return
  throw new PackagingError(
    'not-built-here',
    `${info.path} was not built by this store, so this machine cannot say how it was`,
  )
}

/** The direct inputs of an output's derivation, with the contents that they have in this store. */
export async function inputsFound(store: Store, { derivation }: Output) {
  const inputs = inputsOf(derivation)
  if (inputs.length > INPUT_LIMIT) return []
  const infos = await Promise.all(inputs.map(({ path }) => store.pathInfo(path.path)))
  return infos.flatMap(info => (info === undefined ? [] : [{ name: info.path, narHash: info.narHash }]))
}
