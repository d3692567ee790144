import { createHash } from 'node:crypto'
import {
  narClose,
  narDirectoryHead,
  narFileTail,
  narPadding,
  narStart,
  narStrings,
} from '../formats/nix/nar-tokens.ts'

/** Small pieces are gathered up to this size: each call of a hash costs more than a copy. */
const SIZE = 64 * 1024

/** Writes the pieces of a NAR in their order (src/formats/nix/nar-tokens.ts) and hashes them. */
export interface NarWriter {
  directory(): void
  /** What comes before an entry: its name, a byte string. */
  entry(name: string): void
  /** What comes after an entry or a directory. */
  close(): void
  /** A whole file. Its contents may change afterwards. */
  file(contents: Uint8Array, executable: boolean): void
  /** A whole symbolic link, by its target. */
  symlink(target: Uint8Array): void
  /** The SHA-256 hash of all, in lower-case hex. Nothing can be written after it. */
  digest(): string
}

const DIRECTORY = narDirectoryHead()
const CLOSE = narClose()
const ENTRY = narStrings('entry', '(', 'name')
const NODE = narStrings('node')
const FILE = narStrings('(', 'type', 'regular', 'contents')
const EXECUTABLE = narStrings('(', 'type', 'regular', 'executable', '', 'contents')
const SYMLINK = narStrings('(', 'type', 'symlink', 'target')

/** What follows contents with these many bytes, by their number modulo eight. */
const FILE_TAILS = Array.from({ length: 8 }, (_, size) => narFileTail(size))
const ZEROS = new Uint8Array(8)

/** Begins a NAR. Names and contents are copied into one piece of memory, without small buffers. */
export function narWriter(): NarWriter {
  const hash = createHash('sha256')
  const gathered = Buffer.allocUnsafe(SIZE)
  let length = 0
  const flush = () => {
    hash.update(gathered.subarray(0, length))
    length = 0
  }
  const add = (bytes: Uint8Array) => {
    const isLarge = bytes.length > SIZE / 2
    if (isLarge || length + bytes.length > SIZE) flush()
    if (isLarge) {
      hash.update(bytes)
      return
    }
    gathered.set(bytes, length)
    length += bytes.length
  }
  const addLength = (size: number) => {
    if (length + 8 > SIZE) flush()
    length = gathered.writeUInt32LE(size % 2 ** 32, length)
    length = gathered.writeUInt32LE(Math.floor(size / 2 ** 32), length)
  }
  const addPadded = (bytes: Uint8Array) => {
    addLength(bytes.length)
    add(bytes)
    add(ZEROS.subarray(0, narPadding(bytes.length)))
  }
  add(narStart())
  return {
    directory: () => add(DIRECTORY),
    close: () => add(CLOSE),
    entry: name => {
      add(ENTRY)
      addPadded(Buffer.from(name, 'latin1'))
      add(NODE)
    },
    file: (contents, executable) => {
      add(executable ? EXECUTABLE : FILE)
      addLength(contents.length)
      add(contents)
      add(FILE_TAILS[contents.length % 8] ?? CLOSE)
    },
    symlink: target => {
      add(SYMLINK)
      addPadded(target)
      add(CLOSE)
    },
    digest: () => {
      flush()
      return hash.digest('hex')
    },
  }
}
