import type { JsonObject, JsonValue } from './strict.ts'

/** An object with these fields in this order. Undefined fields are left out. */
export function jsonObject(entries: readonly (readonly [string, JsonValue | undefined])[]): JsonObject {
  const object = new Map<string, JsonValue>()
  for (const [key, value] of entries) {
    if (value !== undefined) object.set(key, value)
  }
  return object
}

/**
 * JSON without white space. The keys are in the order of the map, so equal maps of equal order give
 * equal text.
 */
export function printJson(value: JsonValue): string {
  if (isObject(value)) {
    const entries = [...value].map(([key, entry]) => `${JSON.stringify(key)}:${printJson(entry)}`)
    return `{${entries.join(',')}}`
  }
  if (isList(value)) return `[${value.map(printJson).join(',')}]`
  return JSON.stringify(value)
}

/** Whether a JSON value is an object. */
export function isObject(value: JsonValue): value is JsonObject {
  return value instanceof Map
}

/** Whether a JSON value is a list. */
export function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}
