/**
 * The objects of somebody's repository in a view of our own, in such a way that its owner can put
 * nothing in their place afterwards: git would wait forever for the end of a pipe.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { namesIn } from '../files/names-in.ts'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'

/**
 * Loose objects and packs that are linked. Git packs loose objects long before there are this many.
 */
const LINK_LIMIT = 200_000

/** Bytes of a loose object that is copied; a larger one is held open, like a pack. */
const COPY_LIMIT = 1024 * 1024

/** Reasons for which a file gets no other name: another file system, or not the caller's file. */
const UNLINKABLE = ['EXDEV', 'EPERM', 'EACCES', 'EMLINK', 'EROFS', 'ENOTSUP', 'EOPNOTSUPP']

/** What holds the objects of a view. They are gone from it when it is closed. */
export interface LinkedObjects {
  close(): void
}

/**
 * Links packs, their indexes and loose objects, and nothing else in the directory. Throws FileError
 * for one that is not a regular file, symbolic links included.
 */
export function linkObjects(from: string, to: string): LinkedObjects {
  const held: number[] = []
  const close = () => {
    for (const fd of held.splice(0)) closeSync(fd)
  }
  let links = 0
  const link = (directory: string, form: RegExp, put: (file: string, target: string) => void) => {
    const names = namesIn(join(from, directory)).filter(name => form.test(name))
    links += names.length
    if (links > LINK_LIMIT) throw new FileError(`more than ${LINK_LIMIT} files in ${printable(from)}`)
    mkdirSync(join(to, directory), { recursive: true })
    for (const name of names) put(join(from, directory, name), join(to, directory, name))
  }
  const hold = (file: string, target: string) => holdOpen(file, target, held)
  let canLink = true
  const linkLoose = (file: string, target: string) => {
    canLink &&= linkInode(file, target)
    if (!canLink) copyOrHold(file, target, hold)
  }
  try {
    for (const name of namesIn(from).filter(each => /^[0-9a-f]{2}$/.test(each))) {
      link(name, /^(?:[0-9a-f]{38}|[0-9a-f]{62})$/, linkLoose)
    }
    link('pack', /^pack-[0-9a-f]{40,64}\.(?:pack|idx)$/, hold)
  } catch (error) {
    close()
    throw error
  }
  return { close }
}

/** Gives the file itself another name, which stays with it. False if that is not possible here. */
function linkInode(file: string, target: string): boolean {
  try {
    linkSync(file, target)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (UNLINKABLE.includes(code)) return false
    // Git reports a missing object, if it is needed.
    if (code === 'ENOENT') return true
    throw new FileError(`cannot link ${printable(file)}: ${printable(message)}`)
  }
  if (lstatSync(target).isFile()) return true
  unlinkSync(target)
  throw notRegular(file)
}

function copyOrHold(file: string, target: string, hold: (file: string, target: string) => void): void {
  const status = lstatSync(file, { throwIfNoEntry: false })
  if (status === undefined) return
  if (!status.isFile()) throw notRegular(file)
  const isLarge = status.size > COPY_LIMIT
  if (isLarge) hold(file, target)
  const contents = isLarge ? undefined : readRegularFile(file, COPY_LIMIT)
  if (contents !== undefined) writeFileSync(target, contents, { mode: 0o400 })
}

/**
 * Opens the file and links to what is open, which stays what it is: git is started by this process,
 * and may open it through /proc. Elsewhere than on Linux the file is linked by its name.
 */
function holdOpen(file: string, target: string, held: number[]): void {
  const fd = openHeld(file)
  if (fd === undefined) return
  held.push(fd)
  if (!fstatSync(fd).isFile()) throw notRegular(file)
  const opened = `/proc/${process.pid}/fd/${fd}`
  symlinkSync(existsSync(opened) ? opened : file, target)
}

function openHeld(file: string): number | undefined {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (code === 'ELOOP' || code === 'ENXIO') throw notRegular(file)
    const advice = code === 'EMFILE' ? ': too many packs (git repack -a -d makes them one)' : ''
    throw new FileError(`cannot read ${printable(file)}: ${printable(message)}${advice}`)
  }
}

function notRegular(file: string): FileError {
  return new FileError(`not a regular file: ${printable(file)}`)
}
