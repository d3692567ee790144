/**
 * A path may be taken out of the store, or built again, while it is judged. What was found about
 * one registration says nothing about another.
 */
import { FileError } from '../files/regular-file.ts'
import { identityOf } from '../ledger/stamp.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Inquiry } from './inquiry.ts'

/** One registration of a path in the store: at one time, with these contents. */
export type Making = Pick<PathInfo, 'path' | 'narHash' | 'registrationTime'>

/** What became of a registration since it was first read. */
export type Fate = 'there' | 'leaving' | 'gone'

/**
 * Asks the store again about a registration; a daemon does not cache what it answered before.
 * `leaving`: it is registered but not on the disk, as while another process takes it out. `gone`:
 * it is no longer registered, or was made again.
 */
export async function fateOf(inquiry: Inquiry, { path, narHash, registrationTime }: Making): Promise<Fate> {
  const info = await (await inquiry.store()).pathInfo(path)
  if (info?.narHash !== narHash || info.registrationTime !== registrationTime) return 'gone'
  return identityOf(path) === undefined ? 'leaving' : 'there'
}

/**
 * Asserts that what was just read from the disk belongs to this registration: if the store still
 * has it, nothing else has lain there since the store was first asked. Throws FileError.
 */
export async function assertSameMaking(inquiry: Inquiry, making: Making): Promise<void> {
  if ((await fateOf(inquiry, making)) === 'gone')
    throw new FileError(`${making.path} was taken out of the store, or made again, while it was judged`)
}
