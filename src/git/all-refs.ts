/**
 * All references of a repository, read from its files (gitrepository-layout(5), git-pack-refs(1)),
 * so that git need not run in it.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { OBJECT_ID } from './refs.ts'

const PACKED_LIMIT = 256 * 1024 * 1024
const LOOSE_LIMIT = 4096
const COUNT_LIMIT = 500_000
const DEPTH_LIMIT = 32

/** What a reference leads to. */
export interface Ref {
  readonly id: string
  /** Of an annotated tag in `packed-refs`: what it is a tag of, as that file says. */
  readonly peeled?: string
}

/** References by their whole names, such as `refs/heads/main`. */
export type Refs = ReadonlyMap<string, Ref>

/**
 * The references of a repository by the directory that all its work trees share. Symbolic ones,
 * those that replace objects, and names that git does not allow are left out. Throws FileError if
 * they are kept in another way or cannot be read.
 */
export function readRefs(directory: string): Refs {
  if (existsSync(join(directory, 'reftable'))) {
    throw new FileError(
      `${printable(directory)} keeps its references in reftables, which are not read: make a clone with --ref-format=files`,
    )
  }
  const refs = new Map<string, Ref>()
  readPacked(directory, refs)
  readLoose(directory, 'refs', refs)
  for (const name of refs.keys()) if (!isRefName(name)) refs.delete(name)
  return refs
}

/** The references whose names begin with a prefix. */
export function refsBelow(refs: Refs, prefix: string): Refs {
  return new Map([...refs].filter(([name]) => name.startsWith(prefix)))
}

/** Gives a repository of our own these references, in place of those that it has. */
export function writePackedRefs(directory: string, refs: Refs): void {
  const lines = [...refs].map(([name, { id }]) => `${id} ${name}\n`)
  writeFileSync(join(directory, 'packed-refs'), lines.sort().join(''))
}

/** Whether git allows the name (git-check-ref-format(1)) and it does not replace objects. */
export function isRefName(name: string): boolean {
  if (!/^refs\/[^\x00-\x20\x7f~^:?*[\\]+$/.test(name) || name.startsWith('refs/replace/')) return false
  return !/\.\.|\/\/|\/\.|@\{|\.lock(?:\/|$)|[./]$/.test(name)
}

function readPacked(directory: string, refs: Map<string, Ref>): void {
  const text = readRegularFile(join(directory, 'packed-refs'), PACKED_LIMIT)?.toString('utf8') ?? ''
  let last: string | undefined
  for (const line of text.split('\n')) {
    const [, peeled] = /^\^([0-9a-f]{40,64})$/.exec(line) ?? []
    const before = last === undefined ? undefined : refs.get(last)
    if (peeled !== undefined && last !== undefined && before !== undefined) {
      refs.set(last, { ...before, peeled })
    }
    const [, id = '', name] = /^([0-9a-f]{40,64}) (refs\/.+)$/.exec(line) ?? []
    last = OBJECT_ID.test(id) ? name : undefined
    if (last !== undefined) add(directory, refs, last, { id })
  }
}

/** What lies in a file of its own comes before what is packed. Links are not followed. */
function readLoose(directory: string, name: string, refs: Map<string, Ref>, depth = 0): void {
  if (depth > DEPTH_LIMIT) throw new FileError(`references too deep in ${printable(directory)}`)
  for (const entry of readdirSync(join(directory, name), { withFileTypes: true })) {
    const full = `${name}/${entry.name}`
    if (entry.isDirectory()) readLoose(directory, full, refs, depth + 1)
    else if (entry.isFile() && isRefName(full)) {
      const id = readRegularFile(join(directory, full), LOOSE_LIMIT)?.toString('latin1').replace(/\n$/, '')
      if (id !== undefined && OBJECT_ID.test(id)) add(directory, refs, full, { id })
    }
  }
}

function add(directory: string, refs: Map<string, Ref>, name: string, ref: Ref): void {
  refs.set(name, ref)
  if (refs.size > COUNT_LIMIT)
    throw new FileError(`more than ${COUNT_LIMIT} references in ${printable(directory)}`)
}
