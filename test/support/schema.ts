/** The schemas of docs/schemas, which say what `--json` prints. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type AnySchema, type ValidateFunction } from 'ajv/dist/2020.js'

const DIRECTORY = join(PROJECT_ROOT, 'docs/schemas')
const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true })
const compiled = new Map<string, ValidateFunction>()

/**
 * Asserts that a value is what a schema describes, and has no field that it does not name: later
 * versions may add some to both. `name` is that of a command with `-` for spaces, such as
 * `git-status`; a text is one line of JSON.
 */
export function assertSchema(name: string, value: unknown): void {
  const validate = compiled.get(name) ?? ajv.compile(closed(readSchema(name)) as AnySchema)
  compiled.set(name, validate)
  const read = typeof value === 'string' ? JSON.parse(value) : value
  assert.ok(validate(read), `${JSON.stringify(read, null, 2)}\n${ajv.errorsText(validate.errors)}`)
}

/**
 * Asserts that an output has one line of JSON at least, and that each is what the schema describes.
 */
export function assertLines(name: string, output: string): void {
  const lines = output.split('\n').filter(line => line !== '')
  assert.ok(lines.length > 0, 'there is a line')
  for (const line of lines) assertSchema(name, line)
}

/** The schema as the docs have it. */
export function readSchema(name: string): unknown {
  return JSON.parse(readFileSync(join(DIRECTORY, `${name}.schema.json`), 'utf8'))
}

/** The same, with no field in any object but those that it names. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const parts = Object.fromEntries(Object.entries(schema).map(([key, part]) => [key, closed(part)]))
  const isObject = 'properties' in parts && !('additionalProperties' in parts)
  return isObject ? { ...parts, additionalProperties: false } : parts
}
