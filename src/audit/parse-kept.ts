/**
 * The file in which an audit is kept: a line with the format and the BLAKE2b-512 of all that
 * follows, which takes half as long as SHA-256, and one JSON document (packed.ts). The sum finds what
 * a disk or a crash did to it; that only root could have written it, who reads it makes sure of.
 */
import { isStorePath } from '../formats/nix/store-path.ts'
import type { StorePathKind } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { blake2b512 } from '../primitives/sodium.ts'
import { type Kept, type Packed, packed } from './packed.ts'
import { unpacked } from './unpacked.ts'

const HEAD = /^nixsig-audit-kept-5 ([0-9a-f]{128})\n/
const HEAD_LENGTH = 'nixsig-audit-kept-5 '.length + 128 + 1

/** Prints what `parseKept` reads. */
export function printKept(kept: Kept): Uint8Array {
  const document = printDocument(kept)
  return Buffer.concat([Buffer.from(`nixsig-audit-kept-5 ${toHex(blake2b512(document))}\n`), document])
}

/** The document alone. */
export function printDocument(kept: Kept): Buffer {
  return Buffer.from(JSON.stringify(packed(kept)), 'utf8')
}

/** Throws FormatError unless it is whole, and everything in it of the form that it has to have. */
export function parseKept(bytes: Uint8Array): Kept {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const sum = HEAD.exec(file.toString('latin1', 0, HEAD_LENGTH))?.[1]
  const document = file.subarray(HEAD_LENGTH)
  if (sum === undefined) throw broken('not of this format')
  if (toHex(blake2b512(document)) !== sum) throw broken('not what was written')
  return parseDocument(document)
}

/** Parses the document alone. Throws FormatError. */
export function parseDocument(document: Uint8Array): Kept {
  const value = jsonIn(Buffer.from(document.buffer, document.byteOffset, document.byteLength))
  if (!isPacked(value)) throw broken('not of the form that it has')
  return unpacked(value)
}

function jsonIn(document: Buffer): unknown {
  try {
    return JSON.parse(document.toString('utf8'))
  } catch (error) {
    throw broken('not JSON', error)
  }
}

function broken(problem: string, cause?: unknown): FormatError {
  return new FormatError('kept audit', problem, 'the whole', { cause })
}

type Is<T> = (value: unknown) => value is T

/** Each field has its own reader: a field that is forgotten here is a type error. */
function record<T extends object>(fields: { readonly [Name in keyof T]-?: Is<T[Name]> }): Is<T> {
  const readers = Object.entries(fields) as [string, Is<unknown>][]
  return (value): value is T => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
    const given = value as Record<string, unknown>
    return readers.every(([name, is]) => is(Object.hasOwn(given, name) ? given[name] : undefined))
  }
}

function row<T extends readonly unknown[]>(...fields: { readonly [Place in keyof T]: Is<T[Place]> }): Is<T> {
  return (value): value is T => {
    if (!Array.isArray(value) || value.length !== fields.length) return false
    for (let place = 0; place < fields.length; place++)
      if (fields[place]?.(value[place]) !== true) return false
    return true
  }
}

function listOf<T>(is: Is<T>): Is<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(is)
}

function oneOf<const T>(...values: readonly T[]): Is<T> {
  return (value): value is T => values.includes(value as T)
}

function either<A, B>(one: Is<A>, other: Is<B>): Is<A | B> {
  return (value): value is A | B => one(value) || other(value)
}

function formed(form: RegExp): Is<string> {
  return (value): value is string => typeof value === 'string' && form.test(value)
}

const absent: Is<undefined> = (value): value is undefined => value === undefined
const none: Is<null> = (value): value is null => value === null
const text: Is<string> = (value): value is string => typeof value === 'string'
const flag: Is<boolean> = (value): value is boolean => typeof value === 'boolean'
/** A place in a list, a size, or when the store registered something: none is below 0. */
const count: Is<number> = (value): value is number => Number.isSafeInteger(value) && (value as number) >= 0
/** Seconds since 1970, or before. */
const instant: Is<number> = (value): value is number => Number.isSafeInteger(value)
const storePath: Is<string> = (value): value is string => typeof value === 'string' && isStorePath(value)
const hash = formed(/^[0-9a-f]{64}$/)
/** Any number of them, without anything between. */
const hashes: Is<string> = (value): value is string => typeof value === 'string' && !/[^0-9a-f]/.test(value)
const bit = oneOf<0 | 1>(0, 1)

const KINDS: readonly StorePathKind[] = ['fetched-source', 'local-source', 'derivation', 'output']

const isPacked: Is<Packed> = record<Packed>({
  time: instant,
  change: either(instant, absent),
  basis: record<Packed['basis']>({ version: text, policy: hash, own: either(text, absent) }),
  database: either(text, absent),
  names: listOf(text),
  isWhole: flag,
  valid: listOf(storePath),
  keys: listOf(
    row<Packed['keys'][number]>(
      text,
      record<Packed['keys'][number][1]>({
        label: text,
        principal: either(text, absent),
        until: either(instant, absent),
        isRevoked: flag,
      }),
    ),
  ),
  paths: text,
  signatures: text,
  standings: listOf(
    record<Packed['standings'][number]>({
      outcome: oneOf('trusted'),
      rule: text,
      basis: oneOf('claims', 'exemption', 'no-requirement', undefined),
      exemption: either(count, absent),
      claims: listOf(
        record<Packed['standings'][number]['claims'][number]>({
          key: text,
          role: oneOf('developer', 'packager', 'reviewer', 'builder', 'approver'),
          origin: text,
          graph: either(storePath, absent),
          holders: listOf(text),
        }),
      ),
      critical: record<Packed['standings'][number]['critical']>({
        keys: listOf(text),
        principals: listOf(text),
      }),
    }),
  ),
  infos: record<Packed['infos']>({
    path: listOf(count),
    narHash: hashes,
    narSize: listOf(count),
    count: listOf(count),
    references: listOf(count),
    registrationTime: listOf(count),
    isContentAddressed: listOf(bit),
    signatures: listOf(count),
  }),
  judged: record<Packed['judged']>({
    path: listOf(count),
    kind: listOf(oneOf(...KINDS)),
    stamp: text,
    entry: text,
    registered: listOf(count),
    files: text,
    signatures: listOf(count),
    narHash: hashes,
    builtHere: listOf(bit),
    derivation: listOf(count),
    inputs: listOf(either(listOf(count), none)),
    standing: listOf(count),
    until: listOf(either(instant, none)),
  }),
})
