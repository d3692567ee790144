/**
 * The objects of a git repository, read by git. Each is hashed again here and must match its id, so
 * that no pack index can pass one object off as another.
 */
import { createHash, hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { FileError } from '../files/regular-file.ts'
import { OBJECT_ID } from '../formats/git-object-id.ts'
import { printable } from '../primitives/printable.ts'
import { type AnswerReader, answersOf } from './answers.ts'
import { makeFifo } from './fifo.ts'
import { type IdSize, idSizeOf } from './own-repository.ts'
import { startGit } from './run-git.ts'

/** Bytes of one object. */
const OBJECT_LIMIT = 512 * 1024 * 1024

/** Ids that are written to git at once. */
const BATCH = 512

/** An object is there and has another type, which it names; its contents were not looked at. */
export class OtherTypeError extends FileError {
  readonly found: string

  constructor(found: string, message: string) {
    super(message)
    this.found = found
  }
}

/** The types of git objects, as git names them. */
export type GitObjectType = 'blob' | 'tree' | 'commit' | 'tag'

/** An open repository. */
export interface GitObjects {
  /**
   * The contents of the object with this id (40 or 64 hex digits). Calls may overlap; git then
   * works ahead. Throws FileError if the object is absent, has another type, is larger than 512
   * MiB, or does not hash to its id.
   */
  read(id: string, type: GitObjectType): Promise<Uint8Array>
  /**
   * The contents of many objects, in the order of their ids, as fast as git gives them and in
   * bounded memory. The bytes are valid until the next ones are asked for. Throws as `read` does.
   */
  stream(ids: Iterable<string>, type: GitObjectType): AsyncGenerator<Uint8Array>
  close(): void
}

/** Opens a repository that this program made. It has to be closed: git keeps running until then. */
export function openGitObjects(directory: string): GitObjects {
  const git = startGit({ directory }, ['cat-file', '--batch'])
  git.stderr.resume()
  git.stdin.on('error', () => undefined)
  const answers = answersOf(git.stdout)
  let previous: Promise<unknown> = Promise.resolve()
  return {
    read: (id, type) => {
      if (!OBJECT_ID.test(id)) return Promise.reject(new FileError(`${printable(id)} is not an object id`))
      git.stdin.write(`${id}\n`)
      const object = previous.then(async () => Buffer.from(await receive(answers, id, type)))
      previous = object.catch(() => undefined)
      return object
    },
    stream: (ids, type) => streamOf(directory, ids, type),
    close: () => git.kill('SIGKILL'),
  }
}

/** Whether an object is there, has this type, and matches its id. Reads all of it. */
export async function hasObject(objects: GitObjects, id: string, type: GitObjectType): Promise<boolean> {
  try {
    await objects.read(id, type)
    return true
  } catch (error) {
    if (error instanceof FileError) return false
    throw error
  }
}

/** One git for all: it gathers what it answers, and its pipe is never empty. */
async function* streamOf(
  directory: string,
  ids: Iterable<string>,
  type: GitObjectType,
): AsyncGenerator<Uint8Array> {
  const fifo = makeFifo()
  const git = startGit({ directory }, ['cat-file', '--batch', '--buffer'], fifo?.writable)
  try {
    fifo?.closeWritable()
    git.stderr.resume()
    git.stdin.on('error', () => undefined)
    const questions = Readable.from(batchesOf(ids), { objectMode: true, highWaterMark: 1 })
    questions.pipe(git.stdin)
    const answers = answersOf(fifo?.pieces ?? git.stdout)
    for (const id of ids) yield await receive(answers, id, type)
    questions.destroy()
  } finally {
    git.kill('SIGKILL')
    fifo?.close()
  }
}

function* batchesOf(ids: Iterable<string>): Generator<string> {
  let batch: string[] = []
  for (const id of ids) {
    if (!OBJECT_ID.test(id)) throw new FileError(`${printable(id)} is not an object id`)
    batch.push(`${id}\n`)
    if (batch.length < BATCH) continue
    yield batch.join('')
    batch = []
  }
  if (batch.length > 0) yield batch.join('')
}

/** Reads one answer of `cat-file --batch` to its end, so that the next one can be read. */
async function receive(answers: AnswerReader, id: string, type: GitObjectType): Promise<Uint8Array> {
  const head = answers.bufferedLine() ?? (await answers.line())
  const [, name, found = '', digits = ''] = /^([0-9a-f]+) (\w+) (\d{1,15})$/.exec(head) ?? []
  const size = Number(digits)
  if (found === '' || name !== id) {
    throw new FileError(`git: ${printable(head, 200)}, where a ${type} is needed`)
  }
  if (size > OBJECT_LIMIT) {
    await answers.skip(size + 1)
    throw new FileError(`git object ${id} is larger than ${OBJECT_LIMIT} bytes`)
  }
  const bytes = answers.buffered(size + 1) ?? (await answers.bytes(size + 1))
  if (found !== type)
    throw new OtherTypeError(found, `git: ${printable(head, 200)}, where a ${type} is needed`)
  const contents = bytes.subarray(0, size)
  assertId(id, type, contents)
  return contents
}

/** Throws FileError unless these contents have this id. */
export function assertId(id: string, type: GitObjectType, contents: Uint8Array): void {
  const actual = objectId(idSizeOf(id), type, contents)
  if (actual !== id) throw new FileError(`git object ${id} is corrupt: its contents have the id ${actual}`)
}

/** Small objects are copied behind their heads: to make a hash costs more than that. */
const joined = Buffer.allocUnsafe(64 * 1024)

/** The id of an object with these contents, in lower-case hex. */
export function objectId(size: IdSize, type: GitObjectType, contents: Uint8Array): string {
  const algorithm = size === 20 ? 'sha1' : 'sha256'
  const head = `${type} ${contents.length}\0`
  if (head.length + contents.length > joined.length) {
    return createHash(algorithm).update(head).update(contents).digest('hex')
  }
  const length = joined.write(head, 'latin1')
  joined.set(contents, length)
  return hash(algorithm, joined.subarray(0, length + contents.length), 'hex')
}
