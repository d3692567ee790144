/** What is printed as JSON with the names of our types in snake_case. */

/** Calls `narHash` `nar_hash`. */
export function snakeCase(name: string): string {
  const known = names.get(name)
  if (known !== undefined) return known
  const snake = name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
  names.set(name, snake)
  return snake
}

/** There are few names and many fields. No name comes from outside. */
const names = new Map<string, string>()

/**
 * The same for JSON.stringify: fields in snake_case, undefined as null. Half a pair of surrogates
 * becomes U+FFFD, as it is no text and no strict reader takes it. Written for speed: an audit has a
 * million values.
 */
export function inSnakeCase(value: unknown): unknown {
  if (value === undefined) return null
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value))
    return value.length > 0 && typeof value[0] === 'number' ? value : value.map(inSnakeCase)
  const fields: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value)) fields[snakeCase(name)] = inSnakeCase(field)
  return fields
}
