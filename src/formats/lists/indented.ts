import { isList, isObject } from '../json/print.ts'
import type { JsonValue } from '../json/strict.ts'

/** JSON for people and for git: two spaces a level, lists of plain values in one line. */
export function indented(value: JsonValue, margin = ''): string {
  const inner = `${margin}  `
  if (isObject(value)) {
    if (value.size === 0) return '{}'
    const entries = [...value].map(
      ([key, entry]) => `${inner}${JSON.stringify(key)}: ${indented(entry, inner)}`,
    )
    return `{\n${entries.join(',\n')}\n${margin}}`
  }
  if (isList(value)) {
    if (value.every(entry => !isObject(entry) && !isList(entry)))
      return `[${value.map(entry => JSON.stringify(entry)).join(', ')}]`
    return `[\n${value.map(entry => `${inner}${indented(entry, inner)}`).join(',\n')}\n${margin}]`
  }
  return JSON.stringify(value)
}
