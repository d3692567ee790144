/**
 * What setup changed, so that unsetup can restore it: `/var/lib/nixsig/setup.json`, readable by
 * root only, because it holds the contents of nix.conf. JSON with exactly these fields:
 *
 *     { "version": 1, "directory": "/opt/nixsig", "program": "0.1.0",
 *       "without": ["plugin"], "finished": true, "nixConfDirectoryMade": false,
 *       "files": {
 *         "nix.conf": {
 *           "path": …,
 *           "before": null | { "contents": <base 64>, "mode", "uid", "gid" },
 *           "after": [ null | { "sha256": <hex>, "mode", "uid", "gid" } ] },
 *         "nixsig.conf": …, "unit": { …, "was": ["enabled", "active"] }, "socket-unit": …,
 *         "root.conf": …, "after-build": … } }
 */
import { createHash } from 'node:crypto'
import {
  fields,
  type JsonNode,
  listOf,
  malformed,
  objectOf,
  rootNode,
  sha256Of,
  stringOf,
} from '../formats/json/shape.ts'
import { decodeUtf8, type JsonValue, parseStrictJson } from '../formats/json/strict.ts'
import { fromBase64 } from '../primitives/base64.ts'
import type { FileState } from './file-state.ts'
import { FRONTS, type Front } from './installation.ts'

/** The most bytes: nix.conf and one of each other file, of 1 MiB each, in base 64. */
export const RECORD_LIMIT = 6 * 1024 * 1024
const DEPTH_LIMIT = 6
/** The most states that are recorded per file, one for each run that was killed. */
const MARK_LIMIT = 16
const ID_LIMIT = 0xffff_ffff

/** The files that setup may change; unsetup touches no others, whatever a record says. */
export const ROLES = ['nix.conf', 'nixsig.conf', 'unit', 'socket-unit', 'root.conf', 'after-build'] as const
export type Role = (typeof ROLES)[number]

/** `active`: it runs, or listens; `enabled`: it starts at each boot. */
export const UNIT_STATES = ['enabled', 'active'] as const
export type UnitState = (typeof UNIT_STATES)[number]

/** The state of a file, with a hash in place of the contents. */
export interface FileMark extends Omit<FileState, 'bytes'> {
  readonly sha256: string
}

/** What setup recorded about one file. */
export interface RecordedFile {
  readonly path: string
  readonly before: FileState | undefined
  /**
   * The states in which setup left the file, by which it is recognised; after a killed run also
   * those of the run before. Undefined: absent.
   */
  readonly after: readonly (FileMark | undefined)[]
  /** What systemd made of a unit of the user's that setup replaced; undefined: nothing. */
  readonly was?: readonly UnitState[]
}

/** The record of a setup. */
export interface SetupRecord {
  readonly directory: string
  /** The version of nixsig that set this machine up; undefined if it did not say. */
  readonly program?: string
  readonly without: readonly Front[]
  /** Whether all steps were done. */
  readonly finished: boolean
  /** Whether setup made the directory of nix.conf. */
  readonly nixConfDirectoryMade: boolean
  readonly files: ReadonlyMap<Role, RecordedFile>
}

