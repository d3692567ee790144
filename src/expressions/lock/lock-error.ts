import { FileError } from '../../files/regular-file.ts'

/** A lock cannot be changed as was asked. */
export class LockError extends FileError {
  override readonly name = 'LockError'
}
