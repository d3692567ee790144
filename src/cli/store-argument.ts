import { lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { isStorePath, STORE_DIR } from '../formats/nix/store-path.ts'
import { printable } from '../primitives/printable.ts'
import { UsageError } from './usage-error.ts'

const GIVE_PATH = `give a path that "ls ${STORE_DIR}" shows, or a link to one such as ./result`

/** Links that lead to links; the kernel's own limit. */
const LINK_LIMIT = 40

/**
 * The store path that an argument means: itself, whatever it lies in, or what a symbolic link like
 * `./result` leads into. A store path that is a link stays itself. The name of a store path alone
 * means that path, where no file here has it. Throws UsageError if it leads nowhere into the store.
 */
export function storePathOf(argument: string): string {
  const path = findStorePath(argument)
  if (path === undefined)
    throw new UsageError(`${printable(argument)} is not in ${STORE_DIR}; next: ${GIVE_PATH}`)
  return path
}

/**
 * Finds the store path that an argument means; undefined for what lies elsewhere. Throws UsageError
 * if there is no such file.
 */
export function findStorePath(argument: string): string | undefined {
  let path = resolve(argument)
  // The name of a store path alone, as messages and `ls` show it.
  const inStore = `${STORE_DIR}/${argument}`
  if (isStorePath(inStore) && lstatSync(path, { throwIfNoEntry: false }) === undefined) return inStore
  for (let links = 0; links < LINK_LIMIT; links++) {
    // Before anything is looked at: there may be no store on this machine yet.
    if (path === STORE_DIR) return undefined
    if (path.startsWith(`${STORE_DIR}/`)) return outermost(path, argument)
    try {
      // All directories with their links followed, the last component as it is.
      path = join(realpathSync(dirname(path)), basename(path))
      if (path.startsWith(`${STORE_DIR}/`)) return outermost(path, argument)
      if (!lstatSync(path).isSymbolicLink()) return undefined
      path = resolve(dirname(path), readlinkSync(path))
    } catch (error) {
      const { message } = error as Error
      const step = argument.includes('#') ? `build it, and ${GIVE_PATH}` : GIVE_PATH
      throw new UsageError(
        `cannot follow ${printable(argument)} to a store path: ${printable(message)}; next: ${step}`,
      )
    }
  }
  throw new UsageError(`${printable(argument)} leads through too many links; next: ${GIVE_PATH}`)
}

function outermost(path: string, argument: string): string {
  const [name = ''] = path.slice(STORE_DIR.length + 1).split('/')
  const found = `${STORE_DIR}/${name}`
  if (isStorePath(found)) return found
  throw new UsageError(
    `${printable(argument)} lies in ${STORE_DIR}, but in no store path; next: ${GIVE_PATH}`,
  )
}