/** The mark by which a state is recognised later. */
export function markOf(state: FileState | undefined): FileMark | undefined {
  if (state === undefined) return undefined
  const { bytes, ...rest } = state
  return { ...rest, sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** Whether a file is in a state in which setup left it. */
export function isAsLeft(state: FileState | undefined, { after }: Pick<RecordedFile, 'after'>): boolean {
  const found = markOf(state)
  return after.some(mark => isSameMark(found, mark))
}

function isSameMark(found: FileMark | undefined, mark: FileMark | undefined): boolean {
  if (found === undefined || mark === undefined) return found === mark
  return (
    found.sha256 === mark.sha256 &&
    found.mode === mark.mode &&
    found.uid === mark.uid &&
    found.gid === mark.gid
  )
}

/** Encodes a record; `parseRecord` reads it. */
export function printRecord({ files, ...record }: SetupRecord): string {
  const printed = [...files].map(([role, { path, before, after, was }]) => {
    const contents = before && { contents: before.bytes.toString('base64'), ...rightsOf(before) }
    const marks = after.map(mark => (mark === undefined ? null : { sha256: mark.sha256, ...rightsOf(mark) }))
    return [role, { path, before: contents ?? null, after: marks, ...(was === undefined ? {} : { was }) }]
  })
  return `${JSON.stringify({ version: 1, ...record, files: Object.fromEntries(printed) }, undefined, 2)}\n`
}

function rightsOf({ mode, uid, gid }: Omit<FileState, 'bytes'>) {
  return { mode, uid, gid }
}

/** Parses what printRecord wrote. Throws FormatError for anything else. */
export function parseRecord(bytes: Uint8Array): SetupRecord {
  const text = decodeUtf8(bytes, 'setup.json')
  const node = rootNode('setup.json', parseStrictJson(text, { length: RECORD_LIMIT, depth: DEPTH_LIMIT }))
  const read = fields(node, {
    required: ['version', 'directory', 'without', 'finished', 'nixConfDirectoryMade', 'files'],
    optional: ['program'],
    others: 'refuse',
  })
  if (read.version.value !== 1) throw malformed(read.version, 'must be 1')
  const files = fields(read.files, { required: [], optional: ROLES, others: 'refuse' })
  return {
    directory: stringOf(read.directory),
    ...(read.program === undefined ? {} : { program: stringOf(read.program) }),
    without: listOf(read.without, FRONTS.length).map(front => oneOf(front, FRONTS)),
    finished: booleanOf(read.finished),
    nixConfDirectoryMade: booleanOf(read.nixConfDirectoryMade),
    files: new Map(
      ROLES.flatMap(role => {
        const file = files[role]
        return file === undefined ? [] : [[role, recordedFile(file)] as const]
      }),
    ),
  }
}

function recordedFile(node: JsonNode): RecordedFile {
  const read = fields(node, { required: ['path', 'before', 'after'], optional: ['was'], others: 'refuse' })
  return {
    path: stringOf(read.path),
    before: orNull(read.before, before => {
      const { contents, ...rights } = shapeOf(before, 'contents')
      return { bytes: Buffer.from(base64Of(contents)), ...rights }
    }),
    after: listOf(read.after, MARK_LIMIT).map(mark =>
      orNull(mark, node => {
        const { sha256, ...rights } = shapeOf(node, 'sha256')
        return { sha256: sha256Of(sha256), ...rights }
      }),
    ),
    ...(read.was === undefined
      ? {}
      : { was: listOf(read.was, UNIT_STATES.length).map(state => oneOf(state, UNIT_STATES)) }),
  }
}

function shapeOf<Name extends string>(node: JsonNode, name: Name) {
  const { mode, uid, gid, ...rest } = fields(node, {
    required: [name, 'mode', 'uid', 'gid'],
    optional: [],
    others: 'refuse',
  })
  const rights = { mode: numberOf(mode, 0o7777), uid: numberOf(uid, ID_LIMIT), gid: numberOf(gid, ID_LIMIT) }
  // Whoever can write to nix.conf could disable nixsig.
  if ((rights.mode & 0o022) !== 0) throw malformed(mode, 'would let others write')
  return { ...rest, ...rights } as Readonly<Record<Name, JsonNode>> & typeof rights
}

function orNull<T>(node: JsonNode, read: (node: JsonNode) => T): T | undefined {
  if (node.value === null) return undefined
  objectOf(node)
  return read(node)
}

function base64Of(node: JsonNode): Uint8Array {
  const text = stringOf(node)
  try {
    return fromBase64(text)
  } catch {
    throw malformed(node, 'must be base 64')
  }
}

function booleanOf(node: JsonNode): boolean {
  if (typeof node.value !== 'boolean') throw malformed(node, 'must be true or false')
  return node.value
}

function numberOf(node: JsonNode, limit: number): number {
  const value: JsonValue = node.value
  if (typeof value !== 'number' || value < 0 || value > limit)
    throw malformed(node, `must be a number up to ${limit}`)
  return value
}

function oneOf<T extends string>(node: JsonNode, words: readonly T[]): T {
  const text = stringOf(node)
  const word = words.find(known => known === text)
  if (word === undefined) throw malformed(node, `must be one of ${words.join(', ')}`)
  return word
}
