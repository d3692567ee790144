import { ArgumentError } from '../../files/regular-file.ts'

/** A lock cannot be changed as was asked. */
export class LockError extends ArgumentError {
  override readonly name = 'LockError'
}
