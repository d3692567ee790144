import { lstatSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { readNamedFile } from '../files/named-file.ts'
import { ownPlaces } from '../files/own-places.ts'
import { readProtectedFile } from '../files/owned-file.ts'
import { decodeUtf8 } from '../formats/json/strict.ts'
import { type PolicySource, parsePolicy } from '../policy/language/parse.ts'
import type { Policy } from '../policy/policy.ts'
import { BY_ROOT } from '../primitives/next-step.ts'
import { printable } from '../primitives/printable.ts'
import { bookReader, knowingMachine } from '../verifier/books.ts'
import { DEFAULT_PLACES } from '../verifier/places.ts'
import { UsageError } from './usage-error.ts'

const POLICY_LIMIT = 1024 * 1024
const CERTIFICATE_LIMIT = 4 * 1024 * 1024

/**
 * Reads a policy and writes nothing. `protectedOnly`: from files alone that nobody else can change,
 * as the hooks read it; a draft may lie anywhere. The books of its lists are those of this machine,
 * or in another directory of state. `file` is absolute. Throws PolicyError, FormatError and
 * FileError.
 */
export function readPolicy(
  file: string,
  protectedOnly: boolean,
  state: string = DEFAULT_PLACES.state,
): Policy {
  return knowingMachine({ state }, parsePolicy(policySource(file, protectedOnly, state)))
}

/** The same, not yet parsed. Throws FormatError and FileError. */
export function policySource(
  file: string,
  protectedOnly: boolean,
  state: string = DEFAULT_PLACES.state,
): PolicySource {
  assertPolicyThere(file)
  const read = (path: string, limit: number) =>
    protectedOnly ? readProtectedFile(path, limit) : readNamedFile(path, limit).bytes
  return {
    toml: decodeUtf8(read(file, POLICY_LIMIT), 'policy'),
    file,
    directory: dirname(file),
    certificate: path => read(path, CERTIFICATE_LIMIT),
    book: bookReader(state),
  }
}

/** Throws UsageError, with what to do, if nothing or a directory has the name of a policy. */
export function assertPolicyThere(file: string): void {
  const status = statSync(file, { throwIfNoEntry: false })
  if (status?.isDirectory()) throw new UsageError(`${printable(file)} is a directory, not a policy`)
  if (status === undefined) {
    throw new UsageError(
      `there is no policy ${printable(file)}; next: ${nextStep()}, or name one with --policy`,
    )
  }
}

/** Whether something else makes a policy, as NixOS does: its file is a symbolic link then. */
export function isMadeElsewhere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true
}

/** Root sets the machine up; everybody else may have a policy of their own. */
function nextStep(): string {
  return process.geteuid?.() === 0
    ? 'nixsig setup writes one, nixsig init one by your answers'
    : `nixsig setup writes one (${BY_ROOT}), nixsig init one of your own (${printable(ownPlaces().policy)})`
}
