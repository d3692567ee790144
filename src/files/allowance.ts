/**
 * A bound on the bytes that are read for one question. To read and parse them takes the process
 * time in which it answers nobody else, so whoever may ask it must not choose how many they are.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { FileError } from './regular-file.ts'

interface Allowance {
  left: number
  isExceeded: boolean
}

const current = new AsyncLocalStorage<Allowance>()

/**
 * Does some work that may read so many bytes of what `spendAllowance` counts. Throws FileError with
 * this message (already escaped) if it would have read more, whatever it made of that itself: an
 * answer without them would be about less than was asked.
 */
export async function withAllowance<T>(bytes: number, message: string, work: () => Promise<T>): Promise<T> {
  const allowance: Allowance = { left: bytes, isExceeded: false }
  const [ended] = await Promise.allSettled([current.run(allowance, work)])
  if (allowance.isExceeded) throw new FileError(message)
  if (ended.status === 'rejected') throw ended.reason
  return ended.value
}

/**
 * Counts bytes that are about to be read for the caller's question. Throws FileError if they are
 * more than what is left. Does nothing outside of any allowance.
 */
export function spendAllowance(bytes: number): void {
  const allowance = current.getStore()
  if (allowance === undefined) return
  if (bytes > allowance.left || allowance.isExceeded) {
    allowance.isExceeded = true
    throw new FileError('more would have to be read than one question may cost')
  }
  allowance.left -= bytes
}
