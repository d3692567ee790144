import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { printable } from '../../primitives/printable.ts'

const FILE_LIMIT = 4096

/**
 * The value of an Authorization header, read from a file: one line of visible ASCII and spaces.
 * Throws FileError, which never quotes the value; also if users other than its owner, root or the
 * running user can read it.
 */
export function readAuthorization(file: string): string {
  const bytes = readRegularFile(file, FILE_LIMIT, ({ uid, mode }) => {
    if (uid !== 0 && uid !== process.geteuid?.()) throw problem(file, `belongs to user ${uid}`)
    if ((mode & 0o077) !== 0)
      throw problem(file, `can be read or written by others (chmod 600 ${printable(file)})`)
  })
  if (bytes === undefined) throw problem(file, 'is not there')
  const value = bytes.toString('latin1').replace(/\n$/, '')
  if (/^[!-~]+(?: [!-~]+)*$/.test(value)) return value
  throw problem(file, 'does not hold one line of visible ASCII')
}

function problem(file: string, what: string): FileError {
  return new FileError(`the authorization ${printable(file)} ${what}`)
}
