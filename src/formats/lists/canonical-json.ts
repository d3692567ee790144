import { FormatError } from '../../primitives/format-error.ts'
import { isList, isObject } from '../json/print.ts'
import type { JsonValue } from '../json/strict.ts'

/**
 * Canonical JSON as OLPC defined it and TUF signs it, in UTF-8: no white space, keys sorted by code
 * point, and in strings only `"` and `\` are escaped. Throws FormatError for numbers that are not
 * integers, and for keys outside of the Basic Multilingual Plane, which libraries sort differently.
 */
export function canonicalJson(value: JsonValue): Uint8Array {
  return Buffer.from(text(value), 'utf8')
}

function text(value: JsonValue): string {
  if (isObject(value)) {
    const keys = [...value.keys()].sort()
    return `{${keys.map(key => `${keyText(key)}:${text(value.get(key) ?? null)}`).join(',')}}`
  }
  if (isList(value)) return `[${value.map(text).join(',')}]`
  if (typeof value === 'string') return stringText(value)
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new FormatError('canonical JSON', 'a number that is not an integer', 'a number')
  return String(value)
}

function keyText(key: string): string {
  if (/[\ud800-\udfff]/.test(key))
    throw new FormatError('canonical JSON', 'a key outside of the Basic Multilingual Plane', 'a key')
  return stringText(key)
}

function stringText(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`
}
