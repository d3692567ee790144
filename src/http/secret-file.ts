import { FileError, readRegularFile } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'

const HEADER_LIMIT = 4096

/**
 * The contents of a file with a secret, at most `limit` bytes. `what` names it in errors. Throws
 * FileError, which never quotes the contents; also if users other than its owner, root or the
 * running user can read it.
 */
export function readSecret(file: string, what: string, limit: number): Buffer {
  const problem = (words: string) => new FileError(`the ${what} ${printable(file)} ${words}`)
  const bytes = readRegularFile(file, limit, ({ uid, mode }) => {
    if (uid !== 0 && uid !== process.geteuid?.()) throw problem(`belongs to user ${uid}`)
    if ((mode & 0o077) !== 0) throw problem(`can be read or written by others (chmod 600 ${printable(file)})`)
  })
  if (bytes === undefined) throw problem('is not there')
  return bytes
}

/**
 * The value of a header, read from a file with a secret: one line of visible ASCII and spaces.
 * Throws FileError as readSecret does.
 */
export function readSecretHeader(file: string, what: string): string {
  const value = readSecret(file, what, HEADER_LIMIT).toString('latin1').replace(/\n$/, '')
  if (/^[!-~]+(?: [!-~]+)*$/.test(value)) return value
  throw new FileError(`the ${what} ${printable(file)} does not hold one line of visible ASCII`)
}
