/** Nix may build into another store than this machine's own; hooks are not told which. */
import { lstatSync } from 'node:fs'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { printable } from '../primitives/printable.ts'
import { StoreError } from '../store/store-error.ts'

/** What is judged, and the way to fill another store with what was judged. */
const ELSEWHERE =
  'if Nix builds into another store (--store, nixos-install), that store is not judged: build it here, and copy it there (nix copy --to STORE)'

/**
 * Throws StoreError, with what to do, if a derivation that Nix builds is not in this machine's
 * store.
 */
export function assertHere(drvPath: string): void {
  const { path } = parseStorePath(drvPath)
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return
  throw new StoreError(`${printable(path)} is not in the store of this machine; ${ELSEWHERE}`)
}

/** What to say of a build whose outputs are absent although none of them was taken out. */
export const MADE_ELSEWHERE = `what it made is not in the store of this machine; ${ELSEWHERE}`
