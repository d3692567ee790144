/**
 * The objects of a git repository, read by git. Each is hashed again here and must match its id, so
 * that no pack index can pass one object off as another.
 */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { createHash } from 'node:crypto'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { startGit } from './run-git.ts'

/** Bytes of one object. */
const OBJECT_LIMIT = 512 * 1024 * 1024

/** The types of git objects, as git names them. */
export type GitObjectType = 'blob' | 'tree' | 'commit' | 'tag'

/** An open repository. */
export interface GitObjects {
  /**
   * The contents of the object with this id (40 or 64 hex digits). Throws FileError if it is
   * absent, has another type, is larger than 512 MiB, or does not hash to its id.
   */
  read(id: string, type: GitObjectType): Promise<Uint8Array>
  close(): void
}

/** Opens a repository that this program made. It has to be closed: git keeps running until then. */
export function openGitObjects(directory: string): GitObjects {
  const git = startGit({ directory }, ['cat-file', '--batch'])
  git.stderr.resume()
  git.stdin.on('error', () => undefined)
  const reader = readerOf(git)
  return {
    read: async (id, type) => {
      if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(id))
        throw new FileError(`${printable(id)} is not an object id`)
      git.stdin.write(`${id}\n`)
      const head = await reader.line()
      const [, found = '', size = ''] = /^[0-9a-f]+ (\w+) (\d{1,15})$/.exec(head) ?? []
      if (found !== type) throw new FileError(`git: ${printable(head, 200)}, where a ${type} is needed`)
      if (Number(size) > OBJECT_LIMIT)
        throw new FileError(`git object ${id} is larger than ${OBJECT_LIMIT} bytes`)
      const contents = await reader.bytes(Number(size))
      await reader.bytes(1)
      assertId(id, type, contents)
      return contents
    },
    close: () => git.kill('SIGKILL'),
  }
}

/** Throws FileError unless these contents have this id. */
export function assertId(id: string, type: GitObjectType, contents: Uint8Array): void {
  const hash = createHash(id.length === 40 ? 'sha1' : 'sha256')
  const actual = hash.update(`${type} ${contents.length}\0`).update(contents).digest('hex')
  if (actual !== id) throw new FileError(`git object ${id} is corrupt: its contents have the id ${actual}`)
}

/** Reads lines and counted bytes from a child process, in turn. */
function readerOf(git: ChildProcessWithoutNullStreams) {
  const pieces = git.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let buffered: Buffer = Buffer.alloc(0)
  const more = async (): Promise<Buffer> => {
    const { value, done } = await pieces.next()
    if (done) throw new FileError('git ended before it answered: is that a repository?')
    return value
  }
  const take = (count: number): Buffer => {
    const taken = buffered.subarray(0, count)
    buffered = buffered.subarray(count)
    return taken
  }
  return {
    line: async (): Promise<string> => {
      for (let end = buffered.indexOf(10); ; end = buffered.indexOf(10)) {
        if (end >= 0) return take(end + 1).toString('latin1', 0, end)
        if (buffered.length > 4096) throw new FileError('git: an answer that is too long')
        buffered = Buffer.concat([buffered, await more()])
      }
    },
    bytes: async (count: number): Promise<Buffer> => {
      const parts: Buffer[] = []
      let missing = count
      while (missing > 0) {
        if (buffered.length === 0) buffered = await more()
        const part = take(Math.min(missing, buffered.length))
        parts.push(part)
        missing -= part.length
      }
      return Buffer.concat(parts)
    },
  }
}
