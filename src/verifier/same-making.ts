/**
 * A path that is taken out of the store, or made again, while it is judged: what was found of one making says nothing of
 * another.
 */
import { FileError } from '../files/regular-file.ts'
import { identityOf } from '../ledger/stamp.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Inquiry } from './inquiry.ts'

/** A path as the store registered it: once, at one time, with these contents. */
export type Making = Pick<PathInfo, 'path' | 'narHash' | 'registrationTime'>

/** What became of a making since it was asked about. */
export type Fate = 'there' | 'leaving' | 'gone'

/**
 * Asks the store anew about a making; a daemon keeps nothing of what it said before. `leaving`: it is registered and not on
 * the disk, as while another process takes it out. `gone`: it is not registered, or was made again.
 */
export async function fateOf(inquiry: Inquiry, { path, narHash, registrationTime }: Making): Promise<Fate> {
  const info = await (await inquiry.store()).pathInfo(path)
  if (info?.narHash !== narHash || info.registrationTime !== registrationTime) return 'gone'
  return identityOf(path) === undefined ? 'leaving' : 'there'
}

/**
 * Asserts that what was read from the disk just now was of this making: by the time the store says that it still has it,
 * nothing else has lain there since it was first asked. Throws FileError.
 */
export async function assertSameMaking(inquiry: Inquiry, making: Making): Promise<void> {
  if ((await fateOf(inquiry, making)) === 'gone')
    throw new FileError(`${making.path} was taken out of the store, or made again, while it was judged`)
}
